"""The wrapping comes off; the teacher's own words stay."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanno_hf.parsing.instruction import Instruction, parse_instruction
from fanno_hf.parsing.response import parse_response

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("completion", "instruction"),
    [
        ("How do mosses drink?", "How do mosses drink?"),
        ("  How do\nmosses drink? ", "How do\nmosses drink?"),
        ("Sure! Here is a question:\n\n1. **How do mosses drink?**", "How do mosses drink?"),
        ("Certainly, here's one based on the notes: How do mosses drink?", "How do mosses drink?"),
        ("Here are some possible tasks:\n\n- Compare moss and fern.", "Compare moss and fern."),
        ("Question: How do mosses drink?", "How do mosses drink?"),
        ("**Task 1:** Compare moss and fern.", "Compare moss and fern."),
        ("The question is: How do mosses drink?", "How do mosses drink?"),
        ("One possible question could be: How do mosses drink?", "How do mosses drink?"),
        ("What is the answer to the question: How do mosses drink?", "How do mosses drink?"),
        ('What is the answer to the question "How do mosses drink?"', "How do mosses drink?"),
        ('"How do mosses drink?"', "How do mosses drink?"),
        ("„Wie trinken Moose?“", "Wie trinken Moose?"),
        ("Frage: Wie trinken Moose?", "Wie trinken Moose?"),
        ("Claro, aquí tienes una pregunta: ¿Cómo beben los musgos?", "¿Cómo beben los musgos?"),
        ("質問：苔はどうやって水を飲みますか。", "苔はどうやって水を飲みますか。"),
        ("How do mosses drink?\n\nAnswer: Through their leaves.", "How do mosses drink?"),
        ("How do mosses drink?\nOutput: leaves", "How do mosses drink?"),
        ("How do mosses drink?\n\nThis question is about biology.", "How do mosses drink?"),
        ("3) Compare moss and fern.", "Compare moss and fern."),
        ("> Compare moss and fern.", "Compare moss and fern."),
        ("Here's how you do it", "Here's how you do it"),
        ("", ""),
    ],
)
def test_instruction_without_its_wrapping(completion, instruction):
    assert parse_instruction(completion).instruction == instruction


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (
            "Classify the feeling.\nInput: The moss is lovely.\nOutput: positive",
            Instruction("Classify the feeling.", "The moss is lovely."),
        ),
        (
            "Translate the following sentence into German:\n\nThe moss is green.",
            Instruction("Translate the following sentence into German:\n\nThe moss is green."),
        ),
        (
            "Find the error in the code below.\n\ndef f(:\n    pass",
            Instruction("Find the error in the code below.\n\ndef f(:\n    pass"),
        ),
        (
            "Instruction: Name a moss.\nInput: Peat, bog\nand fen.",
            Instruction("Name a moss.", "Peat, bog\nand fen."),
        ),
    ],
)
def test_only_a_label_opens_an_input(completion, expected):
    assert parse_instruction(completion) == expected


@pytest.mark.parametrize(
    ("completion", "response"),
    [
        ("Through their leaves.", "Through their leaves."),
        ("Answer: Through their leaves.", "Through their leaves."),
        ("\n**Answer:** Through their leaves.\n", "Through their leaves."),
        ("The answer: none.", "The answer: none."),
        ("First.\n\n- one\n- two", "First.\n\n- one\n- two"),
        ("## Answer\n\nThrough their leaves.", "Through their leaves."),
        ("答案：叶子。", "叶子。"),
        ("Answer key:\n1. b\n2. c", "Answer key:\n1. b\n2. c"),
        ("Answer: yes\nReason: rain", "Answer: yes\nReason: rain"),
        ("**Answer:** yes\n\n**Reason:** rain", "**Answer:** yes\n\n**Reason:** rain"),
        ("Answer:\n\n```yaml\nmoss: green\n```", "```yaml\nmoss: green\n```"),
        ("| Answer: | yes |\n|---|---|", "| Answer: | yes |\n|---|---|"),
        ("- Answer: yes\n- Answer: no", "- Answer: yes\n- Answer: no"),
        ("```\nAnswer: yes\n```", "```\nAnswer: yes\n```"),
        ("Note: mosses have no roots.", "Note: mosses have no roots."),
        ("Answer:", "Answer:"),
    ],
)
def test_response_keeps_its_form(completion, response):
    assert parse_response(completion) == response


def lines_of(name):
    with open(DATA / name, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("row", lines_of("strong_completions.jsonl"), ids=lambda row: row["completion"][:40])
def test_what_large_teachers_write_comes_through(row):
    found = parse_instruction(row["completion"])
    assert (found.instruction, found.input, found.kind) == (row["instruction"], row["input"], row["kind"])


@pytest.mark.parametrize(
    ("completion", "removed"),
    [
        ("Name a moss.", {}),
        ("Sure!\n\nName a moss.", {"preamble": 5}),
        ("Instruction: Name a moss.", {"label": 12}),
        ('1. "Name a moss."', {"numbering": 2, "quotes": 2}),
        ("Name a moss.\n\nAnswer: Peat moss.", {"answer": 16}),
        ("Name a moss.\n\nI hope this helps!", {"closing": 15}),
        ("Name a moss.\n\nThis task tests botany.", {"explanation": 20}),
        ("Here are two tasks:\n1. Name a moss.\n2. Draw it.", {"preamble": 16, "numbering": 2, "others": 9}),
        ('{"instruction": "Name a moss.", "level": "easy"}', {"label": 29, "other": 4}),
        ('{"instruction": "Name a moss.", "output": "Peat moss."}', {"label": 30, "answer": 9}),
    ],
)
def test_what_is_removed_is_counted_by_kind(completion, removed):
    assert parse_instruction(completion).removed == removed


def test_characters_removed_leaves_labels_out():
    assert parse_instruction("Sure!\nInstruction: Name a moss.\nAnswer: Peat.").characters_removed == 5 + len(
        "Answer:Peat."
    )


PIECES = (
    *(
        "Instruction:",
        "**Input:**",
        "Answer: ",
        "Question: ",
        "```\n",
        "~~~",
        '{"instruction": "',
        '", "input": [',
        "}",
    ),
    *(
        "<instruction>",
        "</input>",
        "1. ",
        "Sure! ",
        "Here is a task:",
        "---",
        "\n",
        "\n\n",
        "> ",
        "**",
        '"',
        "\\",
        "a b",
        "指令：",
    ),
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=25).map("".join))
def test_every_character_is_kept_or_counted(completion):
    found = parse_instruction(completion)
    kept = sum(not ch.isspace() for ch in found.instruction + found.input + found.kind)
    size = sum(not ch.isspace() for ch in completion)
    assert found.instruction == found.instruction.strip()
    assert kept + sum(found.removed.values()) >= size


@pytest.mark.parametrize(
    "piece",
    [
        *PIECES,
        "Input: a\n",
        "Q: a\nAnswer: b\n",
        "Demand: a\nManner: b\n",
        "This task tests x.\n\n",
        '{"a":',
        "[",
        " ",
        '",',
    ],
)
@pytest.mark.parametrize("start", ["", "Instruction: a\nInput: ", '{"instruction": "'])
def test_hostile_text_takes_no_time(start, piece):
    completion = start + piece * (100_000 // len(piece))
    began = time.process_time()
    parse_instruction(completion)
    parse_response(completion)
    assert time.process_time() - began < 5
