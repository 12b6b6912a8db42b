"""The one door to the teacher: journal first, each distinct request once, a bounded number in flight.

The backend lives on an event loop of its own, in a thread, for as long as the run: connections stay open between
stages although every `Dataset.map` brings a new loop. The backend is opened at the first request that the journal
cannot answer, so a finished run starts again without a server.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from fanno_hf.costs import Costs
from fanno_hf.errors import BudgetReached
from fanno_hf.settings import Price
from fanno_hf.teacher.base import Ask, Backend, Completion, Request, T, Usage, Way
from fanno_hf.teacher.budget import Budget
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.own_loop import OwnLoop

logger = logging.getLogger(__name__)

_MOST_FAULTS = 8  # kinds of faults that run.json names
_ELSEWHERE = (
    *("requests", "prompt_tokens", "cached_tokens", "completion_tokens", "thinking_tokens"),
    *("busy_seconds", "shortened", "estimated"),
)  # what only who asks can count
_FIRST_LANES = 16  # rows asked about side by side before the backend is open and says how many it takes


class Teacher:
    """Answers requests through the journal: the teacher's own, and those to its judge, where that is another model.

    A backend that does not know its identity is opened at once, to ask the server.

    Raises FannoError where that server cannot be reached.
    """

    def __init__(
        self,
        backend: Backend,
        journal: Journal,
        budget: Budget | None = None,
        judge: Backend | None = None,
        costs: Costs | None = None,
    ):
        self.usage, self.costs = Usage(), costs or Costs(Price())
        self._backend, self._judge = backend, judge or backend
        self._backends = [backend, judge] if judge else [backend]
        self._journal, self._budget = journal, budget or Budget()
        self._answers: dict[bytes, asyncio.Future[Completion]] = {}
        self._opening: dict[Backend, asyncio.Task] = {}
        self._opened: set[Backend] = set()
        self._closing, self._door = False, threading.Lock()
        self._sending, self._resent = 0, 0
        self._faults: Counter[str] = Counter()  # up to the last time that the usage was taken
        self._when_open: list[Callable[[int | None], None]] = []
        # rows that have begun; the others wait unhashed, so that the first requests leave at once
        self._lanes = asyncio.Semaphore(_FIRST_LANES)
        self._own = OwnLoop("teacher")
        try:
            if self._budget.needs_totals:
                self._budget.start(*journal.totals())
            for unknown in (one for one in self._backends if one.identity is None):
                self._own.run(self._open(unknown))
        except BaseException:
            self.close()
            raise
        self.identity, self.judge_identity = backend.identity, self._judge.identity

    @property
    def capacity(self) -> int:
        """Requests in flight at most; final once the first request was sent."""
        return sum(backend.capacity for backend in self._backends)

    @property
    def in_flight(self) -> int:
        """Requests sent and not answered."""
        return sum(backend.in_flight for backend in self._backends)

    @property
    def resent(self) -> int:
        """How often a request was sent again, over the whole run."""
        return sum(backend.resent for backend in self._backends)

    def take_usage(self) -> Usage:
        """Returns what was used since the last call and starts counting anew."""
        usage, self.usage = self.usage, Usage()
        usage.busy_seconds = round(usage.busy_seconds, 3)
        usage.resent, self._resent = self.resent - self._resent, self.resent
        faults = sum((Counter(backend.faults) for backend in self._backends), Counter())
        usage.faults, self._faults = dict((faults - self._faults).most_common(_MOST_FAULTS)), faults
        return usage

    def when_open(self, tell: Callable[[int | None], None]) -> None:
        """Calls `tell` with the tokens that the teacher's context holds (None: it does not say), before its first request."""
        if self._backend in self._opened:
            tell(self._backend.context_length)
        else:
            self._when_open = [tell]

    def absorb(self, journal: Path) -> None:
        """Takes over the answers of another journal; before the first request."""
        self._journal.absorb(journal)

    def settle(self) -> None:
        """Makes the journal one file, which others may read until this teacher is asked again."""
        self._journal.fold()

    def count_elsewhere(self, usage: Usage, cost: float) -> None:
        """Counts what other processes asked for this run, and what their tokens cost; the answers, which are in the journal by
        now, are not counted again when they are read. What they were not answered is asked, and counted, here."""
        for name in _ELSEWHERE:
            setattr(self.usage, name, getattr(self.usage, name) + getattr(usage, name))
        self.usage.from_journal -= usage.requests
        self._resent -= usage.resent
        self._faults.subtract(usage.faults)
        self.costs.tokens += cost

    async def follow(self, ways: Sequence[Way[T]]) -> list[T]:
        """Goes the ways of rows; they run side by side, the requests of each follow one another.

        Requests about one document share a long prefix; sent one after the other they find it in the server's cache.
        Awaitable from any event loop and thread, so that the batches of several `Dataset.map` run side by side too.

        Returns:
            What each way returns, in order.

        Raises:
            TeacherUnavailable: the server cannot be reached; what was answered before is in the journal.
            BudgetReached: nothing more may be sent; what was in flight was waited for and is in the journal.
        """
        with self._door:  # `close` cancels what was let in before it; nothing is let in after it
            if self._closing:
                raise asyncio.CancelledError
            future = asyncio.run_coroutine_threadsafe(self._follow(ways), self._own.loop)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Gives up what is in flight and closes the backend and the journal. Safe to call twice."""
        with self._door:
            self._closing = True
        if not self._own.is_alive:
            return
        try:
            self._own.run(self._close())
        finally:
            self._own.stop()
            self._journal.close()

    async def _follow(self, ways: Sequence[Way[T]]) -> list[T]:
        # when a run ends, most batches have nobody left who waits for them
        asyncio.current_task().add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.gather(*map(self._go, ways))

    async def _go(self, way: Way[T]) -> T:
        async with self._lanes:
            return await way(Ask(self._complete))

    async def _complete(self, request: Request, urgent: bool) -> Completion:
        key = request.key(self.judge_identity if request.judge else self.identity)
        while True:
            if (kept := self._journal.get(key)) is not None:
                self.usage.from_journal += 1
                self._count_source(request, kept)
                return kept
            if (twin := self._answers.get(key)) is None:
                break
            try:
                return await asyncio.shield(twin)
            except asyncio.CancelledError:
                if not twin.cancelled():
                    raise  # this caller is given up; otherwise its twin was, and this one asks itself
        answer = self._answers[key] = self._own.loop.create_future()
        try:
            completion = await self._ask(key, request, urgent)
            answer.set_result(completion)
            return completion
        except Exception as error:
            answer.set_exception(error)
            answer.exception()  # nobody may be waiting
            raise
        finally:
            del self._answers[key]
            if not answer.done():
                answer.cancel()

    async def _ask(self, key: bytes, request: Request, urgent: bool) -> Completion:
        backend = self._judge if request.judge else self._backend
        await self._open(backend)
        await self._pay(request, backend.room)
        self._sending += 1
        completion = None
        try:
            completion = await backend.complete(request, urgent)
        finally:
            self._sending -= 1
            is_answered = completion is not None and completion.error is None
            self._budget.settle(completion.tokens if completion else 0, is_answered=is_answered)
        self._count_tokens(completion, judged=backend is not self._backend)
        if completion.error is not None:
            self.usage.refused += completion.error[0] == "teacher_refused"
            self.usage.failed += completion.error[0] == "teacher_failed"
            return completion
        self._count(completion)
        self._count_source(request, completion)
        self._journal.put(key, completion)
        # what is used now is exactly what a resumed run will read
        return Completion.from_json(completion.to_json())

    async def _pay(self, request: Request, room: int) -> None:
        """Takes a request's share of the budget; what is in flight may cost less than it seems to, so it is waited for
        before the run stops."""
        guess = sum(len(turn["content"]) for turn in request.messages) // 4 + request.max_tokens + room
        while True:
            try:
                return self._budget.take(guess)
            except BudgetReached:
                if not self._sending:
                    raise
            await asyncio.sleep(0.02)

    async def _open(self, backend: Backend) -> None:
        """Opens a backend, once."""
        if backend not in self._opening:
            self._opening[backend] = asyncio.ensure_future(self._open_backend(backend))
        await asyncio.shield(self._opening[backend])

    async def _open_backend(self, backend: Backend) -> None:
        await backend.open()
        self._opened.add(backend)
        if backend is self._backend:
            for tell in self._when_open:
                tell(backend.context_length)
        # twice what the servers take: a row that waits for its next try or a free slot keeps no server idle
        first = _FIRST_LANES if backend is self._backend else 0
        for _ in range(2 * backend.capacity - first):
            self._lanes.release()

    def _count_tokens(self, completion: Completion, *, judged: bool) -> None:
        prompt, cached, written, thought = completion.paid
        self.usage.prompt_tokens += prompt
        self.usage.cached_tokens += cached
        self.usage.completion_tokens += written
        self.usage.thinking_tokens += thought
        self.costs.count(prompt, cached, written, judged=judged)

    def _count(self, completion: Completion) -> None:
        self.usage.requests += 1
        self.usage.shortened += completion.shortened
        self.usage.estimated += completion.estimated
        self.usage.busy_seconds += completion.seconds

    def _count_source(self, request: Request, completion: Completion) -> None:
        asked = request.judge and request.top_logprobs
        self.usage.verdicts_from_text += bool(asked and not (completion.top_logprobs or completion.answers))

    async def _close(self) -> None:
        # every task of the loop, not the requests alone: a caller that still waits must hear that it was given up
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:  # bounded: a process that was told to stop must stop
            await asyncio.wait(tasks, timeout=10.0)
        await asyncio.sleep(0)
        for backend in self._backends:
            await backend.close()
