"""What a judge says: which of two labels, which grade."""

import math

import pytest

from fanno_hf.evaluating.grades import Grade, grade_of, summarise
from fanno_hf.evaluating.preferences import first_probability

LABELS = ("A", "B")


def logs(**shares: float) -> list[tuple[str, float]]:
    return [(token.replace("_", " "), math.log(share)) for token, share in shares.items()]


@pytest.mark.parametrize(
    ("text", "logprobs", "expected"),
    [
        ("A", logs(A=0.6, B=0.2, The=0.1), 0.75),
        ("A", logs(A=0.3, _A=0.2, a=0.1, B=0.2), 0.75),
        ("The", [("The", -0.1), ("ĠA", math.log(0.03)), ("▁B", math.log(0.01))], 0.75),
        ("**", [("**B", -0.5)], 0.0),
        ("The", [("The", -0.0002), ("A", -9.0)], None),  # noise
        ("The", [("The", -0.0002), ("A", -9.0), ("B", -9.5)], None),
        ("The", [("The", math.log(0.9)), ("A", math.log(0.03))], None),  # B may have as much as A
        ("The", [("The", math.log(0.9)), ("A", math.log(0.03)), ("It", math.log(0.001))], 1.0),
        ("Reply B", [("Reply", -0.0002), ("A", -9.0)], 0.0),
        ("A", [("A", math.log(0.4)), ("The", math.log(0.35))], 1.0),  # the text decides
        ("B", None, 0.0),
        ("a", None, 1.0),
        ("**B** is better.", None, 0.0),
        ("Reply A", [("Reply", -0.1)], 1.0),
        ("A good answer is B", None, None),
        ("a good one", None, None),
        ("", None, None),
        ("Neither", [("Neither", -0.1), ("Both", -2.0)], None),
    ],
)
def test_preference(text, logprobs, expected):
    assert first_probability(text, logprobs, LABELS) == (None if expected is None else pytest.approx(expected))


def test_labels_may_be_words():
    assert first_probability("First", logs(First=0.9, Second=0.1), ("first", "second")) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("text", "logprobs", "expected"),
    [
        ("8", [("8", math.log(0.5)), ("6", math.log(0.5))], 7.0),
        ("8", [("8", math.log(0.3)), ("▁8", math.log(0.2)), ("6", math.log(0.5))], 7.0),
        # ten is one token
        ("10", [("10", math.log(0.5)), ("1", math.log(0.25)), ("4", math.log(0.25))], 6.25),
        # ten is two: a one counts as the text goes on, and for nothing beside another grade
        ("10", [("1", math.log(0.5)), ("8", math.log(0.5))], 9.0),
        ("1", [("1", math.log(0.5)), ("3", math.log(0.5))], 2.0),
        ("7", [("7", math.log(0.5)), ("1", math.log(0.5))], 7.0),
        ("Mark: 8/10", [("Mark", -0.1), ("2", -3.0)], 8.0),
        ("7.5", [("7", math.log(0.9)), ("6", math.log(0.1))], 7.5),
        ("8,5", [("8", math.log(0.7)), ("9", math.log(0.3))], 8.5),
        ("8.0", [("8", math.log(0.5)), ("6", math.log(0.5))], 7.0),
        ("8.5/10", None, 8.5),
        ("8 out of 10", None, 8.0),
        ("1-10", [("1", -0.1), ("8", -3.0)], None),
        ("On a scale of 1-10: 8", None, 8.0),
        ("From 1 to 10 I give 9", None, 9.0),
        ("8-9", [("8", -0.1)], None),
        ("4/5", None, None),
        ("80/100", None, None),
        ("1,000", None, None),
        ("-3", None, None),
        ("7", None, 7.0),
        ("0", None, None),
        ("11", [("1", -0.1)], None),
        ("very good", None, None),
    ],
)
def test_grade(text, logprobs, expected):
    assert grade_of(text, logprobs) == (None if expected is None else pytest.approx(expected))


def test_means_by_turn_and_category():
    grades = [
        Grade("a", "maths", 1, 8.0),
        Grade("a", "maths", 2, 4.0),
        Grade("b", "code", 1, 6.0),
        Grade("b", "code", 2, None),
    ]
    found = summarise(grades, [0], 100)
    assert (found.answers, found.undecided, found.mean) == (4, 1, 6.0)
    assert (found.turns, found.categories) == ({1: 7.0, 2: 4.0}, {"code": 6.0, "maths": 6.0})
    assert found.interval == (6.0, 6.0)  # both questions have the same mean


def test_the_interval_is_of_the_same_mean_where_a_turn_has_no_grade():
    ten, one = [Grade("a", "", turn, 10.0) for turn in (1, 2)], Grade("b", "", 1, 1.0)
    found = summarise([*ten, one], [0], 1000)
    assert found.mean == 7.0 and found.interval == (1.0, 10.0)
    many = [
        Grade(str(n), "", turn, 4.0 + 3 * (turn == 1)) for n in range(200) for turn in (1, 2) if n % 2 or turn == 1
    ]
    found = summarise(many, [0], 1000)
    assert found.mean == pytest.approx(6.0) and found.interval[0] < 6.0 < found.interval[1] < 6.2


def test_no_grades():
    found = summarise([], [0], 100)
    assert (found.mean, found.interval, found.turns) == (None, None, {})
