"""One queue for the free slots of all servers: urgent requests first, the least busy server next."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Sequence

from fanno_hf.teacher.endpoint import Endpoint


class Slots:
    """Hands out slots; whoever gets one counts as in flight there until it lowers `in_flight` again."""

    def __init__(self, endpoints: Sequence[Endpoint]):
        self._endpoints = endpoints
        self._waiting: list[tuple[int, int, asyncio.Future[Endpoint], int]] = []
        self.most: int | None = None  # in flight at most, at all servers together
        self._arrival = itertools.count()
        self._over: Exception | None = None

    async def take(self, urgency: int, size: int = 0) -> Endpoint:
        """Waits for a slot for a request of this size, those of greater urgency before others; raises what `end` was given."""
        if self._over is not None:
            raise self._over
        slot = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-urgency, next(self._arrival), slot, size))
        self.hand_out()
        if slot.done():
            return slot.result()
        try:
            return await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled() and slot.exception() is None:
                slot.result().in_flight -= 1
                self.hand_out()
            raise

    def hand_out(self) -> None:
        """Gives the free slots to those who wait; to be called whenever a server may have room."""
        while self._waiting:
            if self._waiting[0][2].done():  # given up
                heapq.heappop(self._waiting)
            elif (endpoint := self._least_busy(self._waiting[0][3])) is not None:
                endpoint.in_flight += 1
                heapq.heappop(self._waiting)[2].set_result(endpoint)
            else:
                return

    def close(self, endpoint: Endpoint, retry_after: float) -> None:
        """Gives a server that was full less, and wakes the queue when it may be asked again."""
        now = time.monotonic()
        endpoint.busy(now, retry_after)
        if endpoint.closed_until > now:
            asyncio.get_running_loop().call_later(endpoint.closed_until - now + 0.001, self.hand_out)

    def end(self, error: Exception) -> None:
        """No server will come back: everyone who waits, now or later, gets the error."""
        self._over = error
        for _, _, slot, _ in self._waiting:
            if not slot.done():
                slot.set_exception(error)
        self._waiting.clear()

    def _least_busy(self, size: int) -> Endpoint | None:
        if self.most is not None and sum(endpoint.in_flight for endpoint in self._endpoints) >= self.most:
            return None
        now = time.monotonic()
        free = (endpoint for endpoint in self._endpoints if endpoint.has_room(now, size))
        return min(free, key=lambda endpoint: endpoint.in_flight / endpoint.cap_of(size), default=None)
