"""The pool against server doubles: what it makes of answers and failures, what it sends, and to whom."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.teacher import endpoint, pool, slots
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import ChatClient
from fanno_hf.teacher.pool import Pool
from tests.doubles.chat_server import ChatServer

USER = [{"role": "user", "content": "Explain how mosses drink water without having any roots."}]
ASK = Request(USER, max_tokens=64)
VERDICT = Request(USER, max_tokens=1, top_logprobs=5)
TESTS = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Keeps the pauses between retries, without their length; returns the list of lengths."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(pool, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    # a full server that is idle is left alone in the time of the event loop
    monkeypatch.setattr(endpoint, "_LONGEST_PAUSE", 0.001)
    return pauses


def complete(url: str | list[str], *requests: Request, **settings) -> list[Completion]:
    """Opens a pool, sends requests one after the other, and closes it."""

    async def do():
        chat = Pool(url, **{"model": "double", "retries": 2, "timeout": 20.0, "patience": 0.0, **settings})
        try:
            await chat.open()
            return [await chat.complete(request) for request in requests]
        finally:
            await chat.close()

    return asyncio.run(do())


def answer(alter, request: Request = ASK) -> Completion:
    """What the client makes of an answer that `alter` changed."""
    with ChatServer(alter=alter) as server:
        return complete(server.url, request)[0]


def change_choice(**values):
    return lambda answer: answer["choices"][0].update(values)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_text_and_usage_are_taken_from_the_answer():
    def alter(answer):
        answer["choices"][0]["message"]["content"] = "Through their leaves."
        answer["usage"] = {"prompt_tokens": 17, "completion_tokens": 5, "total_tokens": 22}

    assert answer(alter) == Completion("Through their leaves.", "stop", 17, 5)


def test_no_content_is_an_empty_text():
    assert answer(change_choice(message={"role": "assistant", "content": None})).text == ""


def test_an_answer_without_usage_counts_no_tokens():
    assert answer(lambda answer: answer.pop("usage")).completion_tokens == 0


@pytest.mark.parametrize(
    ("said", "kept"),
    # TGI says eos_token and stop_sequence where the others say stop
    [("stop", "stop"), ("eos_token", "stop"), ("stop_sequence", "stop"), ("length", "length"), ("tool_calls", "stop")],
)
def test_finish_reasons_become_stop_or_length(said, kept):
    assert answer(change_choice(finish_reason=said)).finish_reason == kept


def test_text_ends_before_the_first_stop_string():
    alter = change_choice(message={"role": "assistant", "content": "Why do mosses dry? ### Answer: because\n\nQ"})
    assert answer(alter, Request(USER, 64, stop=("\n\n", " ###"))).text == "Why do mosses dry?"


def test_logprobs_are_those_of_the_first_token():
    tokens = [
        {"token": "No", "logprob": -0.1, "top_logprobs": [{"token": t, "logprob": p} for t, p in (("No", -0.1),)]},
        {"token": ".", "logprob": -0.2, "top_logprobs": [{"token": t, "logprob": p} for t, p in ((".", -0.2),)]},
    ]
    assert answer(change_choice(logprobs={"content": tokens}), VERDICT).top_logprobs == [("No", -0.1)]


def test_a_server_without_alternatives_gives_the_token_itself():
    tokens = [{"token": "Yes", "logprob": -0.5, "top_logprobs": []}]
    assert answer(change_choice(logprobs={"content": tokens}), VERDICT).top_logprobs == [("Yes", -0.5)]


def test_a_server_without_logprobs_gives_none():
    assert answer(change_choice(logprobs=None), VERDICT).top_logprobs is None


def test_every_setting_of_the_request_is_sent():
    request = Request(USER, 7, 0.5, top_p=0.9, frequency_penalty=0.25, seed=3, top_logprobs=4, stop=("\n",))
    with ChatServer() as server:
        complete(server.url, request)
    sent = {name: value for name, value in server.chats[0].body.items() if value is not None}
    assert sent.pop("stream", False) is False
    assert sent == {
        **{"model": "double", "messages": USER, "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 3},
        **{"frequency_penalty": 0.25, "logprobs": True, "top_logprobs": 4, "stop": ["\n"]},
    }


def test_greedy_requests_say_nothing_about_top_p():
    # TGI refuses top_p=1.0
    with ChatServer() as server:
        complete(server.url, Request(USER, 7, temperature=0.0, top_p=1.0))
    assert server.chats[0].body.get("top_p") is None


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_url_may_end_in_v1_or_not(ending):
    with ChatServer() as server:
        assert complete(server.url + ending, ASK)[0].error is None


@pytest.mark.parametrize("dialect", ["tgi", "vllm"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_row_keeps_the_words_of_the_server(status, dialect):
    with ChatServer(lasting=status, dialect=dialect, words="`inputs` must have\nless than 4096 tokens") as server:
        completion = complete(server.url, ASK)[0]
    assert completion.error == ("teacher_refused", f"{status}: `inputs` must have less than 4096 tokens")


def test_a_refused_row_is_not_sent_again():
    with ChatServer(lasting=422) as server:
        complete(server.url, ASK)
    assert len(server.chats) == 1


PASSING = (
    408,
    424,
    429,
    500,
    502,
    503,
    504,
    "drop",
    "truncated",
    "",
    "null",
    "{}",
    '{"choices": []}',
    '{"detail": "no"}',
)


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_tried_again(fault):
    with ChatServer(faults=[fault, fault]) as server:
        completion = complete(server.url, ASK)[0]
    assert (completion.error, len(server.chats)) == (None, 3)


@pytest.mark.parametrize("fault", PASSING)
def test_a_lasting_fault_fails_the_row(fault):
    with ChatServer(lasting=fault) as server:
        completion = complete(server.url, ASK)[0]
    assert completion.error[0] == "teacher_failed"


def test_a_failed_row_says_how_often_it_was_tried_and_why():
    with ChatServer(lasting=503, words="Model is overloaded") as server:
        completion = complete(server.url, ASK)[0]
    assert completion.error[1] == "given up after 3 tries; last: 503: Model is overloaded"


def test_a_request_that_hangs_fails_the_row():
    with ChatServer(lasting="hang") as server:
        completion = complete(server.url, ASK, timeout=0.1, retries=1)[0]
    assert completion.error[0] == "teacher_failed"


def test_pauses_between_tries_grow(no_pauses):
    with ChatServer(lasting=500) as server:
        complete(server.url, ASK, retries=4)
    assert no_pauses == sorted(no_pauses) and len(no_pauses) == 4


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_mistake_in_the_configuration_stops_the_run(status):
    with ChatServer(lasting=status, words="no such model") as server, pytest.raises(TeacherUnavailable) as raised:
        complete(server.url, ASK)
    assert f"answers {status}: no such model: check teacher.base_url, teacher.model (double)" in str(raised.value)


def test_nothing_listening_stops_the_run_with_the_url():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TeacherUnavailable, match=f"The teacher at {url} cannot be reached"):
        complete(url, ASK)


def test_a_server_that_goes_away_stops_the_run():
    async def do():
        chat = Pool(server.url, "double", patience=0.0)
        with server:
            await chat.open()
        await chat.complete(ASK)

    server = ChatServer()
    with pytest.raises(TeacherUnavailable, match="cannot be reached"):
        asyncio.run(do())


def test_a_server_that_goes_away_is_waited_for_longer_than_the_retries_last(monkeypatch):
    class Clock:
        now = 0.0

    async def sleep(seconds):
        Clock.now += seconds

    monkeypatch.setattr(pool, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    for module in (pool, slots):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: Clock.now))

    async def do():
        chat = Pool(server.url, "double", patience=600.0, retries=0)
        with server:
            await chat.open()
        await chat.complete(ASK)

    server = ChatServer()
    with pytest.raises(TeacherUnavailable, match="cannot be reached"):
        asyncio.run(do())
    assert Clock.now >= 590.0


def test_a_key_goes_into_the_header(monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "sk-open-sesame")
    with ChatServer() as server:
        complete(server.url, ASK, api_key_env="TEACHER_KEY")
    assert {request.headers["authorization"] for request in server.received} == {"Bearer sk-open-sesame"}


def test_a_missing_key_is_named_before_anything_is_sent(monkeypatch):
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    with pytest.raises(UserError, match="api_key_env=TEACHER_KEY: this environment variable is not set"):
        Pool("http://127.0.0.1:1", "double", api_key_env="TEACHER_KEY")


def test_the_saved_hugging_face_token_is_sent_nowhere(tmp_path):
    # huggingface_hub reads its environment when it is imported, so the client runs in a process of its own
    (tmp_path / "token").write_text("token-saved")
    script = (
        "import asyncio, sys; from fanno_hf.teacher.base import Request; from fanno_hf.teacher.pool import Pool\n"
        "async def do():\n"
        "    chat = Pool(sys.argv[1], 'double'); await chat.open()\n"
        "    print((await chat.complete(Request([{'role': 'user', 'content': 'Moss?'}], 9))).error); await chat.close()\n"
        "asyncio.run(do())"
    )
    environment = {**os.environ, "HF_TOKEN": "token-given", "HF_HOME": str(tmp_path)}
    environment["HF_TOKEN_PATH"] = str(tmp_path / "token")
    with ChatServer() as server:
        command = [sys.executable, "-c", script, server.url]
        said = subprocess.run(command, env=environment, cwd=TESTS.parent, capture_output=True, text=True, timeout=120)
    assert said.stdout == "None\n", said.stderr
    assert "token-" not in json.dumps([request.headers for request in server.received])


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_does_not_stand_before_a_loopback_server(monkeypatch, variable):
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    with ChatServer() as server:
        assert complete(server.url, ASK)[0].error is None


@pytest.mark.parametrize("url", ["", None, "127.0.0.1:8080", "ftp://127.0.0.1"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(UserError, match="teacher.base_url"):
        Pool(url, "double")


@pytest.mark.parametrize(
    ("model", "identity"),
    [
        ("/home/somebody/models/moss-7b.gguf", "moss-7b.gguf"),
        (r"C:\models\moss-7b.gguf", "moss-7b.gguf"),
        ("a/b", "a/b"),
    ],
)
def test_the_identity_does_not_tell_where_the_file_lies(model, identity):
    assert Pool("http://127.0.0.1:1", model).identity == identity


def test_the_identity_names_model_and_revision_but_not_the_server():
    assert Pool("http://127.0.0.1:1", "org/model", revision="abc").identity == "org/model@abc"


def test_a_model_that_is_not_named_is_asked_from_the_server():
    with ChatServer(models=["org/model"]) as server:
        complete(server.url, ASK, model=None)
    assert server.chats[0].body["model"] == "org/model"


def test_the_identity_is_known_when_the_server_was_asked():
    async def do():
        chat = Pool(server.url)
        before = chat.identity
        await chat.open()
        await chat.close()
        return before, chat.identity

    with ChatServer(models=["org/model"]) as server:
        assert asyncio.run(do()) == (None, "org/model")


def test_a_revision_that_is_given_is_in_the_identity_of_a_model_that_was_asked_for():
    async def do():
        chat = Pool(server.url, revision="abc")
        await chat.open()
        await chat.close()
        return chat.identity

    with ChatServer(models=["org/model"]) as server:
        assert asyncio.run(do()) == "org/model@abc"


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["org/model", "org/adapter"], "serves several models: give one as teacher.model, of org/model, org/adapter"),
        ([], "does not say which model it serves: give teacher.model"),
    ],
)
def test_a_server_of_several_models_or_none_wants_one_named(models, said):
    with ChatServer(models=models) as server, pytest.raises(UserError) as raised:
        complete(server.url, ASK, model=None)
    assert str(raised.value) == f"{server.url} {said}"


def test_one_of_several_models_can_be_named():
    with ChatServer(models=["org/model", "org/adapter"]) as server:
        complete(server.url, ASK, model="org/adapter")
    assert server.chats[0].body["model"] == "org/adapter"


def test_every_server_of_a_list_is_asked():
    async def do():
        chat = Pool([first.url, second.url], concurrency=1)
        await chat.open()
        await asyncio.gather(chat.complete(ASK), chat.complete(ASK))
        await chat.close()

    with ChatServer() as first, ChatServer() as second:
        asyncio.run(do())
    assert (len(first.chats), len(second.chats)) == (1, 1)


def test_the_capacity_is_that_of_all_servers():
    async def do():
        chat = Pool([first.url, second.url], concurrency=3)
        await chat.open()
        await chat.close()
        return chat.capacity

    with ChatServer() as first, ChatServer() as second:
        assert asyncio.run(do()) == 6


def test_servers_with_different_models_are_refused():
    first, second = ChatServer(models=["org/a"]), ChatServer(models=["org/b"])
    with first, second, pytest.raises(UserError, match="all must serve the same model") as raised:
        complete([first.url, second.url], ASK, model=None)
    assert all(name in str(raised.value) for name in ("org/a", "org/b"))


def test_a_row_goes_to_another_server_when_one_is_not_there():
    with ChatServer() as server:
        answers = complete([f"http://127.0.0.1:{free_port()}", server.url], ASK, ASK, ASK, retries=0)
    assert [answer.error for answer in answers] == [None] * 3


def test_an_empty_list_of_servers_is_refused():
    with pytest.raises(UserError, match="teacher.base_url"):
        Pool([], "double")


@pytest.mark.parametrize("url", [None, "", "gpu1:8080"])
def test_a_list_with_something_that_is_no_url_is_refused(url):
    with pytest.raises(UserError, match="teacher.base_url"):
        Pool(["http://127.0.0.1:1", url], "double")


@pytest.mark.parametrize("url", ["http://", "http://:8080", "http://host:port", "http://gpu 1:8080"])
def test_a_url_without_a_host_or_a_port_that_is_a_number_is_refused(url):
    with pytest.raises(UserError, match="teacher.base_url"):
        Pool(url, "double")


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_a_server_that_is_named_twice_is_refused(ending):
    with pytest.raises(UserError, match="teacher.base_url names a server twice"):
        Pool(["http://127.0.0.1:1", f"http://127.0.0.1:1{ending}"], "double")


@pytest.mark.parametrize("answer", ["5", "[]", "null", '{"data": 5}', '{"data": [5]}', '{"data": {}}', "<html>"])
def test_a_list_of_models_of_another_shape_names_none(monkeypatch, answer):
    async def get(client, path):
        return json.loads(answer) if path == "/v1/models" and answer != "<html>" else None

    monkeypatch.setattr(ChatClient, "_get", get)
    with ChatServer() as server, pytest.raises(UserError, match="does not say which model it serves"):
        complete(server.url, ASK, model=None)


def test_a_verdict_of_a_server_without_log_probabilities_is_read_from_its_text():
    alter = change_choice(message={"role": "assistant", "content": "Yes."})
    with ChatServer(faults=[400], words="logprobs are not supported", alter=alter) as server:
        verdict = complete(server.url, VERDICT)[0]
    assert (verdict.error, yes_probability(verdict.text, verdict.top_logprobs)) == (None, 1.0)


def test_a_prompt_that_is_too_long_and_asks_for_log_probabilities_is_mended_twice():
    # once without log-probabilities, once with half of its document
    document = "Mosses drink through the surface of their leaves. " * 40
    asked = Request([{"role": "user", "content": document}], 1, top_logprobs=5, documents=(document,))
    words = iter(["logprobs are not supported", "input is too long"])
    with ChatServer(faults=[400, 400]) as server:
        server.error_body = lambda status: {"error": next(words)}
        verdict = complete(server.url, asked)[0]
    assert (verdict.error, verdict.shortened) == (None, True)


@pytest.mark.parametrize("fault", [429, 503, 500, "drop"])
def test_a_pause_in_the_run_is_not_held_against_the_rows_after_it(monkeypatch, fault):
    # an hour without requests (the run embeds), then a server that is busy for a moment: more often than `retries`
    clock = SimpleNamespace(ahead=0.0, monotonic=lambda: time.monotonic() + clock.ahead)
    for module in (pool, slots):
        monkeypatch.setattr(module, "time", clock)

    async def do():
        chat = Pool(server.url, "double", retries=2, patience=600.0)
        await chat.open()
        first = await chat.complete(ASK)
        clock.ahead += 3600.0
        second = await chat.complete(ASK)
        await chat.close()
        return [first.error, second.error]

    faults = [fault] * (5 if fault in (429, 503) else 2)
    with ChatServer(faults=[None, *faults]) as server:
        assert asyncio.run(do()) == [None, None]
