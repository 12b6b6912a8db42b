"""What is left out of a request, and in which manner it is sent, after what servers said to others."""

import dataclasses

import pytest

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import Nonsense, Refused
from fanno_hf.teacher.dialect import Dialect

USER = [{"role": "user", "content": "Are mosses plants?"}]
ASK = Request(USER, 64)
VERDICT = Request(USER, 1, top_logprobs=5, judge=True)
ROOM = 4096
THOUGHT = Completion("", "length", 9, 1, thinking_tokens=1)
QUIET = {"enable_thinking": False}


def dialect(thinking: str = "auto", room: int = ROOM, name: str = "auto") -> Dialect:
    return Dialect("auto", thinking, room, name)


def test_nothing_is_said_about_thoughts_before_any_was_seen():
    assert dialect().fit(ASK) == ASK


def test_a_model_that_thinks_is_asked_not_to_in_two_ways_and_then_has_room():
    known, sent = dialect(), VERDICT
    ways = []
    while (changed := known.guessed(sent, THOUGHT)) is not None:
        sent = changed
        ways.append((dict(sent.manner), sent.room))
    assert ways == [({"chat_template_kwargs": QUIET}, 0), ({"reasoning_effort": "none"}, 0), ({}, ROOM)]


def test_requests_that_were_in_flight_meanwhile_follow_without_another_step():
    known = dialect()
    first = known.guessed(VERDICT, THOUGHT)
    assert known.guessed(ASK, THOUGHT).manner == first.manner
    while known.fit(ASK).room == 0:
        known.guessed(known.fit(ASK), THOUGHT)
    assert known.guessed(ASK, THOUGHT).room == ROOM


def test_thoughts_beside_a_whole_answer_are_kept_from_the_requests_after_it():
    known = dialect()
    answer = Completion("Yes, they are.", "stop", 9, 40, thinking_tokens=30)
    assert known.guessed(ASK, answer) is None
    known.note(ASK, answer, None)
    assert dict(known.fit(ASK).manner) == {"chat_template_kwargs": QUIET}


@pytest.mark.parametrize("words", ["400: unknown field chat_template_kwargs", "400: Bad Request", "500: template"])
def test_a_wish_that_is_refused_is_put_otherwise(words):
    known = dialect("off")
    sent = known.fit(ASK)
    changed = known.named(sent, Refused(words)) or known.guessed(sent, Refused(words))
    assert dict(changed.manner) == {"reasoning_effort": "none"}


def test_a_model_that_was_not_seen_to_think_gets_no_room_where_no_wish_is_taken():
    known = dialect("off")
    for _ in range(2):
        known.guessed(known.fit(ASK), Refused("400: Bad Request"))
    assert (known.fit(ASK).manner, known.fit(ASK).room) == ((), 0)


def test_a_wish_that_was_taken_once_is_not_what_another_request_is_refused_for():
    known = dialect("off")
    known.note(known.fit(ASK), Completion("Yes."), None)
    assert known.guessed(known.fit(ASK), Refused("400: Bad Request")) is None


def test_a_model_that_shall_think_has_room_whether_it_may_be_told_or_not():
    known = dialect("on")
    sent = known.fit(ASK)
    assert (dict(sent.manner), sent.room) == ({"chat_template_kwargs": {"enable_thinking": True}}, ROOM)
    changed = known.guessed(sent, Refused("400: Bad Request"))
    assert (changed.manner, changed.room, known.guessed(changed, Refused("400: Bad Request"))) == ((), ROOM, None)


@pytest.mark.parametrize("text", ["Okay", "", "Hmm, no"])
def test_a_verdict_that_says_neither_may_be_the_beginning_of_a_thought(text):
    assert dialect().with_room(VERDICT, Completion(text, "length", 9, 1)).room == ROOM


@pytest.mark.parametrize(
    ("text", "logprobs", "finish"),
    [("Yes", None, "length"), ("The", [("No", -0.5)], "length"), ("Maybe.", None, "stop")],
)
def test_a_verdict_that_is_decided_or_ended_by_itself_is_not_asked_again(text, logprobs, finish):
    asked = dataclasses.replace(VERDICT, max_tokens=4)
    assert dialect().with_room(asked, Completion(text, finish, 9, 1, top_logprobs=logprobs)) is None


def test_room_that_shows_no_thoughts_three_times_is_given_no_more_and_the_verdict_stays_undecided(caplog):
    known, before = dialect(), Completion("Okay", "length", 9, 1)
    for _ in range(3):
        assert known.resolved(before, Completion("Well.", "stop", 9, 5)) is before
    assert known.with_room(VERDICT, before) is None
    assert "they are undecided" in caplog.text and "teacher.thinking_room" in caplog.text


def test_the_name_of_max_tokens_is_changed_for_all_that_were_sent_under_the_other():
    known = dialect()
    refusal = Refused("400: Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    assert [known.named(ASK, refusal).limit_name for _ in range(2)] == ["max_completion_tokens"] * 2
    assert known.fit(ASK).limit_name == "max_completion_tokens"


def test_a_number_of_tokens_that_is_too_large_changes_no_name():
    words = "400: 'max_tokens' or 'max_completion_tokens' is too large: 64. This model's maximum context length is 32 tokens"
    assert dialect().named(ASK, Refused(words)) is None


def test_a_name_that_is_set_stays():
    assert dialect(name="max_completion_tokens").fit(ASK).limit_name == "max_completion_tokens"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Completion("No", "length", 9, 1, estimated=True), "tells no token counts: they are estimated"),
        (Completion("No", "length", 9, 1), "gives no log-probabilities: verdicts from text: 0 or 1"),
    ],
)
def test_what_a_server_does_not_tell_is_said_once(caplog, answer, words):
    known = dialect()
    for _ in range(3):
        known.note(VERDICT, answer, None)
    assert caplog.text.count(words) == 1


def test_thoughts_that_need_more_than_their_room_are_said_once(caplog):
    known = dialect("on")
    for _ in range(3):
        known.note(known.fit(VERDICT), dataclasses.replace(THOUGHT, thinking_tokens=4097), None)
    assert caplog.text.count("raise teacher.thinking_room (4096)") == 1


def test_a_page_instead_of_an_answer_says_nothing_about_thoughts():
    known = dialect("off")
    assert known.guessed(known.fit(ASK), Nonsense("an HTML page")) is None
