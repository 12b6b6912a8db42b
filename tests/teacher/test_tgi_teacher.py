"""The pool against text-generation-inference as it is: what it learns, what it mends, and what it survives.

Pauses are noted and not waited for, and the patience of a run lasts until a test ends it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.teacher import endpoint, pool, slots, watch
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.members import FIRST_PATIENCE
from fanno_hf.teacher.pool import Pool
from tests.conftest import SMALL, compose_config, write_documents
from tests.doubles.tgi import TgiServer
from tests.doubles.tgi_answers import CHANGEABLE, Settings

MODEL, REVISION = Settings.model_id, Settings.model_sha
PATIENCE = 600.0
DOCUMENT = " ".join(f"moss{number:04d}" for number in range(2000))  # 18,000 characters, 4500 tokens


def ask(name: Any = "", **settings) -> Request:
    """A question that no other name asks."""
    words = f"Explain how moss {name} drinks water without having any roots."
    return Request([{"role": "user", "content": words}], **{"max_tokens": 64, **settings})


def verdict(name: Any = "", **settings) -> Request:
    return ask(name, max_tokens=1, top_logprobs=5, **settings)


def about(document: str, around: str = "Write a question about this text:") -> Request:
    """A question about a document."""
    return Request([{"role": "user", "content": f"{around}\n\n{document}"}], 64, documents=(document,))


ASKS = [ask(number) for number in range(40)]


class Pauses(list):
    """The lengths of the pauses so far; the patience is over when a test says so."""

    def __init__(self):
        super().__init__()
        self.patience_is_over = False

    async def sleep(self, seconds: float) -> None:
        while seconds in (PATIENCE, FIRST_PATIENCE) and not self.patience_is_over:
            await asyncio.sleep(0)
        self.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def pauses(monkeypatch, caplog) -> Pauses:
    caplog.set_level(logging.WARNING, logger="fanno_hf")
    made = Pauses()
    for module in (pool, watch):
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": made.sleep}))
    # a full server that is idle is left alone in the time of the event loop
    monkeypatch.setattr(endpoint, "LONGEST_PAUSE", 0.001)
    return made


class Watched:
    """A double that several tests share; what it got is counted from the beginning of the test."""

    def __init__(self, server: TgiServer):
        self._server, self._before = server, len(server.received())
        self.url, self.stats, self.faults = server.url, server.stats, server.faults
        server.reset()

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The bodies of the requests, in the order of their arrival."""
        return [request["body"] for request in self._server.received()[self._before :]]

    @property
    def keys(self) -> set[str]:
        """The keys that came with them."""
        return {request["headers"]["authorization"] for request in self._server.received()[self._before :]}


DOUBLES = {
    "server": {"max_concurrent_requests": 16, "mean_seconds": 0.05},
    "second": {"max_concurrent_requests": 8, "mean_seconds": 0.05},
    "blunt": {"max_top_n_tokens": 0},  # gives no log-probabilities
}
CALM = {setting.name: setting.default for setting in fields(Settings) if setting.name in CHANGEABLE}


@pytest.fixture(scope="module")
def processes():
    """One of each for all tests of this file."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(TgiServer(record=True, **how)) for name, how in DOUBLES.items()}


def watched(name: str):
    """A fixture: a double for one test, whose faults end with it."""

    @pytest.fixture(name=name)
    def double(processes):
        yield Watched(processes[name])
        processes[name].faults(**CALM)

    return double


server, second, blunt = map(watched, DOUBLES)

During = Callable[[Pool], Awaitable[Any]]


def use(urls: str | list[str], work: During, **settings) -> tuple[Any, Pool]:
    """Opens a pool and lets something be done with it; returns what came of it, and the pool."""

    async def do():
        chat = Pool(urls, **{"retries": 6, "timeout": 30.0, "patience": PATIENCE, **settings})
        try:
            await chat.open()
            return await work(chat), chat
        finally:
            await chat.close()

    return asyncio.run(asyncio.wait_for(do(), 60.0))


def together(urls: str | list[str], requests: Sequence[Request], during: During | None = None, **settings):
    """Sends requests at the same time, lets something happen meanwhile, and returns the answers and the pool."""

    async def work(chat):
        found = asyncio.gather(*map(chat.complete, requests), return_exceptions=True)
        if during:
            await during(chat)
        return await found

    return use(urls, work, **settings)


def answers(urls: str | list[str], requests: Sequence[Request], during: During | None = None, **settings):
    return together(urls, requests, during, **settings)[0]


def opened(urls: str | list[str], **settings) -> Pool:
    return together(urls, [], **settings)[1]


def errors(completions: Sequence[Completion]) -> list[Any]:
    return [completion.error for completion in completions if completion.error]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


# what it learns


@pytest.mark.parametrize(("settings", "revision"), [({}, REVISION), ({"revision": "main"}, "main")])
def test_the_model_is_the_one_the_server_names_and_a_revision_that_is_given_wins(server, settings, revision):
    _, chat = together(server.url, [ask()], **settings)
    assert (server.sent[0]["model"], chat.identity) == (MODEL, f"{MODEL}@{revision}")


def test_another_name_for_the_model_is_warned_about(server, caplog):
    opened(server.url, model="org/other")
    assert [record.getMessage() for record in caplog.records] == [f"{server.url} serves {MODEL}, not org/other"]


@pytest.mark.parametrize(("concurrency", "capacity"), [(None, 16), (5, 5), (500, 16)])
def test_the_capacity_is_what_the_server_takes_or_less(server, concurrency, capacity):
    assert opened(server.url, concurrency=concurrency).capacity == capacity


def test_two_servers_take_the_sum(server, second):
    assert opened([server.url, second.url]).capacity == 16 + 8


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"model_id": "org/other"}, (MODEL, "org/other", "all must serve the same model")),
        ({"model_sha": "0" * 40}, (REVISION,)),  # the journal keeps answers under one revision
    ],
    ids=["model", "revision"],
)
def test_servers_that_differ_in_their_model_are_one_clear_error(server, other, told):
    with TgiServer(**other) as odd, pytest.raises(UserError) as raised:
        opened([server.url, odd.url])
    assert [words for words in told if words not in str(raised.value)] == []


def test_a_server_that_starts_late_is_waited_for():
    late = TgiServer()
    with late:
        late.kill()

        async def do():
            chat = Pool(late.url, patience=PATIENCE)
            opening = asyncio.ensure_future(chat.open())
            await asyncio.to_thread(late.start_again)
            await opening
            await chat.close()
            return chat.identity

        assert asyncio.run(asyncio.wait_for(do(), 60.0)) == f"{MODEL}@{REVISION}"


# what it makes of an answer


def test_a_stop_text_ends_an_answer_as_its_end_does_and_is_not_in_it(server):
    # TGI leaves it there and calls it stop_sequence
    found = answers(server.url, [ask(number, stop=(" ",)) for number in range(20)])
    assert {(completion.finish_reason, " " in completion.text) for completion in found} == {("stop", False)}


def test_finish_reasons_are_stop_and_length(server):
    found = answers(server.url, [ask(number, max_tokens=8) for number in range(40)])
    assert {completion.finish_reason for completion in found} == {"stop", "length"}


def test_tokens_are_those_the_server_counted(server):
    found = answers(server.url, ASKS)
    stats = server.stats()
    assert sum(completion.tokens for completion in found) == stats["prompt_tokens"] + stats["completion_tokens"]


def test_no_system_role_is_ever_sent(server, tmp_path):
    from fanno_hf.cli.configuration import resolve
    from fanno_hf.pipeline.run import execute

    documents = write_documents(tmp_path / "documents.jsonl")
    without = [override for override in SMALL if not override.startswith("teacher=")]
    given = (
        "teacher=tgi",
        "prompts=small",
        "tags=small",
        "rules=small",
        f"teacher.base_url={server.url}",
        "data=files",
        f"data.path={documents}",
    )
    execute(resolve(compose_config(*without, *given, f"run={tmp_path / 'run'}")))
    # this template refuses one, too
    assert {turn["role"] for body in server.sent for turn in body["messages"]} == {"user", "assistant"}


# what it mends


def test_a_server_that_refuses_log_probabilities_is_not_asked_for_them_again(blunt):
    async def one_by_one(chat):
        return [await chat.complete(verdict(number)) for number in range(3)]

    use(blunt.url, one_by_one)
    assert [body.get("top_logprobs") for body in blunt.sent] == [5, None, None, None]


def test_a_server_that_refuses_log_probabilities_answers_without_them_and_is_warned_about_once(blunt, caplog):
    found = answers(blunt.url, [verdict(number) for number in range(5)])
    said = [record.getMessage() for record in caplog.records]
    assert [(each.error, each.top_logprobs) for each in found] == [(None, None)] * 5
    assert (len(said), "verdicts are read from its text" in said[0]) == (1, True)


@pytest.mark.parametrize(("length", "tries"), [(len(DOCUMENT), 2), (9000, 1)])
def test_a_prompt_that_is_too_long_is_answered_with_less_of_its_document(server, length, tries):
    [found] = answers(server.url, [about(DOCUMENT[:length])])
    assert (found.error, found.shortened, len(server.sent)) == (None, tries == 2, tries)


@pytest.mark.parametrize(
    ("request_", "tries"),
    [
        (about("Mosses are small plants.", around=DOCUMENT), None),  # still too long without its document
        (Request([{"role": "user", "content": DOCUMENT}], 64), 1),  # nothing that could be shortened: at once
    ],
    ids=["short document", "no document"],
)
def test_a_prompt_that_stays_too_long_is_refused_in_the_words_of_the_server(server, request_, tries):
    [found] = answers(server.url, [request_])
    reason, words = found.error
    assert (reason, "`inputs` tokens + `max_new_tokens` must be <= 4096" in words) == ("teacher_refused", True)
    assert tries in (None, len(server.sent))


def test_a_refused_row_has_no_text(server):
    server.faults(refuse_words="moss 7 ")
    found = answers(server.url, ASKS)
    assert [(number, each.text) for number, each in enumerate(found) if each.error] == [(7, "")]


# what it survives


@pytest.mark.parametrize(
    "faults",
    [
        *({f"{kind}_share": 0.3} for kind in ("drop", "truncate", "rubbish", "error")),
        *({"error_share": 0.3, "error_status": status} for status in (424, 502)),
    ],
    ids=str,
)
def test_passing_faults_change_no_answer(server, faults):
    before = answers(server.url, ASKS)
    server.faults(**faults)
    assert answers(server.url, ASKS, retries=20) == before


def test_requests_that_hang_are_sent_again(server):
    server.faults(hang_share=0.3)
    assert errors(answers(server.url, ASKS[:10], timeout=0.3, retries=20)) == []


def test_a_server_that_says_no_now_and_then_costs_no_row_a_try(server):
    server.faults(overload_share=0.5)
    found, chat = together(server.url, ASKS, retries=0)
    assert (errors(found), chat.in_flight) == ([], 0)


def test_a_storm_of_refusals_is_waited_out(server):
    async def storm(_):
        while (await asyncio.to_thread(server.stats))["faults"].get("overload", 0) < 60:
            await asyncio.sleep(0)
        await asyncio.to_thread(server.faults, storm=False)

    server.faults(storm=True)
    assert errors(answers(server.url, ASKS, storm, retries=0)) == []


def test_retry_after_is_waited_for(server, monkeypatch, pauses):
    # a clock that goes on by what is slept
    for module in (pool, slots, watch):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + sum(pauses)))

    async def calm(_):
        await until(lambda: bool(pauses))
        await asyncio.to_thread(server.faults, storm=False)

    server.faults(storm=True, retry_after=20)
    answers(server.url, [ask()], calm)
    assert set(pauses) == {20.0}


def test_never_more_is_in_flight_than_the_server_takes(server):
    answers(server.url, [ask(number) for number in range(100)])
    stats = server.stats()
    assert (stats["max_in_flight"] <= 16, stats["by_status"]) == (True, {"200": 100})


def test_never_more_is_in_flight_than_is_configured(server, second):
    answers([server.url, second.url], ASKS, concurrency=3)
    assert all(1 < each.stats()["max_in_flight"] <= 3 for each in (server, second))


def test_every_request_is_answered_once_when_nothing_fails(server, second):
    answers([server.url, second.url], [ask(number) for number in range(100)])
    assert server.stats()["answered"] + second.stats()["answered"] == 100


def test_urgent_requests_go_before_those_that_wait(server):
    names = ["a", "b", "c", "urgent d", "urgent e"]
    work = lambda chat: asyncio.gather(*(chat.complete(ask(n), n.startswith("urgent")) for n in names))  # noqa: E731
    use(server.url, work, concurrency=1)
    sent = [body["messages"][0]["content"] for body in server.sent]
    assert sent == [ask(name).messages[0]["content"] for name in ("a", "urgent d", "urgent e", "b", "c")]


def test_a_slow_server_gets_fewer_requests_than_a_fast_one(second):
    with TgiServer(mean_seconds=1.0, max_concurrent_requests=8) as slow:
        answers([slow.url, second.url], ASKS)
        assert slow.stats()["requests"] < second.stats()["requests"]


def test_a_caller_that_is_given_up_in_flight_frees_its_slot(server):
    async def give_up(chat):
        first = asyncio.ensure_future(chat.complete(ask("first")))
        await until(lambda: chat.in_flight == 1)
        await asyncio.to_thread(server.stats)
        first.cancel()
        await asyncio.to_thread(server.faults, hang_share=0.0)
        return await chat.complete(ask("second"))

    server.faults(hang_share=1.0)
    found, chat = use(server.url, give_up, concurrency=1)
    assert (found.error, chat.in_flight) == (None, 0)


def test_the_key_goes_to_all_servers(server, second, monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "sk-open-sesame")
    answers([server.url, second.url], ASKS, concurrency=2, api_key_env="TEACHER_KEY")
    assert (server.keys, second.keys) == ({"Bearer sk-open-sesame"}, {"Bearer sk-open-sesame"})


# servers that die and come back


@pytest.fixture
def mortal():
    """A server of this test's own, slow enough to be killed amid its work."""
    with TgiServer(mean_seconds=0.5, max_concurrent_requests=8) as running:
        yield running


async def kill(server: TgiServer, chat: Pool) -> None:
    """Kills a server while it works, and returns when the pool knows."""
    found = next(each for each in chat.endpoints if each.client.base_url == server.url)
    await until(lambda: found.in_flight > 0)
    await asyncio.to_thread(server.kill)
    await until(lambda: not found.up)


async def kill_and_revive(server: TgiServer, chat: Pool, **changes: Any) -> None:
    await kill(server, chat)
    await asyncio.to_thread(server.start_again, mean_seconds=0.0, **changes)


async def ask_later(chat: Pool) -> None:
    await asyncio.gather(*(chat.complete(ask(f"later {number}")) for number in range(30)))


def test_no_row_is_lost_when_one_of_two_servers_dies(mortal, server):
    found = answers([mortal.url, server.url], ASKS, lambda chat: kill(mortal, chat))
    assert (len(found), errors(found)) == (40, [])


def test_a_server_that_comes_back_is_told_and_gets_requests_again(mortal, server, caplog):
    async def come_back(chat):
        await kill_and_revive(mortal, chat)
        await until(lambda: chat.endpoints[0].up)
        await ask_later(chat)

    answers([mortal.url, server.url], ASKS, come_back)
    assert mortal.stats()["answered"] > 0
    said = [record.getMessage() for record in caplog.records if mortal.url in record.getMessage()]
    assert (len(said), "is set aside" in said[0], said[-1]) == (2, True, f"{mortal.url} is back")


def test_a_run_whose_servers_all_die_says_that_it_waits_and_goes_on_when_one_comes_back(mortal, caplog, pauses):
    async def come_back(chat):
        await kill_and_revive(mortal, chat)
        await until(lambda: chat.endpoints[0].up)
        pauses.patience_is_over = True  # a run that went on has its patience back

    assert errors(answers(mortal.url, ASKS, come_back)) == []
    assert "no teacher answers: waiting up to 30 s for one to come back" in caplog.messages


def test_a_run_whose_servers_all_die_stops_when_its_patience_is_over(mortal, pauses):
    async def lose_patience(chat):
        await kill(mortal, chat)
        pauses.patience_is_over = True

    found = answers(mortal.url, ASKS, lose_patience)
    lost = [each for each in found if not isinstance(each, Completion)]
    assert {(type(each), mortal.url in str(each)) for each in lost} == {(TeacherUnavailable, True)}


def test_a_server_that_comes_back_with_another_model_gets_nothing(mortal, server, caplog):
    async def come_back(chat):
        await kill_and_revive(mortal, chat, model_id="org/other")
        await until(lambda: "org/other" in caplog.text)
        await ask_later(chat)

    answers([mortal.url, server.url], ASKS, come_back)
    assert mortal.stats()["requests"] == 0


def test_a_server_that_is_not_well_gets_nothing(server, second, caplog):
    second.faults(unhealthy=True)
    found = answers([server.url, second.url], ASKS)
    assert (errors(found), second.stats()["requests"]) == ([], 0)


def test_tgi_gets_a_schema_in_its_own_form():
    schema = {"type": "object", "properties": {"instruction": {"type": "string"}}}
    with TgiServer(record=True) as server:
        answers(server.url, [ask(schema=schema)], structured="auto")
        received = server.received()
    assert received[0]["body"]["response_format"] == {"type": "json", "value": schema}
