"""Answers of every shape: what makes no sense counts for nothing, and nothing of it is journaled."""

import json
import math

import pytest

from fanno_hf.errors import TeacherUnavailable
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.teacher.base import Request
from fanno_hf.teacher.reply import Server, read_server, read_words
from tests.doubles.chat_server import ChatServer
from tests.teacher.test_pool import ASK, USER, VERDICT, answer, change_choice, complete, no_pauses  # noqa: F401


def content(value):
    return change_choice(message={"role": "assistant", "content": value})


def logprobs(token="Yes", logprob=-0.5):
    entry = {"token": token, "logprob": logprob}
    return change_choice(logprobs={"content": [{**entry, "top_logprobs": [entry]}]})


def usage(**values):
    plain = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return lambda answer: answer.update(usage={**plain, **values})


def test_a_list_of_parts_is_joined():
    parts = [{"type": "text", "text": "Mosses "}, {"type": "text", "text": "drink."}, {"type": "image"}]
    assert answer(content(parts)).text == "Mosses drink."


def test_a_content_that_is_no_text_fails_the_row():
    assert answer(content(5)).error[0] == "teacher_failed"


def test_lone_surrogates_are_replaced():
    assert answer(content("Moss \ud83d drinks")).text == "Moss ? drinks"


def test_a_text_that_is_far_longer_than_asked_for_is_cut():
    done = answer(content("moss " * 100_000), Request(USER, max_tokens=10))
    assert (len(done.text), done.finish_reason) == (2_000, "length")


@pytest.mark.parametrize("value", [None, "7", -7, 10**12, True, 7.5])
def test_a_count_of_tokens_that_is_none_is_estimated(value):
    done = answer(usage(prompt_tokens=value))
    assert (done.prompt_tokens, done.estimated) == (16, True)  # 55 characters


@pytest.mark.parametrize(
    "wrong", [*({"token": value} for value in (None, 5)), *({"logprob": value} for value in (None, "-0.5", 1e5, True))]
)
def test_a_token_that_is_no_text_or_number_gives_no_log_probabilities(wrong):
    assert answer(logprobs(**wrong), VERDICT).top_logprobs is None


def test_a_probability_of_zero_is_one():
    done = answer(logprobs(logprob=-math.inf), VERDICT)
    assert yes_probability(done.text, done.top_logprobs) in (0.0, 1.0, None)


def test_an_error_in_a_good_answer_is_quoted():
    with ChatServer(lasting=json.dumps({"error": {"message": "the backend is on fire"}})) as server:
        assert "the backend is on fire" in complete(server.url, ASK)[0].error[1]


@pytest.mark.parametrize("body", ["[" * 200_000, '{"choices": 5}', '{"choices": [5]}', "5", '"moss"'])
def test_json_of_any_shape_fails_the_row_only(body):
    with ChatServer(lasting=body) as server:
        assert complete(server.url, ASK)[0].error[0] == "teacher_failed"


@pytest.mark.parametrize("status", [400, 500])
def test_a_key_that_the_server_quotes_is_hidden(monkeypatch, status):
    monkeypatch.setenv("TEACHER_KEY", "sk-open-sesame")
    with ChatServer(lasting=status, words="Bearer sk-open-sesame is wrong") as server:
        error = complete(server.url, ASK, api_key_env="TEACHER_KEY")[0].error
    assert "Bearer *** is wrong" in error[1]


def test_a_key_that_the_server_quotes_is_hidden_when_the_run_stops(monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "sk-open-sesame")
    stopped = pytest.raises(TeacherUnavailable)
    with ChatServer(lasting=401, words="sk-open-sesame is wrong") as server, stopped as raised:
        complete(server.url, ASK, api_key_env="TEACHER_KEY")
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_a_request_stops_the_run(status):
    stopped = pytest.raises(TeacherUnavailable, match=f"answers {status}, a redirect")
    with ChatServer(lasting=status) as server, stopped:
        complete(server.url, ASK)


@pytest.mark.parametrize("value", [-1, "128", 12.5, True, None, [128]])
def test_a_limit_that_makes_no_sense_is_none(value):
    assert read_server({"model_id": "a/b", "max_concurrent_requests": value}, None).max_in_flight is None


@pytest.mark.parametrize("info", [None, 5, [], {"model_id": ["a"]}, {"model_id": ""}, {"max_concurrent_requests": 9}])
def test_an_info_without_a_model_is_no_info(info):
    assert read_server(info, None) == Server()


@pytest.mark.parametrize("models", [5, [], None, {"data": 5}, {"data": [5]}, {"data": {}}], ids=str)
def test_a_list_of_models_of_another_shape_names_none(models):
    assert read_server(None, models) == Server()


@pytest.mark.parametrize(
    "body", [b"\xff moss", b'{"error": {"message": "moss"}}', b'{"error": "moss"}', b"[" * 100_000]
)
def test_the_words_of_an_error_are_short_text(body):
    words = read_words(body)
    assert len(words) <= 300 and words.encode("utf-8")
