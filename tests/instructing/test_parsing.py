"""The wrapping comes off; the teacher's own words stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanno_hf.instructing.parsing import Instruction, parse_instruction, parse_response


@pytest.mark.parametrize(
    ("completion", "instruction"),
    [
        ("How do mosses drink?", "How do mosses drink?"),
        ("  How do\nmosses drink? ", "How do mosses drink?"),
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
            Instruction("Translate the following sentence into German:", "The moss is green."),
        ),
        (
            "Find the error in the code below.\n\ndef f(:\n    pass",
            Instruction("Find the error in the code below.", "def f(:\n    pass"),
        ),
    ],
)
def test_input_is_kept_apart(completion, expected):
    assert parse_instruction(completion) == expected


@pytest.mark.parametrize(
    ("completion", "response"),
    [
        ("Through their leaves.", "Through their leaves."),
        ("Answer: Through their leaves.", "Through their leaves."),
        ("\n**Answer:** Through their leaves.\n", "Through their leaves."),
        ("The answer: none.", "The answer: none."),
        ("First.\n\n- one\n- two", "First.\n\n- one\n- two"),
    ],
)
def test_response_keeps_its_form(completion, response):
    assert parse_response(completion) == response


@given(st.text(max_size=300))
def test_any_completion_gives_one_line(completion):
    once = parse_instruction(completion)
    assert "\n" not in once.instruction
    assert once.instruction == once.instruction.strip()
