"""What an instruction brings along, which language it is in, and what only says something."""

import pytest

from fanno_hf.rules.languages import Languages
from fanno_hf.rules.material import introduces_data, take_apart, without_conditions
from fanno_hf.rules.repeated import copied_run
from fanno_hf.rules.statements import Statements
from tests.rules.sets import profile

DEFAULT = profile("default")
LANGUAGES = Languages(DEFAULT["function_words"], DEFAULT["fallback_language"])


@pytest.mark.parametrize(
    ("instruction", "request_", "has_block"),
    [
        ("Is this formal?\n\n> Hey, you", "Is this formal?", True),
        ("Fix it.\n```\nx = 1\n```", "Fix it.", True),
        ("Which is larger?\n| a | b |\n|---|---|\n| 1 | 2 |", "Which is larger?", True),
        ("Write a story. Keep it short.", "Write a story.\nKeep it short.", False),
        ('Define the word "moss".', 'Define the word "…".', False),
        ('Translate "the moss is green and very soft".', 'Translate "…".', True),
        ("Don't use the word 'moss'.", 'Don\'t use the word "…".', False),
        ("Pick one: A) moss B) fern", "Pick one: A) moss B) fern", True),
    ],
)
def test_material_is_set_apart(instruction, request_, has_block):
    parts = take_apart(instruction)
    assert (parts.request, parts.has_block) == (request_, has_block)


def test_conditions_are_left_out_but_for_the_first_line_long_ones_and_those_behind_a_colon():
    long = "Use " + "very " * 12 + "good words."
    lines = ["Use it:", "Use this.", "- Use that.", long, "", "Moss"]
    kept = without_conditions(lines, lambda line: line.startswith("Use"))
    assert kept == ["Use it:", "Use this.", long, "Moss"]


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        (" into German: moss is wet", True),
        (" numbers 5 3 9 1", True),
        (" words cat, dog, moon", True),
        (" in 2-3 sentences.", False),
        (" sentence into German.", False),
        (":", False),
    ],
)
def test_what_stands_behind_a_reference(rest, found):
    assert introduces_data(rest) is found


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("What is the name of the moss?", ("en",)),
        ("Wie heißt das Moos auf dem Dach?", ("de",)),
        ("Leg uit waarom de lucht blauw is.", ("nl",)),
        ("苔藓是什么？", ("zh",)),
        ("苔は何ですか", ("ja",)),
        ("Translate 你好 into the language of the Romans.", ("en",)),
        ("Что такое мох?", ("ru",)),
        ("ما هي عاصمة السودان؟", ()),
        ("12 + 3", None),
    ],
)
def test_language(text, languages):
    found = LANGUAGES.guess(text)
    assert len(found) > 5 if languages is None else found == languages


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mosses are small plants.", True),
        ("The plants that grow here", False),
        ("In 1494, the treaty was signed.", True),
        ("In two sentences, name the plants.", False),
        ("Prove triangles are congruent.", False),
        ("The moss is wet. Name three reasons.", False),
        ("The moss is wet. It rained.", False),
        ("The moss is wet. It rained all day.", True),
        ("The moss is wet and I do not know why.", False),
    ],
)
def test_statements(text, found):
    parts = take_apart(text)
    assert (Statements(DEFAULT["statements"]).find(parts.request, ("en",)) is not None) is found


def test_words_in_copied_runs_are_counted_once():
    assert copied_run(["x", "a", "b", "c", "y", "a", "b"], ["a", "b", "c"], 2) == (1, 5)
