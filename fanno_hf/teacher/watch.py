"""Which servers of a pool are in service: one that answers nothing is set aside, asked again, and back when it answers.

Unreachable("127.0.0.1:8081: connection refused")  ->  set aside, asked after 0.2 s, 0.4 s, … 15 s
none is left for `patience` seconds                ->  the run stops
"""

import asyncio
import logging
import random
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from fanno_hf.errors import FannoError
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import Busy, CallFailed, Refused, TimedOut, Unreachable, WrongSetting
from fanno_hf.teacher.endpoint import Endpoint, size_of
from fanno_hf.teacher.members import FIRST_PATIENCE, Members
from fanno_hf.teacher.slots import Slots
from fanno_hf.teacher.trouble import Trouble

logger = logging.getLogger(__name__)


class Watch:
    """Sees what comes of every request; `patience`: seconds without an answer from any server before the run stops."""

    def __init__(
        self, endpoints: Sequence[Endpoint], members: Members, slots: Slots, trouble: Trouble, patience: float
    ):
        self.last_answer = 0.0  # when any server last answered
        self._endpoints, self._members, self._slots, self._trouble = endpoints, members, slots, trouble
        self._patience = patience
        self._none_since: float | None = None  # when the last server was set aside; None from the next answer on
        self._tasks: set[asyncio.Task] = set()
        self._jitter = random.Random(0)  # spreads pauses only; no result depends on it

    async def open(self) -> None:
        """Waits for the first server, and goes on asking those that do not answer. Raises as `Members.open` does."""
        self.last_answer = time.monotonic()
        for absent in await self._members.open(self._patience):
            self._start(self._probe(absent))

    def begin(self) -> None:
        """The first request after a time without any: a quiet hour is nobody's fault."""
        self.last_answer = time.monotonic()

    @property
    def is_patient(self) -> bool:
        """Whether a server that is not there or full is still waited for."""
        return time.monotonic() - self.last_answer < self._patience

    def note(
        self,
        endpoint: Endpoint,
        sent: Request,
        outcome: Completion | CallFailed | None,
        seconds: float,
        is_excused: bool,
    ) -> None:
        """Learns about a server from what came of a request (None: it was given up) after so many seconds; `is_excused`: what
        was sent may be the reason.
        """
        now = time.monotonic()
        if isinstance(outcome, (Completion, Refused, WrongSetting)):
            if endpoint.is_returning and isinstance(outcome, Completion):
                logger.warning("%s is back", endpoint.client.base_url)
                endpoint.is_returning = False
            endpoint.answered(seconds, size_of(sent), now)
            self.last_answer, self._none_since = now, None
        elif isinstance(outcome, Busy):
            self._slots.close(endpoint, outcome.retry_after)
        elif outcome is None or (is_excused and not isinstance(outcome, Unreachable)):
            return
        elif isinstance(outcome, TimedOut):
            if endpoint.late(seconds, now):
                self._set_aside(endpoint, outcome)
        elif isinstance(outcome, Unreachable) or endpoint.failed():
            self._set_aside(endpoint, outcome)

    def _set_aside(self, endpoint: Endpoint, why: CallFailed) -> None:
        if not endpoint.up:
            return
        level = logging.DEBUG if endpoint.is_returning else logging.WARNING  # once, until it is back
        logger.log(level, "%s is set aside (%s); it is asked again", endpoint.client.base_url, why)
        endpoint.set_aside()
        self._start(self._probe(endpoint))
        if any(endpoint.up for endpoint in self._endpoints):
            return
        patience = self._patience if self._trouble.is_answered else min(self._patience, FIRST_PATIENCE)
        if self._none_since is None:
            self._none_since = time.monotonic()
            logger.warning("no %s answers: waiting up to %.0f s for one to come back", self._members.role, patience)
            self._start(self._give_up(why, self._none_since, patience))
        elif time.monotonic() - self._none_since >= patience:
            self._slots.end(self._members.unavailable(why))

    async def _probe(self, endpoint: Endpoint) -> None:
        """Asks a server that is set aside until it can be tried again; it is back when it answers a request."""
        while not endpoint.up:
            await asyncio.sleep(endpoint.next_probe() * self._jitter.uniform(0.5, 1.0))
            try:
                await self._members.join(endpoint)
            except FannoError as error:
                logger.warning("%s", error)
                return
        self._slots.hand_out()

    async def _give_up(self, why: CallFailed, since: float, patience: float) -> None:
        """Ends the run when the patience is over, unless a request was answered meanwhile or one may be soon."""
        await asyncio.sleep(patience)
        if self._none_since == since and not any(endpoint.up for endpoint in self._endpoints):
            self._slots.end(self._members.unavailable(why))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Asks nobody any more."""
        for task in self._tasks:
            task.cancel()
