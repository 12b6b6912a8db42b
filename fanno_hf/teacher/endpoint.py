"""One server of the pool: how many requests it gets at once, and whether it gets any.

A server that does not say how many it takes gets few at first, and one more for every answer that came fast. TGI says 429
the moment it is full, so a 429 tells how much fits: what is still in flight there. The cap falls to that, and grows again
on every answer: by one up to where the last shortage began, by an eighth above it. A server that is really full is so kept full with one refusal in eight answers, and a stray 429 costs one slot for eight answers.

What a server does in no time with verdicts of one token says little of answers of a thousand: where it does not say how many
it takes, requests that may take longer than all that were answered begin with few again.
"""

from dataclasses import dataclass, field

from fanno_hf.teacher.base import Request
from fanno_hf.teacher.client import ChatClient
from fanno_hf.teacher.reply import Server

DEFAULT_IN_FLIGHT = 64
"""Requests at once for a server that does not say how many it takes, and for which nothing is configured."""
HOPELESS = 8  # failures in a row, without an answer between them, after which a server is set aside
_SLOW_START = 4  # requests at once of a server that does not say how many it takes, before it has answered one as long
# shares of the time-out in which an answer must come for another request to be added, or an eighth of one
_FAST, _SLOW = 0.25, 0.5
_PAUSE = 0.1  # seconds after which a full, idle server is asked again; doubled each time
LONGEST_PAUSE = 5.0  # seconds at most that a full server is left alone while it is idle
_FIRST_PROBE, _LONGEST_PROBE = 0.2, 15.0


@dataclass
class Endpoint:
    """State of one server. Times are seconds of `time.monotonic`."""

    client: ChatClient
    timeout: float = 300.0  # seconds after which a request is given up
    limit: int = DEFAULT_IN_FLIGHT  # requests in flight at most
    cap: float = DEFAULT_IN_FLIGHT  # requests in flight now allowed, from 1 to `limit`; its whole part counts
    in_flight: int = 0
    up: bool = False  # False while it is set aside
    is_returning: bool = False  # whether it was set aside, and nobody has said yet that it is back
    misfit: str | None = None  # why it stays set aside although it answers: another model, a wrong key
    closed_until: float = 0.0  # it gets nothing before this time
    probe_pause: float = _FIRST_PROBE  # between tries while it is set aside; grows until it answers a request
    server: Server = Server()
    _is_told: bool = False
    _caps: dict[int, float] = field(
        default_factory=dict
    )  # size of requests -> the cap that answers to such have shown
    _answered_at: float = float("-inf")
    _shortage: float = float(DEFAULT_IN_FLIGHT)
    _busy_in_a_row: int = 0
    _failed_in_a_row: int = 0

    def welcome(self, server: Server, concurrency: int | None) -> None:
        """Takes the server (back) into service, for at most `concurrency` requests at once where that is given."""
        self.limit = min(filter(None, (concurrency, server.max_in_flight)), default=DEFAULT_IN_FLIGHT)
        self._is_told = bool(server.max_in_flight)
        first = float(self.limit if self._is_told else min(self.limit, _SLOW_START))
        # one that comes back is tried with one request: it grows fast from there, or is set aside again at once
        self.cap = 1.0 if self._failed_in_a_row else first
        self._failed_in_a_row = HOPELESS - 1 if self._failed_in_a_row else 0
        self._shortage, self._busy_in_a_row, self._caps = float(self.limit), 0, {}
        self.server, self.up, self.misfit = server, True, None
        self.client.is_tgi = server.version is not None

    def set_aside(self) -> None:
        """Takes the server out of service."""
        self.up, self.is_returning = False, True
        self._failed_in_a_row = max(self._failed_in_a_row, 1)

    def next_probe(self) -> float:
        """Returns the seconds to wait before it is asked again, twice as long each time."""
        pause, self.probe_pause = self.probe_pause, min(2 * self.probe_pause, _LONGEST_PROBE)
        return pause

    def cap_of(self, size: int) -> float:
        """Requests in flight allowed where another one of this size is to be sent; see `size_of`."""
        if self._is_told:
            return self.cap
        return min(self.cap, max((cap for shown, cap in self._caps.items() if shown >= size), default=_SLOW_START))

    def has_room(self, now: float, size: int = 0) -> bool:
        """Whether it may get another request, of this size."""
        return self.up and self.in_flight < int(self.cap_of(size)) and now >= self.closed_until

    def answered(self, seconds: float = 0.0, size: int = 0, now: float = 0.0) -> None:
        """Notes an answer to a request of this size that took so long; a refused row is one, too."""
        self._busy_in_a_row = self._failed_in_a_row = 0
        self.probe_pause, self._answered_at = _FIRST_PROBE, now
        # a server that takes one request after the other answers the last one late: more at once would time out
        if not self._is_told and seconds > _SLOW * self.timeout:
            return
        is_fast = self._is_told or seconds <= _FAST * self.timeout
        shown, self.cap = self.cap_of(size), self._more(self.cap, is_fast)
        if not self._is_told:
            self._caps[size] = min(self.cap, self._more(shown, is_fast))

    def _more(self, cap: float, is_fast: bool) -> float:
        return min(float(self.limit), cap + (1.0 if is_fast and cap + 1.0 <= self._shortage else 0.125))

    def busy(self, now: float, retry_after: float = 0.0) -> None:
        """Notes that it was full; `in_flight` no longer counts the request that heard it."""
        if not self._busy_in_a_row:
            self._shortage = float(max(1, self.in_flight))
        # what was sent before it was known to be full is one refusal, however many come back
        self._busy_in_a_row += now >= self.closed_until
        self.cap = float(max(1, min(int(self.cap), self.in_flight)))
        # while requests run there, their answers say when it has room again; an idle one is asked after a pause
        pause = 0.0 if self.in_flight else min(_PAUSE * 2 ** min(self._busy_in_a_row, 10), LONGEST_PAUSE)
        self.closed_until = max(self.closed_until, now + max(pause, retry_after))

    def failed(self) -> bool:
        """Notes a request without an answer; returns whether the server is hopeless."""
        self._failed_in_a_row += 1
        return self._failed_in_a_row >= HOPELESS

    def late(self, seconds: float = 0.0, now: float = 0.0) -> bool:
        """Notes a request that was given up after so many seconds; returns whether the server is hopeless.

        Others were answered not long before? Then the server is well, and has a queue that is too long.
        """
        self.cap = self._shortage = max(1.0, self.cap / 2)
        self._caps = {size: min(cap, self.cap) for size, cap in self._caps.items()}
        return False if self._answered_at > now - seconds / 2 else self.failed()


def size_of(request: Request, room: int = 0) -> int:
    """How long a request may take, by the tokens of its answer: one number for all within a factor of four.

    Args:
        room: tokens for thoughts that it will get before it is sent.
    """
    return (request.max_tokens + max(room, request.room)).bit_length() // 2
