"""Which servers of a pool are in service: one that answers nothing is set aside, asked again, and back when it answers.

Unreachable("127.0.0.1:8081: connection refused")  ->  set aside, asked after 0.2 s, 0.4 s, … 15 s
none is left for `patience` seconds                ->  the run stops
Busy("429: slow down"), nothing in flight anywhere, no answer for `patience` seconds  ->  the same
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
from fanno_hf.teacher.fullness import Fullness
from fanno_hf.teacher.members import FIRST_PATIENCE, Members
from fanno_hf.teacher.slots import Slots
from fanno_hf.teacher.trouble import Trouble

logger = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between looks at servers that are full
_WORTH_SAYING = 10.0  # seconds without an answer after which it is said that they are
_MOMENT = 5.0  # seconds that a full server is waited for, whatever the patience
_STARVED = 60.0  # seconds without an answer, or half the patience, after which something else may be wrong


class Watch:
    """Sees what comes of every request; `patience`: seconds without an answer from any server before the run stops."""

    def __init__(
        self, endpoints: Sequence[Endpoint], members: Members, slots: Slots, trouble: Trouble, patience: float
    ):
        self.last_answer = 0.0  # when any server last answered
        self._endpoints, self._members, self._slots, self._trouble = endpoints, members, slots, trouble
        self._patience = patience
        self._none_since: float | None = None  # when the last server was set aside; None from the next answer on
        self._fullness, self._full, self._is_full_said = Fullness(), None, False
        self._timer: asyncio.TimerHandle | None = None  # of the next look at servers that are full
        self._tasks: set[asyncio.Task] = set()
        self._jitter = random.Random(0)  # spreads pauses only; no result depends on it

    async def open(self) -> None:
        """Waits for the first server, and goes on asking those that do not answer. Raises as `Members.open` does."""
        self.last_answer = time.monotonic()
        for absent in await self._members.open(self._patience):
            self._start(self._probe(absent))

    def begin(self) -> None:
        """The first request after a time without any: a quiet hour is nobody's fault."""
        self.last_answer, self._full = time.monotonic(), None

    @property
    def is_patient(self) -> bool:
        """Whether a server that is not there or full is still waited for."""
        return time.monotonic() - self.last_answer < self._patience

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight at any server."""
        return not any(endpoint.in_flight for endpoint in self._endpoints)

    @property
    def is_starved(self) -> bool:
        """Whether servers have been full for long that have nothing to do."""
        return self.is_idle and time.monotonic() - self.last_answer >= min(_STARVED, self._waits / 2)

    @property
    def _waits(self) -> float:
        """Seconds without an answer before the run stops: a server that never answered may be none."""
        return self._patience if self._trouble.is_answered else min(self._patience, FIRST_PATIENCE)

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
            self.last_answer, self._none_since, self._full = now, None, None
            self._fullness.end()
        elif isinstance(outcome, Busy):
            if not is_excused:
                self._slots.close(endpoint, outcome.retry_after)
                self._wait_for_room(outcome, now)
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
        patience = self._waits
        if self._none_since is None:
            self._none_since = time.monotonic()
            logger.warning("no %s answers: waiting up to %.0f s for one to come back", self._members.role, patience)
            self._start(self._give_up(why, self._none_since, patience))
        elif time.monotonic() - self._none_since >= patience:
            self._slots.end(self._members.unavailable(why))

    def _wait_for_room(self, why: Busy, now: float) -> None:
        """Notes that a server is full; ends the run where it says that it will stay so."""
        self._full = why
        if self._fullness.is_lasting(why, now):
            self._slots.end(self._members.hopeless(f"takes no request: {why}"))
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def _look(self) -> None:
        """Ends the run where servers have been full for too long that have nothing of it to do; says so before."""
        self._timer = None
        if self._full is None:
            return
        waited, patience = time.monotonic() - self.last_answer, max(self._waits, _MOMENT)
        # what is in flight may be what fills them: its answer, or its time-out, tells
        if waited >= patience + (0.0 if self.is_idle else max(endpoint.timeout for endpoint in self._endpoints)):
            setting = f"{self._members.role}.patience={self._patience:g}"
            self._slots.end(
                self._members.hopeless(f"takes no request, for {waited:.0f} s now ({setting}): {self._full}")
            )
            return
        if waited >= _WORTH_SAYING and self.is_idle and not self._is_full_said:
            self._is_full_said = True
            logger.warning(
                "no %s takes a request (%s): waiting up to %.0f s", self._members.role, self._full, patience
            )
        self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)

    async def _probe(self, endpoint: Endpoint) -> None:
        """Asks a server that is set aside until it can be tried again; it is back when it answers a request."""
        while not endpoint.up:
            await asyncio.sleep(endpoint.next_probe() * self._jitter.uniform(0.5, 1.0))
            try:
                await self._members.join(endpoint)
                endpoint.misfit = None
            except FannoError as error:
                self._leave_out(endpoint, error)
        self._slots.hand_out()

    def _leave_out(self, endpoint: Endpoint, why: FannoError) -> None:
        """Says once why a server that answers cannot be taken; ends the run where none is left that might come back as it was."""
        is_known, endpoint.misfit = endpoint.misfit == str(why), str(why)
        if all(one.misfit for one in self._endpoints):
            self._slots.end(why)
        elif not is_known:
            logger.warning("%s", why)

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
        if self._timer is not None:
            self._timer.cancel()
