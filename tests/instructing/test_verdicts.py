"""From the first token's alternatives to the probability of yes."""

import math

import pytest

from fanno_hf.instructing.verdicts import yes_probabilities, yes_probability


def test_probability_is_yes_over_yes_and_no():
    found = yes_probability("Yes", [("Yes", math.log(0.6)), ("No", math.log(0.2)), ("I", math.log(0.1))])
    assert found == pytest.approx(0.75)


@pytest.mark.parametrize("token", [" Yes", "yes", "YES", "▁yes", "Ġyes", "true", "Ja"])
def test_forms_of_one_answer_are_added(token):
    found = yes_probability("No", [("yes", math.log(0.3)), (token, math.log(0.3)), ("No", math.log(0.2))])
    assert found == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("text", "probability"),
    [
        *(("Yes.", 1.0), (" no, it is not", 0.0), ("perhaps", None), ("", None)),
        *(("1. No", 0.0), ("1) yes", 1.0), ("1", None), ("1. no, because …", 0.0), ("It is, no doubt", None)),
    ],
)
def test_text_decides_where_there_are_no_log_probabilities(text, probability):
    assert yes_probability(text, None) == probability


def test_alternatives_that_say_neither_fall_back_to_the_text():
    assert yes_probability("No", [("Perhaps", -0.1)]) == 0.0


def test_one_sided_alternatives_are_certain():
    assert yes_probability("No", [("No", -0.01), ("not", -5.0)]) == 0.0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. no\n2. no\n3. yes", [0.0, 0.0, 1.0]),
        ("**1.** Yes\n**2.** No\n**3.** No", [1.0, 0.0, 0.0]),
        ("3) yes\n1) no\n2) no", [0.0, 0.0, 1.0]),
        ("1. No – there is no name in it.\n2. Yes, it sells.\n3. No", [0.0, 1.0, 0.0]),
        ('{"low_quality": false, "no_request": true, "unsafe": false}', [0.0, 1.0, 0.0]),
        ("no, no, yes", [0.0, 0.0, 1.0]),
        ("1. no 2. yes 3. no", [0.0, 1.0, 0.0]),
        ("1. no, 2. yes, 3. no", [0.0, 1.0, 0.0]),
        ("(1) no (2) yes (3) no", [0.0, 1.0, 0.0]),
        ('{"1": "no", "2": "yes", "3": "no"}', [0.0, 1.0, 0.0]),
        ("1. No, there are 3 names and no date.\n2. Yes\n3. No", [0.0, 1.0, 0.0]),
        ("1. nein\n2. ja\n3. nein", [0.0, 1.0, 0.0]),
        ("1. no\n3. yes", [0.0, None, 1.0]),
        ("1. no\n2. perhaps\n3. no", [0.0, None, 0.0]),
        ("No.", [None, None, None]),
        ("", [None, None, None]),
    ],
)
def test_questions_that_were_put_together_are_answered_one_by_one(text, found):
    assert yes_probabilities(text, None, 3) == found


def test_each_answer_of_several_has_the_probability_of_its_token():
    answers = [[("no", math.log(0.9)), ("yes", math.log(0.1))], [(" Yes", math.log(0.6)), (" No", math.log(0.2))]]
    assert yes_probabilities("1. no\n2. Yes", answers, 2) == pytest.approx([0.1, 0.75])


def test_tokens_that_are_not_the_answers_of_the_text_do_not_count():
    assert yes_probabilities("1. no\n2. Yes", [[("no", -0.1)]], 2) == [0.0, 1.0]
