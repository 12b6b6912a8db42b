"""The one door to the teacher: journal first, each distinct request once, a bounded number in flight.

The backend lives on an event loop of its own, in a thread, for as long as the run: connections stay open between
stages although every `Dataset.map` brings a new loop. The backend is opened at the first request that the journal
cannot answer, so a finished run starts again without a server.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from fanno_hf.teacher.base import Backend, Completion, Request
from fanno_hf.teacher.journal import Journal

logger = logging.getLogger(__name__)


@dataclass
class Usage:
    """What was asked: requests sent, requests the journal answered, tokens of the sent ones, rows without an answer."""

    requests: int = 0
    from_journal: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    errors: int = 0


class Teacher:
    """Answers requests through the journal.

    Args:
        backend: reaches the model.
        journal: keeps what was answered.
    """

    def __init__(self, backend: Backend, journal: Journal):
        self.identity = backend.identity
        self.usage = Usage()
        self._backend, self._journal = backend, journal
        self._in_flight: dict[bytes, asyncio.Task] = {}
        self._opening: asyncio.Task | None = None
        self._loop = asyncio.new_event_loop()
        self._lanes = asyncio.Semaphore(max(1, backend.concurrency))
        self._thread = threading.Thread(target=self._loop.run_forever, name="teacher", daemon=True)
        self._thread.start()

    def take_usage(self) -> Usage:
        """Returns what was used since the last call and starts counting anew."""
        usage, self.usage = self.usage, Usage()
        return usage

    async def complete_chains(
        self, chains: Sequence[Sequence[Request]], stop: Callable[[int, Completion], bool] | None = None
    ) -> list[list[Completion]]:
        """Answers chains of requests: a chain's requests follow one another, chains run side by side.

        Requests about one document share a long prefix; sent one after the other they find it in the server's cache.
        Awaitable from any event loop, so that the batches of a `Dataset.map` run side by side too.

        Args:
            chains: requests; a chain of one is the ordinary case.
            stop: gets an answer and its place in the chain; when it returns True the rest of that chain is not asked.

        Returns:
            For each chain its answers, in order; shorter than the chain where `stop` ended it.

        Raises:
            TeacherUnavailable: the server cannot be reached; what was answered before is in the journal.
        """
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._complete_chains(chains, stop), self._loop)
        )

    def close(self) -> None:
        """Gives up what is in flight and closes the backend and the journal. Safe to call twice."""
        if not self._thread.is_alive():
            return
        try:
            self._run(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._journal.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _complete_chains(self, chains, stop) -> list[list[Completion]]:
        return await asyncio.gather(*(self._complete_chain(chain, stop) for chain in chains))

    async def _complete_chain(self, chain, stop) -> list[Completion]:
        answers: list[Completion] = []
        # one lane a chain, one request in flight a lane: the next request of a document goes out before a new document
        async with self._lanes:
            for place, request in enumerate(chain):
                answers.append(await self._complete(request))
                if stop is not None and stop(place, answers[-1]):
                    break
        return answers

    async def _complete(self, request: Request) -> Completion:
        key = request.key(self.identity)
        if (kept := self._journal.get(key)) is not None:
            self.usage.from_journal += 1
            return kept
        if (task := self._in_flight.get(key)) is None:
            task = self._in_flight[key] = asyncio.ensure_future(self._ask(key, request))
            task.add_done_callback(lambda _: self._in_flight.pop(key, None))
        # shielded: a row that is given up must not take the answer of its twin with it
        return await asyncio.shield(task)

    async def _ask(self, key: bytes, request: Request) -> Completion:
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._backend.open())
        await asyncio.shield(self._opening)
        completion = await self._backend.complete(request)
        self.usage.requests += 1
        if completion.error is not None:
            self.usage.errors += 1
            return completion
        self.usage.prompt_tokens += completion.prompt_tokens
        self.usage.completion_tokens += completion.completion_tokens
        self._journal.put(key, completion)
        # what is used now is exactly what a resumed run will read
        return Completion.from_json(completion.to_json())

    async def _close(self) -> None:
        # every task of the loop, not the requests alone: a caller that still waits must hear that it was given up
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:  # bounded: a process that was told to stop must stop
            await asyncio.wait(tasks, timeout=10.0)
        await asyncio.sleep(0)
        await self._backend.close()
