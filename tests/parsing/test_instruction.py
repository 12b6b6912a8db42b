"""The wrapping comes off; the teacher's own words stay."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanno_hf.parsing.instruction import parse_instruction
from fanno_hf.parsing.response import parse_response
from tests.parsing.cases import assert_meant, cases

DATA = Path(__file__).parents[1] / "data" / "strong_completions.jsonl"
COMPLETIONS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


@cases(
    ("How do mosses drink?", "How do mosses drink?"),
    ("Question: How do mosses drink?", "How do mosses drink?"),
    ("**Task 1:** Compare moss and fern.", "Compare moss and fern."),
    ("Frage: Wie trinken Moose?", "Wie trinken Moose?"),
    (
        'Sure!\n\n**Task:** "Sort these."\n\n**Input:** b, a\n\nI hope this helps!',
        "Sort these.",
        "b, a\n\nI hope this helps!",
    ),
    ("Here are two tasks:\n\n1. Sort b, a.\n2. Sort d, c.\n\nLet me know if you want more!", "Sort b, a."),
    ("", ""),
    (">", ""),
)
def test_all_steps_together(case):
    assert_meant(*case)


@pytest.mark.parametrize("row", COMPLETIONS, ids=lambda row: row["completion"][:40])
def test_what_large_teachers_write_comes_through(row):
    assert_meant(row["completion"], row["instruction"], row["input"], row["kind"])


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
    ),
    "指令：",
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=25).map("".join))
def test_every_character_is_kept_or_counted(completion):
    found = parse_instruction(completion)
    kept = sum(not ch.isspace() for ch in found.instruction + found.input + found.kind)
    size = sum(not ch.isspace() for ch in completion)
    assert found.instruction == found.instruction.strip()
    assert kept + sum(found.removed.values()) >= size


HOSTILE = (
    *(
        *PIECES,
        "Input: a\n",
        "Q: a\nAnswer: b\n",
        "Demand: a\nManner: b\n",
        "This task tests x.\n\n",
        '{"a":',
        "[",
        " ",
    ),
    *('",', "Kind: a\n", "## Kind\na\n", "<a>", "> a\n", "1. a\n", "Task - a\n"),
)


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("start", ["", "Instruction: a\nInput: ", '{"instruction": "'])
def test_hostile_text_returns(start, piece):
    """A pattern that looks again and again would not, for minutes."""
    completion = start + piece * (15_000 // len(piece))
    assert len(parse_instruction(completion).instruction) <= len(completion)
    assert len(parse_response(completion)) <= len(completion)
