"""What a pool makes of unequal servers over minutes, on an event loop whose time runs without being waited for."""

import asyncio
import selectors
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.teacher import pool, slots, watch
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import Busy, CallFailed, Server, TimedOut, Unreachable
from fanno_hf.teacher.pool import Pool


class Selector(selectors.DefaultSelector):
    """Where the loop would wait, its clock goes on instead."""

    now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own."""

    def __init__(self):
        self.clock = Selector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


class Client:
    """A server of so many slots; each request takes some seconds, and says what it says."""

    def __init__(self, name: str, seconds: float, slots: int = 8, failure: CallFailed | None = None):
        self.base_url, self.model = name, None
        self._seconds, self._slots, self._failure = seconds, slots, failure
        self.running = self.sent = self.refused = self.answered = 0

    async def check(self):
        """It is always well."""

    def shown(self, name: str) -> str:
        return name

    async def describe(self) -> Server:
        return Server(model="org/model", max_in_flight=1000)

    async def send(self, request: Request) -> Completion:
        self.sent += 1
        if self.running >= self._slots:
            self.refused += 1
            raise Busy("429: full")
        self.running += 1
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.running -= 1
        if self._failure:
            raise self._failure
        self.answered += 1
        return Completion("Moss.")

    async def close(self):
        """Nothing to close."""


def ask(number: int, tokens: int = 8, document: str = "") -> Request:
    """A question, about a document or none."""
    documents = (document,) if document else ()
    return Request([{"role": "user", "content": f"{number} {document}"}], tokens, documents=documents)


@pytest.fixture
def ask_all(monkeypatch) -> Callable:
    """Asks so many questions of these clients (or these), some at a time; returns the answers and the seconds it took."""

    def do(*clients: Client, requests: int | list[Request], at_once: int, timeout: float = 300.0, **settings):
        loop = Loop()
        for module in (pool, slots, watch):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=loop.time))
        chat = Pool([f"http://127.0.0.1:{number}" for number, _ in enumerate(clients, 1)], timeout=timeout, **settings)
        for endpoint, client in zip(chat.endpoints, clients, strict=True):
            endpoint.client = client

        async def run():
            await chat.open()
            lanes = asyncio.Semaphore(at_once)

            async def lane(request):
                async with lanes:
                    return await chat.complete(request)

            asked = [ask(number) for number in range(requests)] if isinstance(requests, int) else requests
            found = await asyncio.gather(*map(lane, asked))
            await chat.close()
            return found, loop.time()

        try:
            return loop.run_until_complete(run())
        except TeacherUnavailable as error:
            error.seconds = loop.time()
            raise
        finally:
            # of a run that ended in the middle: no task may outlive its test
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left))
            loop.close()

    return do


def test_a_server_that_fails_at_once_costs_no_row_while_another_answers(ask_all):
    # the one that fails is never busy: a pool that only looks for the least busy one would send it everything
    broken = Client("broken", 0.001, failure=CallFailed("500: CUDA error"))
    found, _ = ask_all(broken, Client("well", 2.0), requests=2000, at_once=32)
    assert [answer.error for answer in found if answer.error] == []


class Serial(Client):
    """It answers one request after the other, and does not say so."""

    def __init__(self, seconds: float, timeout: float, a_token: float = 0.0):
        super().__init__("serial", seconds)
        self._each = a_token  # seconds more for each token
        self._turn, self._timeout, self.late = asyncio.Lock(), timeout, 0

    async def describe(self) -> Server:
        return Server(model="org/model")

    async def send(self, request: Request) -> Completion:
        self.sent += 1
        try:
            async with asyncio.timeout(self._timeout), self._turn:
                await asyncio.sleep(self._seconds + self._each * request.max_tokens)
        except TimeoutError:
            self.late += 1
            raise TimedOut("no answer in time") from None
        return Completion("Moss.")


def test_nothing_is_late_at_a_server_that_takes_one_request_at_a_time(ask_all):
    serial = Serial(2.0, timeout=20.0)
    found, seconds = ask_all(serial, requests=100, at_once=64, timeout=20.0)
    assert (serial.late, {answer.error for answer in found}) == (0, {None})
    assert seconds == pytest.approx(200.0, rel=0.02)


def test_what_is_quick_with_verdicts_does_not_get_as_many_long_requests_at_once(ask_all, caplog):
    # a quarter of a second for a verdict of one token, two for an answer of a thousand
    serial = Serial(0.25, timeout=15.0, a_token=1.75 / 1000)
    tokens = [*[1] * 60, *[1000] * 60, *[1, 1000] * 60]
    found, seconds = ask_all(serial, requests=list(map(ask, range(240), tokens)), at_once=64, timeout=15.0)
    assert (serial.late, {answer.error for answer in found}) == (0, {None})
    assert "set aside" not in caplog.text
    assert seconds == pytest.approx(120 * 0.25 + 120 * 2.0, rel=0.02)


def test_a_queue_that_became_too_long_sets_no_server_aside(ask_all, caplog):
    slower = Serial(0.5, timeout=15.0)

    async def send(request):
        slower._seconds = 0.5 if slower.sent < 200 else 5.0  # another user came
        return await Serial.send(slower, request)

    slower.send = send
    found, _ = ask_all(slower, requests=300, at_once=64, timeout=15.0)
    assert (slower.late > 4, {answer.error for answer in found}) == (True, {None})
    assert "set aside" not in caplog.text


def test_a_server_that_hangs_is_set_aside_after_one_time_out(ask_all, caplog):
    hangs, well = Serial(0.0, timeout=15.0), Client("well", 1.0)
    working = Client("working", 1.0, slots=64)

    async def send(request):
        if working.answered >= 200:
            await asyncio.sleep(15.0)
            raise TimedOut("no answer in time")
        return await working.send(request)

    hangs.send = send
    found, _ = ask_all(hangs, well, requests=600, at_once=64, timeout=15.0)
    assert {answer.error for answer in found} == {None}
    assert caplog.text.count("serial is set aside") == 1


class Restarted(Client):
    """It goes away at its 20th request; then it tells these one after the other, a model or a status, whenever it is asked."""

    def __init__(self, *told: str):
        super().__init__("restarted", 1.0, slots=64)
        self._told = iter(["org/model", *told])

    async def describe(self) -> Server:
        told = next(self._told, "org/model")
        return Server(refusal=told) if told[0].isdigit() else Server(model=told, max_in_flight=8)

    async def send(self, request: Request) -> Completion:
        if self.sent == 20:
            self.sent += 1
            raise Unreachable("connection refused")
        return await super().send(request)


def test_a_server_that_comes_back_with_another_model_ends_the_run_where_there_is_no_other_one(ask_all):
    words = (
        r"teacher.base_url: restarted came back with org/other, and served org/model before: start it with that one"
    )
    with pytest.raises(UserError, match=words):
        ask_all(Restarted("org/other"), requests=100, at_once=8)


def test_a_server_that_comes_back_with_another_model_is_left_out_until_it_has_the_right_one(ask_all, caplog):
    restarted = Restarted("org/other", "org/other")
    found, _ = ask_all(restarted, Client("well", 1.0), requests=1000, at_once=16)
    assert ({answer.error for answer in found}, restarted.answered > 40) == ({None}, True)
    assert (caplog.text.count("came back with org/other"), caplog.text.count("restarted is back")) == (1, 1)


def test_a_server_that_cannot_tell_its_model_at_once_after_a_restart_is_asked_again(ask_all):
    found, _ = ask_all(Restarted("500: loading"), requests=100, at_once=8, model="org/model")
    assert {answer.error for answer in found} == {None}


def test_a_server_that_does_not_say_how_many_it_takes_is_soon_filled(ask_all):
    quick = Serial(0.0, timeout=300.0)
    quick.send = Client("quick", 1.0, slots=64).send
    _, seconds = ask_all(quick, requests=640, at_once=128)
    assert seconds <= 10.0 + 6.0  # ten rounds of 64, and some to get there


def test_equal_servers_that_are_half_full_get_the_same(ask_all):
    first, second = Client("first", 1.0), Client("second", 1.0)
    ask_all(first, second, requests=800, at_once=8)
    assert first.answered == pytest.approx(400, rel=0.1)


def test_a_server_that_is_three_times_as_fast_gets_three_times_as_much(ask_all):
    fast, slow = Client("fast", 1.0), Client("slow", 3.0)
    ask_all(fast, slow, requests=4000, at_once=64)
    assert fast.answered / slow.answered == pytest.approx(3.0, rel=0.1)


def test_servers_that_take_less_than_they_say_are_kept_full_and_refuse_one_request_in_five_at_most(ask_all):
    first, second = Client("first", 1.0, slots=16), Client("second", 1.0, slots=4)
    _, seconds = ask_all(first, second, requests=4000, at_once=64)
    # 20 answers a second are what both can give
    assert 4000 / seconds > 0.9 * 20
    assert first.refused + second.refused < 800


def test_a_server_that_is_well_and_fails_every_request_ends_the_run_and_is_not_asked_all_the_time(ask_all):
    broken = Client("broken", 0.5, failure=CallFailed("502: Bad Gateway"))
    with pytest.raises(
        TeacherUnavailable, match="every request alike: 502: Bad Gateway. Check teacher.base_url, teacher.mod"
    ):
        ask_all(broken, requests=2000, at_once=32)
    assert broken.sent < 64


def test_a_server_that_fails_the_few_requests_there_are_is_not_called_out_of_reach(ask_all):
    broken = Client("broken", 0.5, failure=CallFailed("502: Bad Gateway"))
    with pytest.raises(TeacherUnavailable, match="answers nothing but 502: Bad Gateway: look at the server's log"):
        ask_all(broken, requests=7, at_once=7, retries=1000)


class Full(Client):
    """It answers so many requests, then it is full, and nothing runs there; of what is longer than `most` it always says so."""

    def __init__(self, words: str, answers: int, retry_after: float = 0.0, most: int = 10**9):
        super().__init__("full", 1.0, slots=10**9)
        self._why, self._answers, self._most = Busy(words, retry_after), answers, most

    async def send(self, request: Request) -> Completion:
        if self.sent >= self._answers or len(request.messages[0]["content"]) > self._most:
            self.sent += self.sent < self._answers - 1
            self.refused += 1
            raise self._why
        return await super().send(request)


QUOTA = "429: You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("words", "answers", "retry_after", "least", "most"),
    [
        ("503: No available channel for model gpt", 0, 0.0, 30.0, 32.0),
        ("429: slow down", 0, 60.0, 30.0, 32.0),
        ("429: slow down", 20, 0.0, 120.0, 123.0),
        ("429: slow down", 20, 60.0, 120.0, 123.0),
        (QUOTA, 0, 0.0, 2.0, 8.0),
        (QUOTA, 20, 0.0, 2.0, 9.0),
        ("429: Rate limit: 3 requests per min, add a payment method to your account", 20, 0.0, 120.0, 123.0),
    ],
)
def test_servers_that_stay_full_end_the_run_with_their_words(
    ask_all, caplog, words, answers, retry_after, least, most
):
    full, clock = Full(words, answers, retry_after), []
    send = full.send

    async def timed(request):
        clock.append(asyncio.get_running_loop().time())
        return await send(request)

    full.send = timed
    stopped = pytest.raises(
        TeacherUnavailable, match="takes no request.*Check teacher.base_url, teacher.model .*api_key_env"
    )
    with stopped as raised:
        ask_all(full, requests=2000, at_once=32, patience=120.0)
    assert words.rstrip(".") in str(raised.value)
    assert most >= raised.value.seconds >= least
    assert caplog.text.count("takes a request (") == (most > 30)


def test_a_single_request_that_is_told_to_wait_for_a_day_waits_no_longer_than_the_patience(ask_all):
    with pytest.raises(TeacherUnavailable, match="takes no request.*slow down") as raised:
        ask_all(Full("429: slow down", 0, 86_400.0), requests=1, at_once=1, patience=25.0)
    assert 25.0 <= raised.value.seconds <= 27.0


def test_a_server_that_is_full_of_what_it_works_on_is_waited_for(ask_all):
    # ten minutes for an answer, and no room for a second request meanwhile
    found, _ = ask_all(Client("slow", 600.0, slots=1), requests=6, at_once=6, timeout=900.0, patience=60.0)
    assert [answer.error for answer in found if answer.error] == []


def test_a_full_server_that_makes_room_in_time_costs_nothing(ask_all):
    full = Full("429: slow down", 20)
    send = full.send

    async def later(request):
        if asyncio.get_running_loop().time() > 100.0:
            full._answers = 10**9
        return await send(request)

    full.send = later
    found, _ = ask_all(full, requests=100, at_once=32, patience=120.0)
    assert [answer.error for answer in found if answer.error] == []


MOSS = "Mosses drink through the surface of their leaves. "


@pytest.mark.parametrize(
    "words", ["429: Request too large for model: TPM Limit 512, Requested 900. Please reduce", "503: out of KV cache"]
)
def test_a_server_that_says_it_is_full_of_what_is_too_long_gets_it_shorter(ask_all, words):
    full = Full(words, 10**9, most=2000)
    asked = [ask(number, document=MOSS * (10 + 50 * (number % 3 == 0))) for number in range(60)]
    found, seconds = ask_all(full, requests=asked, at_once=16)
    assert [answer.error for answer in found if answer.error] == []
    assert [answer.shortened for answer in found] == [number % 3 == 0 for number in range(60)]
    assert seconds < 300.0


def test_a_server_that_is_restarted_costs_no_document_its_end(ask_all):
    full = Full("503: no server", 30)
    send = full.send

    async def later(request):
        if asyncio.get_running_loop().time() > 200.0:
            full._answers = 10**9
        return await send(request)

    full.send = later
    asked = [ask(number, document=MOSS * (10 + number)) for number in range(100)]
    found, _ = ask_all(full, requests=asked, at_once=16)
    assert [(answer.error, answer.shortened) for answer in found] == [(None, False)] * 100
