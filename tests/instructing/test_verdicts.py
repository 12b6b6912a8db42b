"""From the first token's alternatives to the probability of yes."""

import math

import pytest

from fanno_hf.instructing.verdicts import yes_probability


def test_probability_is_yes_over_yes_and_no():
    found = yes_probability("Yes", [("Yes", math.log(0.6)), ("No", math.log(0.2)), ("I", math.log(0.1))])
    assert found == pytest.approx(0.75)


@pytest.mark.parametrize("token", [" Yes", "yes", "YES", "▁yes", "Ġyes", "1", " 1", "true", "Ja"])
def test_forms_of_one_answer_are_added(token):
    found = yes_probability("No", [("yes", math.log(0.3)), (token, math.log(0.3)), ("No", math.log(0.2))])
    assert found == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("text", "probability"), [("Yes.", 1.0), (" no, it is not", 0.0), ("perhaps", None), ("", None)]
)
def test_text_decides_where_there_are_no_log_probabilities(text, probability):
    assert yes_probability(text, None) == probability


def test_alternatives_that_say_neither_fall_back_to_the_text():
    assert yes_probability("No", [("Perhaps", -0.1)]) == 0.0


def test_one_sided_alternatives_are_certain():
    assert yes_probability("No", [("No", -0.01), ("not", -5.0)]) == 0.0
