"""Answers of every shape: what makes no sense counts for nothing, and nothing of it is journaled."""

import json
import math

import pytest

from fanno_hf.errors import TeacherUnavailable
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.teacher import body
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.body import NoAnswer
from fanno_hf.teacher.reply import Server, read_completion, read_server, read_words
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


KEY = "zq9-Kx7VbN2mW8tRpL4sHd6J"


def read(text: str, request: Request = ASK, key: str = KEY, **choice) -> Completion:
    """What is made of an answer of a server that knows a key."""
    choice = {"finish_reason": "stop", "message": {"content": text}, **choice}
    return read_completion(json.dumps({"choices": [choice]}).encode(), "application/json", request, [key])


@pytest.mark.parametrize("between", ["", " ", "\n", "\u200b", "\u200c", "\x08"])
def test_a_key_in_an_answer_is_hidden_whatever_stands_between_its_letters(between):
    assert read(f"The key is {between.join(KEY)}.").text == "The key is ***."


@pytest.mark.parametrize("seen", [len(KEY), len(KEY) - 2, 12, 9])
def test_no_half_of_a_key_is_left_where_an_answer_is_cut(seen):
    longest = 100 * ASK.max_tokens + 1000
    done = read("moss " * longest + KEY)
    assert (len(done.text), done.finish_reason) == (longest, "length")
    text = ("moss " * longest)[: longest - seen]
    assert read(f"{text}{KEY} and more").text == f"{text}*** and more"[:longest]
    assert read(f"Mosses {KEY[:seen]}", finish_reason="length").text == "Mosses ***"


@pytest.mark.parametrize("key", ["the", "ollama", "none", "EMPTY"])
def test_a_dummy_key_takes_no_word_out_of_an_answer(key):
    text = f"It shows whether {key} dries."
    assert read(text, key=key).text == text


def test_a_key_among_the_alternatives_of_a_token_is_hidden():
    told = [{"token": "Yes", "logprob": -0.5}, {"token": KEY, "logprob": -5.0}]
    tokens = {"content": [{**told[0], "top_logprobs": told}]}
    for request in (VERDICT, Request(USER, 48, top_logprobs=5)):
        done = read("Yes", request, logprobs=tokens)
        assert done.top_logprobs == [("Yes", -0.5), ("***", -5.0)]
    assert done.answers == [done.top_logprobs]


def test_a_stream_is_read_to_as_many_events_as_an_answer_may_have():
    event = b'data: {"choices": [{"delta": {"content": "moss "}, "finish_reason": "stop"}]}\r\n\n'
    assert read_completion(b": ping\n" + 3 * event, "text/event-stream", ASK).text == "moss moss moss "
    with pytest.raises(NoAnswer, match="a stream of more than 50000 events"):
        read_completion(b"data:{}\n" * 50_001, "text/event-stream", ASK)


def test_no_more_of_a_stream_is_read(monkeypatch):
    read_events = []
    monkeypatch.setattr(body, "read_json", lambda event: read_events.append(event) or {})
    with pytest.raises(NoAnswer):
        read_completion(b"data:{}\n" * 990_000, "text/event-stream", ASK)
    assert len(read_events) == 50_000


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


@pytest.mark.parametrize("name", ["/models/hf_Llama31Instruct8B", "org/api-Qwen3Coder30B", " moss\x1b[2J", "m" * 1000])
def test_the_name_of_a_model_is_read_as_it_is(name):
    assert read_server(None, {"data": [{"id": name}]}).model == name
    assert read_server({"model_id": name}, None).model == name


def test_a_name_without_an_end_is_none():
    assert read_server(None, {"data": [{"id": "m" * 1001}]}) == Server()


@pytest.mark.parametrize("models", [5, [], None, {"data": 5}, {"data": [5]}, {"data": {}}], ids=str)
def test_a_list_of_models_of_another_shape_names_none(models):
    assert read_server(None, models) == Server()


@pytest.mark.parametrize(
    "body", [b"\xff moss", b'{"error": {"message": "moss"}}', b'{"error": "moss"}', b"[" * 100_000]
)
def test_the_words_of_an_error_are_short_text(body):
    words = read_words(body)
    assert len(words) <= 300 and words.encode("utf-8")
