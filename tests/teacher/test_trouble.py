"""When failures are everybody's and end the run, and when they are warned of."""

import pytest

from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.client import Busy, CallFailed, Nonsense, Oversized, Refused, TimedOut, Unfinished, Unreachable
from fanno_hf.teacher.trouble import ALIKE, FIRST_IN_FLIGHT, Trouble


def notes(trouble: Trouble, outcome, times: int, **settings) -> list[str]:
    """Why the run should stop, each time that it should."""
    return [why for _ in range(times) if (why := trouble.note(outcome, **settings))]


@pytest.mark.parametrize("failure", [Refused("400: No connected db."), Nonsense("an HTML page (Log in)")])
def test_requests_that_are_all_refused_alike_end_the_run_with_the_words(failure):
    trouble = Trouble(0.9)
    assert notes(trouble, failure, ALIKE - 1) == []
    assert trouble.note(failure) == f"answers every request alike: {failure}"


@pytest.mark.parametrize(
    "failure",
    [
        *(Busy("429: full"), Unreachable("refused"), TimedOut("late"), CallFailed("500: down"), Oversized("8 MB")),
        Unfinished("finish_reason content_filter", True),
    ],
)
def test_what_may_pass_or_is_the_answers_own_fault_does_not(failure):
    assert notes(Trouble(0.9), failure, 80) == []


def test_numbers_make_no_difference_and_the_status_does():
    trouble = Trouble(0.9)
    assert notes(trouble, Refused("400: request 17"), ALIKE - 1) == []
    assert notes(trouble, Refused("422: request 17"), ALIKE - 1) == []
    assert trouble.note(Refused("400: request 18"))


def test_one_answer_makes_refusals_those_of_their_rows():
    trouble = Trouble(0.9)
    trouble.note(Completion("Moss."))
    assert notes(trouble, Refused("400: Bad Request"), 50) == []


def test_no_more_than_64_are_refused_before_the_first_answer_whatever_might_help():
    trouble = Trouble(0.9)
    first = next(count for count in range(1, 100) if notes(trouble, Refused("400: no"), 1, is_mended=True))
    assert first <= 64


def test_after_a_refusal_one_request_at_a_time_looks_for_an_answer():
    trouble = Trouble(0.9)
    most = [trouble.most_in_flight]
    for outcome in (CallFailed("500: down"), Refused("400: no"), Completion("Moss.")):
        trouble.note(outcome)
        most.append(trouble.most_in_flight)
    assert most == [FIRST_IN_FLIGHT, FIRST_IN_FLIGHT, 1, None]


def test_a_tenth_of_the_last_hundred_is_warned_of_with_shares(caplog):
    trouble = Trouble(0.9)
    notes(trouble, Completion("Moss."), 90)
    notes(trouble, CallFailed("500: down"), 6)
    notes(trouble, TimedOut("no answer in time"), 4)
    assert "10 of the last 100 requests, 500: down (6), no answer in time (4)" in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("share", "stops"), [(0.5, True), (0.9, False)])
def test_a_run_that_mostly_fails_ends_by_stop_share(share, stops):
    trouble = Trouble(share)
    notes(trouble, Completion("Moss."), 50)
    assert bool(notes(trouble, CallFailed("500: down"), 50)) is stops


def test_faults_are_counted_in_words():
    trouble = Trouble(0.9)
    notes(trouble, Busy("429: full"), 3)
    notes(trouble, Refused("400: prompt of 513 tokens"), 2, is_mended=True)
    notes(trouble, Refused("400: prompt of 1027 tokens"), 1, is_mended=True)
    assert trouble.faults == {"429: full": 3, "400: prompt of 513 tokens": 3}


def test_words_are_shown_with_the_numbers_in_them():
    trouble = Trouble(0.9)
    words = "400: Model llama-3.1-8b is not available"
    assert notes(trouble, Refused(words), ALIKE) == [f"answers every request alike: {words}"]


@pytest.mark.parametrize(
    ("words", "seconds", "stops"),
    [
        (["500: CUDA error"], 5.0, True),
        (["500: CUDA error"], 4.0, False),
        (["500: CUDA error", "502: Bad"], 5.0, False),
    ],
)
def test_a_server_that_fails_alike_from_the_first_request_on_ends_the_run_after_seconds(words, seconds, stops):
    trouble = Trouble(0.9)
    failures = [CallFailed(words[place % len(words)]) for place in range(ALIKE)]
    assert [why for one in failures if (why := trouble.note(one, is_first=True, now=100.0))] == []
    why = trouble.note(failures[0], now=100.0 + seconds)
    assert why == (f"answers every request alike: {words[0]}" if stops else None)


def test_one_request_that_fails_again_and_again_ends_no_run():
    trouble = Trouble(0.9)
    assert [trouble.note(CallFailed("500: down"), is_first=not now, now=float(now)) for now in range(40)] == [
        None
    ] * 40
