"""The pool against server doubles: what it makes of answers and failures, what it sends, and to whom."""

import asyncio
import dataclasses
import socket
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from huggingface_hub import constants, get_token

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.teacher import endpoint, pool, slots, watch
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import ChatClient, Server
from fanno_hf.teacher.pool import Pool
from tests.doubles.chat_server import ChatServer, Raw

USER = [{"role": "user", "content": "Explain how mosses drink water without having any roots."}]
ASK = Request(USER, max_tokens=64)
VERDICT = Request(USER, max_tokens=1, top_logprobs=5)
ALTERNATIVES = [{"token": "No", "logprob": -0.1}, {"token": "Yes", "logprob": -2.5}]
FIRST_TOKEN = {**ALTERNATIVES[0], "top_logprobs": ALTERNATIVES}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Keeps the pauses between retries, without their length; returns the list of lengths."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        await asyncio.sleep(0)

    for module in (pool, watch):
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    # a full server that is idle is left alone in the time of the event loop
    monkeypatch.setattr(endpoint, "LONGEST_PAUSE", 0.001)
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


def together(url: str, requests: list[Request]) -> list[Completion]:
    """Sends requests at the same time, each with its schema."""

    async def do():
        chat = Pool(url, "double", retries=2, timeout=20.0, patience=0.0, structured="auto", concurrency=len(requests))
        try:
            await chat.open()
            return await asyncio.gather(*map(chat.complete, requests))
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


@pytest.mark.parametrize(
    ("content", "usage", "made"),
    [
        ("Through their leaves.", {"prompt_tokens": 17, "completion_tokens": 5}, ("Through their leaves.", 17, 5)),
    ],
)
def test_text_and_usage_are_taken_from_the_answer_where_it_has_them(content, usage, made):
    def alter(answer):
        answer["choices"][0]["message"]["content"] = content
        answer["usage"] = usage

    text, *tokens = made
    assert answer(alter) == Completion(text, "stop", *tokens)


@pytest.mark.parametrize(
    ("said", "kept"),
    # TGI says eos_token and stop_sequence where the others say stop
    [("stop", "stop"), ("eos_token", "stop"), ("stop_sequence", "stop"), ("length", "length")],
)
def test_finish_reasons_become_stop_or_length(said, kept):
    assert answer(change_choice(finish_reason=said)).finish_reason == kept


def test_text_ends_before_the_first_stop_string():
    alter = change_choice(message={"role": "assistant", "content": "Why do mosses dry? ### Answer: because\n\nQ"})
    assert answer(alter, Request(USER, 64, stop=("\n\n", " ###"))).text == "Why do mosses dry?"


@pytest.mark.parametrize(
    ("logprobs", "kept"),
    [
        ({"content": [FIRST_TOKEN, FIRST_TOKEN | {"top_logprobs": []}]}, [("No", -0.1), ("Yes", -2.5)]),
        ({"content": [FIRST_TOKEN | {"top_logprobs": []}]}, [("No", -0.1)]),  # no alternatives: the token itself
        (None, None),
    ],
)
def test_logprobs_are_those_of_the_first_token(logprobs, kept):
    assert answer(change_choice(logprobs=logprobs), VERDICT).top_logprobs == kept


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


@pytest.mark.parametrize(
    "ending",
    ["", "/", "/v1", "/v1/", "//", "/v1/chat/completions", "/v1/chat/completions/", "/v1/models", "/chat/completions"],
)
def test_the_url_may_end_in_v1_or_in_the_path_of_the_requests(ending):
    with ChatServer() as server:
        assert complete(server.url + ending, ASK)[0].error is None


@pytest.mark.parametrize("dialect", ["tgi", "vllm"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_row_keeps_the_words_of_the_server_and_is_not_sent_again(status, dialect):
    with ChatServer(lasting=status, dialect=dialect, words="`inputs` must have\nless than 4096 tokens") as server:
        completion = complete(server.url, ASK)[0]
    assert completion.error == ("teacher_refused", f"{status}: `inputs` must have less than 4096 tokens")
    assert len(server.chats) == 1


PASSING = (
    408,
    409,
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
    '{"choices": []}',
    '{"detail": "no"}',
)


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_tried_again(fault):
    with ChatServer(faults=[fault, fault]) as server:
        completion = complete(server.url, ASK)[0]
    assert (completion.error, len(server.chats)) == (None, 3)


@pytest.mark.parametrize(
    ("fault", "words"),
    [(429, "429: Model is overloaded"), (503, "503: Model is overloaded"), ("drop", "Server"), ("truncated", "")],
)
def test_a_lasting_fault_fails_the_row(fault, words):
    with ChatServer(lasting=fault, words="Model is overloaded") as server:
        reason, said = complete(server.url, ASK)[0].error
    assert (reason, said.startswith(f"given up after 3 tries; last: {words}")) == ("teacher_failed", True)


def test_a_request_that_hangs_fails_the_row():
    with ChatServer(lasting="hang") as server:
        completion = complete(server.url, ASK, timeout=0.1, retries=1)[0]
    assert completion.error[0] == "teacher_failed"


def test_pauses_between_tries_grow(no_pauses):
    with ChatServer(lasting=500) as server:
        complete(server.url, ASK, retries=4)
    assert no_pauses == sorted(no_pauses) and len(no_pauses) == 4


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407, 410, 415, 426])
def test_a_mistake_in_the_configuration_stops_the_run(status):
    with ChatServer(lasting=status, words="no such model") as server, pytest.raises(TeacherUnavailable) as raised:
        complete(server.url, ASK)
    assert f"answers {status}: no such model: check teacher.base_url, teacher.model (double)" in str(raised.value)


def test_nothing_listening_stops_the_run_with_the_url():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TeacherUnavailable, match=f"The teacher at {url} cannot be reached"):
        complete(url, ASK)


def test_a_server_that_goes_away_is_waited_for_longer_than_the_retries_last(monkeypatch):
    class Clock:
        now = 0.0

    async def sleep(seconds):
        Clock.now += seconds

    for module in (pool, watch):
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    for module in (pool, slots, watch):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: Clock.now))

    async def do():
        chat = Pool(server.url, "double", patience=600.0, retries=0)
        with server:
            await chat.open()
        chat._trouble.note(Completion("Moss."))  # it has answered, over a connection that is closed
        await chat.complete(ASK)

    server = ChatServer()
    with pytest.raises(TeacherUnavailable, match="cannot be reached"):
        asyncio.run(do())
    assert Clock.now >= 590.0


@pytest.mark.parametrize("given", ["hf_given", None])
def test_a_hugging_face_token_is_sent_nowhere(tmp_path, monkeypatch, given):
    (tmp_path / "token").write_text("hf_saved")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if given:
        monkeypatch.setenv("HF_TOKEN", given)
    assert get_token() == (given or "hf_saved")
    with ChatServer() as server:
        assert complete(server.url, ASK)[0].error is None
    assert {request.headers["authorization"] for request in server.chats} == {"Bearer -"}


@pytest.mark.parametrize(
    ("model", "identity"),
    [*((path + "moss.gguf", "moss.gguf") for path in ("/home/somebody/models/", "C:\\models\\")), ("a/b", "a/b")],
)
def test_the_identity_does_not_tell_where_the_file_lies(model, identity):
    assert Pool("http://127.0.0.1:1", model).identity == identity


@pytest.mark.parametrize(("revision", "identity"), [(None, "org/model"), ("abc", "org/model@abc")])
def test_a_model_that_is_not_named_is_asked_from_the_server(revision, identity):
    async def do():
        chat = Pool(server.url, revision=revision)
        before = chat.identity
        await chat.open()
        await chat.complete(ASK)
        await chat.close()
        return before, chat.identity, server.chats[0].body["model"]

    with ChatServer(models=["org/model"]) as server:
        assert asyncio.run(do()) == (None, identity, "org/model")


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


def test_a_row_goes_to_another_server_when_one_is_not_there():
    with ChatServer() as server:
        answers = complete([f"http://127.0.0.1:{free_port()}", server.url], ASK, ASK, ASK, retries=0)
    assert [answer.error for answer in answers] == [None] * 3


@pytest.mark.parametrize(
    "url",
    [
        *("", None, [], 5, 1.5, True, {"a": 1}, "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://:8080"),
        *("http://host:port", "http://gpu 1:8080"),
        *(["http://127.0.0.1:1", None], ["http://127.0.0.1:1", "gpu1:8080"]),
    ],
    ids=str,
)
def test_what_is_no_url_is_refused(url):
    with pytest.raises(UserError, match="teacher.base_url"):
        Pool(url, "double")


@pytest.mark.parametrize("url", ["http://chat", "http://models", "http://completions/", "http://v1"])
def test_a_host_may_be_called_like_a_path(url):
    assert ChatClient(url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://me:sesame@gpu1:8000", "http://sesame@gpu1", "http://gpu1/v1?api_key=sesame", "http://gpu1/#sesame"),
        *("http://me:sesame%40gpu1", "http://me:sesame", "me:sesame@gpu1", "http://gpu1/v1;key=sesame"),
    ],
)
def test_a_url_that_holds_a_secret_is_refused_without_it(url):
    with pytest.raises(UserError, match="teacher.base_url") as raised:
        Pool(url, "double")
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize("url", ["KEY", "http://127.0.0.1:KEY", "ftp://KEY/x"])
def test_an_address_that_is_the_key_is_refused_without_it(monkeypatch, url):
    monkeypatch.setenv("TEACHER_KEY", "open-sesame-4711")
    with pytest.raises(UserError, match="is no URL") as raised:
        Pool(url.replace("KEY", "open-sesame-4711"), "double", api_key_env="TEACHER_KEY")
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    ("servers", "told", "words"),
    [(1, 128, "too many tokens"), (3, None, "too many tokens"), (3, None, "No connected db.")],
)
def test_no_more_than_64_requests_are_sent_to_servers_that_refuse_them_all(servers, told, words):
    document = "Mosses drink through the surface of their leaves. " * 40

    async def do(urls):
        chat = Pool(urls, "double", patience=0.0)
        try:
            await chat.open()
            for endpoint in chat.endpoints:
                endpoint.welcome(Server(max_in_flight=told), None)
            asked = [
                Request([{"role": "user", "content": f"{n} {document}"}], 64, documents=(document,))
                for n in range(150)
            ]
            return await asyncio.gather(*map(chat.complete, asked), return_exceptions=True)
        finally:
            await chat.close()

    with ExitStack() as stack:
        doubles = [stack.enter_context(ChatServer(lasting=400, words=words)) for _ in range(servers)]
        found = asyncio.run(do([double.url for double in doubles]))
        sent = sum(len(double.chats) for double in doubles)
    assert any(isinstance(one, TeacherUnavailable) and f"400: {words.rstrip('.')}" in str(one) for one in found)
    assert sent <= 64


def test_an_answer_of_more_than_8_mb_fails_its_row_after_two_tries_and_no_server():
    with ChatServer(faults=[Raw(b" " * 8_100_000)] * 2) as server:
        first, second = complete(server.url, ASK, dataclasses.replace(ASK, seed=1), retries=6)
    assert first.error == ("teacher_failed", "given up after 2 tries; last: an answer of more than 8000000 bytes")
    assert second.error is None


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_a_server_that_is_named_twice_is_refused(ending):
    with pytest.raises(UserError, match="teacher.base_url names a server twice"):
        Pool(["http://127.0.0.1:1", f"http://127.0.0.1:1{ending}"], "double")


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
    for module in (pool, slots, watch):
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


SCHEMA = {"type": "object", "properties": {"instruction": {"type": "string"}}, "required": ["instruction"]}


def test_a_schema_is_asked_for_as_openai_does():
    with ChatServer() as server:
        complete(server.url, dataclasses.replace(ASK, schema=SCHEMA), structured="auto")
    sent = server.chats[0].body["response_format"]
    assert (sent["type"], sent["json_schema"]["schema"]) == ("json_schema", SCHEMA)
    assert "as_it_is" not in server.chats[0].body


@pytest.mark.parametrize("fault", [400, 422, 500, 501, "drop", "truncated"])
def test_a_server_that_fails_on_a_schema_costs_no_row_and_gets_no_more(fault, caplog):
    with ChatServer(faults=[fault], words="invalid request") as server:
        asked = [dataclasses.replace(ASK, schema=SCHEMA, seed=seed) for seed in (0, 1)]
        answers = complete(server.url, *asked, structured="auto")
    assert [answer.error for answer in answers] == [None, None]
    assert ["response_format" in chat.body for chat in server.chats] == [True, False, False]
    assert "teacher.structured=off asks for none" in caplog.text


def test_many_failures_on_a_schema_set_no_server_aside():
    with ChatServer(refuse=lambda body: 500 if "response_format" in body else None) as server:
        asked = [dataclasses.replace(ASK, schema=SCHEMA, seed=seed) for seed in range(9)]
        answers = together(server.url, asked)
    assert [answer.error for answer in answers] == [None] * 9


def test_an_empty_answer_under_a_schema_is_asked_for_without_it():
    replies = iter(["\n" * 50, "Why do mosses drink?"])
    with ChatServer(write=lambda request: Completion(next(replies), "length", 5, 5)) as server:
        (answer,) = complete(server.url, dataclasses.replace(ASK, schema=SCHEMA), structured="auto")
    assert answer.text == "Why do mosses drink?"


def test_one_failure_after_schemas_worked_does_not_end_them():
    with ChatServer(faults=[None, 400]) as server:
        asked = [dataclasses.replace(ASK, schema=SCHEMA, seed=seed) for seed in range(3)]
        complete(server.url, *asked, structured="auto")
    assert ["response_format" in chat.body for chat in server.chats] == [True, True, False, True]


def test_no_schema_is_sent_where_it_is_off():
    with ChatServer() as server:
        complete(server.url, dataclasses.replace(ASK, schema=SCHEMA), structured="off")
    assert "response_format" not in server.chats[0].body


@pytest.mark.parametrize("status", [411, 414, 418, 431, 451, 501])
def test_a_status_that_will_not_pass_is_the_rows_at_once_and_says_what_the_server_said(status):
    with ChatServer(faults=[None], lasting=status, words="not this one") as server:
        answers = complete(server.url, ASK, dataclasses.replace(ASK, seed=1))
    assert [one.error for one in answers] == [None, ("teacher_refused", f"{status}: not this one")]
    assert len(server.chats) == 2


def test_an_error_in_the_middle_of_a_stream_is_what_the_server_said():
    events = ['{"choices": [{"delta": {"content": "Moss"}}]}', '{"error": {"message": "out of memory"}}']
    stream = Raw("".join(f"data: {event}\n\n" for event in events).encode(), kind="text/event-stream")
    with ChatServer(lasting=stream) as server:
        assert complete(server.url, ASK, retries=0)[0].error[1].endswith("last: no answer, but: out of memory")


def test_one_request_that_is_forbidden_where_others_are_answered_fails_its_row_only():
    def forbidden(body):
        return 403 if "sesame" in body["messages"][0]["content"] else None

    asked = [Request([{"role": "user", "content": words}], 8) for words in ("Moss?", "Open sesame!", "Fern?")]
    with ChatServer(refuse=forbidden, words="flagged") as server:
        answers = complete(server.url, *asked)
    assert [one.error for one in answers] == [
        None,
        ("teacher_failed", "given up after 2 tries; last: 403: flagged"),
        None,
    ]


@pytest.mark.parametrize(("status", "sent"), [(401, 2), (402, 2), (410, 2), (403, 8), (404, 8)])
def test_what_is_wrong_for_several_requests_in_a_row_stops_the_run(status, sent):
    asked = [dataclasses.replace(ASK, seed=seed) for seed in range(9)]
    stopped = pytest.raises(TeacherUnavailable, match=f"answers {status}: revoked: check teacher.base_url")
    with ChatServer(faults=[None], lasting=status, words="revoked") as server, stopped:
        complete(server.url, *asked)
    assert len(server.chats) == sent
