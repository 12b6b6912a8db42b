"""Whether a server that says it is full is worth waiting for, by its words."""

import pytest

from fanno_hf.teacher.client import Busy
from fanno_hf.teacher.fullness import Fullness

QUOTA = "429: You exceeded your current quota, please check your plan and billing details."


def heard(fullness: Fullness, words: str, *moments: float, retry_after: float = 0.0) -> list[bool]:
    """What is made of the same refusal at these moments."""
    return [fullness.is_lasting(Busy(words, retry_after), moment) for moment in moments]


@pytest.mark.parametrize(
    "words",
    [QUOTA, '429: {"code": "insufficient_quota"}', "429: Your credit balance is too low", "503: no credits left"],
)
def test_a_quota_that_is_used_up_is_not_waited_for_once_several_say_so_for_seconds(words):
    assert heard(Fullness(), words, 0.0, 0.2, 0.6, 1.4, 3.0) == [False] * 4 + [True]


@pytest.mark.parametrize(
    "words",
    [
        "429: slow down",
        "503: insufficient capacity",
        "429: Rate limit reached for gpt on requests per min (RPM): Limit 3. Add a payment method to your account",
        "429: Quota exceeded for metric generate_content_requests_per_minute",
        "429: You exceeded your current quota. Please retry in 34.1s.",
        "429: Resource has been exhausted (e.g. check quota).",
    ],
)
def test_a_limit_over_a_short_time_is_waited_for(words):
    assert not any(heard(Fullness(), words, *map(float, range(50))))


def test_who_says_how_long_to_wait_is_waited_for():
    assert not any(heard(Fullness(), QUOTA, *map(float, range(50)), retry_after=20.0))


def test_an_answer_or_another_refusal_between_them_begins_anew():
    answered, mixed = Fullness(), Fullness()
    heard(answered, QUOTA, 0.0, 1.0, 2.0)
    heard(mixed, QUOTA, 0.0, 1.0, 2.0)
    answered.end()
    heard(mixed, "429: slow down", 2.5)
    assert heard(answered, QUOTA, 3.0, 4.0) == heard(mixed, QUOTA, 3.0, 4.0) == [False, False]
