"""Counts and log-probabilities that a server tells and that cannot be: they are not believed, and this is known."""

import json
import math

import pytest

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.dialect import Dialect
from fanno_hf.teacher.reply import read_completion
from tests.teacher.test_pool import ASK, USER

ONE = Request(USER, max_tokens=1, top_logprobs=5, judge=True)
THREE = Request(USER, max_tokens=48, top_logprobs=5, judge=True)


def read(text: str, request: Request = ASK, **reply) -> Completion:
    choice = {"message": {"content": text}, "finish_reason": "stop", "logprobs": reply.pop("logprobs", None)}
    return read_completion(json.dumps({"choices": [choice], **reply}).encode(), "application/json", request)


def tokens(**alternatives: float) -> dict:
    """The log-probabilities of an answer of one token, which is the first of its alternatives."""
    found = [{"token": token, "logprob": logprob} for token, logprob in alternatives.items()]
    return {"content": [{**found[0], "top_logprobs": found}]}


@pytest.mark.parametrize(
    ("text", "told", "meant"),
    [
        ("Mosses drink.", (0, 5), (16, 4, True)),  # 55 and 13 characters
        ("Mosses drink.", (7, 0), (16, 4, True)),
        ("Mosses drink.", (0, 0), (16, 4, True)),
        ("Mosses drink.", (7, 5), (7, 5, False)),
        ("", (7, 0), (7, 0, False)),  # nothing was written
    ],
)
def test_a_count_of_nothing_is_believed_of_nothing_only(text, told, meant):
    done = read(text, usage=dict(zip(("prompt_tokens", "completion_tokens"), told, strict=True)))
    assert (done.prompt_tokens, done.completion_tokens, done.estimated) == meant


@pytest.mark.parametrize(
    ("request_", "text", "told"),
    [
        (ONE, "No", tokens(**{"token_id:1234": -0.1, "token_id:99": -2.5})),
        (ONE, "No", tokens(No=-math.inf, Yes=-math.inf)),
        (ONE, "No", tokens(No=0.0, Yes=0.0)),
        (ONE, "No", tokens(No=0.93, Yes=0.05)),
        (THREE, "1. no", tokens(no=-math.inf, yes=-math.inf)),
        (THREE, "1. no", tokens(no=-0.01, yes=-0.01)),
        (THREE, "1. no", tokens(**{"token_id:1234": -0.1})),
    ],
)
def test_log_probabilities_that_cannot_be_are_none_and_this_is_said(request_, text, told, caplog):
    done = read(text, request_, logprobs=told)
    assert (done.text, done.top_logprobs, done.answers) == (text, None, None)
    Dialect("auto", "auto", 0, "auto").note(request_, done, None)
    assert "gives no log-probabilities" in caplog.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("No", tokens(No=-0.1, Yes=-2.5)),
        ("No", tokens(No=0.0, Yes=-math.inf)),
        ("No", tokens(No=-0.001, Yes=-5.5, no=-6.0)),  # rounded
        ("The", tokens(The=-0.1, A=-2.5)),  # it says neither, and so do they
        ("The", tokens(The=-0.1, No=-2.5)),
    ],
)
def test_log_probabilities_that_can_be_stay(text, told):
    given = [entry["token"] for entry in told["content"][0]["top_logprobs"]]
    assert [token for token, _ in read(text, ONE, logprobs=told).top_logprobs] == given


def test_a_token_that_is_named_twice_is_one():
    told = tokens(No=-0.1)
    told["content"][0]["top_logprobs"] *= 20
    assert read("No", ONE, logprobs=told).top_logprobs == [("No", -0.1)] * 20


def test_a_verdict_with_room_counts_where_it_is_decided_whether_its_thoughts_are_seen_or_not():
    known, before = Dialect("auto", "auto", 4096, "auto"), Completion("Okay", "length", 9, 1)
    for _ in range(9):
        answer = Completion("No", "stop", 9, 50)
        assert known.resolved(before, answer) is answer
    assert known.with_room(ONE, before) is not None
