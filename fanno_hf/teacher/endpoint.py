"""One server of the pool: how many requests it gets at once, and whether it gets any.

A server that does not say how many it takes gets few at first, and one more for every answer that came fast. TGI says 429 the moment it is full, so a 429 tells how much fits: what is still in flight there. The cap falls to that,
and grows again on every answer: by one up to where the last shortage began, by an eighth above it. A server that is
really full is so kept full with one refusal in eight answers, and a stray 429 costs one slot for eight answers.
"""

from dataclasses import dataclass

from fanno_hf.teacher.client import ChatClient
from fanno_hf.teacher.reply import Server

DEFAULT_IN_FLIGHT = 64
"""Requests at once for a server that does not say how many it takes, and for which nothing is configured."""
HOPELESS = 8  # failures in a row, without an answer between them, after which a server is set aside
FIRST_IN_FLIGHT = 40
"""Requests at once, over all servers, before the first answer ever: if all of them are refused, few were sent."""
_SLOW_START = 4  # requests at once of a server that does not say how many it takes, before it has answered
_FAST = 0.125  # share of the time-out in which an answer must come for another request to be added
_PAUSE = 0.1  # seconds after which a full, idle server is asked again; doubled each time
LONGEST_PAUSE = 5.0  # seconds at most that a full server is left alone while it is idle
_FIRST_PROBE, _LONGEST_PROBE = 0.2, 15.0


@dataclass
class Endpoint:
    """State of one server. Times are seconds of `time.monotonic`."""

    client: ChatClient
    timeout: float = 300.0  # seconds after which a request is given up
    first: int = FIRST_IN_FLIGHT  # requests in flight before its first answer
    limit: int = DEFAULT_IN_FLIGHT  # requests in flight at most
    cap: float = DEFAULT_IN_FLIGHT  # requests in flight now allowed, from 1 to `limit`; its whole part counts
    in_flight: int = 0
    up: bool = False  # False while it is set aside
    has_answered: bool = False  # whether it ever did
    is_returning: bool = False  # whether it was set aside, and has answered no request since
    closed_until: float = 0.0  # it gets nothing before this time
    probe_pause: float = _FIRST_PROBE  # between tries while it is set aside; grows until it answers a request
    server: Server = Server()
    _is_told: bool = False
    _shortage: float = float(DEFAULT_IN_FLIGHT)
    _busy_in_a_row: int = 0
    _failed_in_a_row: int = 0

    def welcome(self, server: Server, concurrency: int | None) -> None:
        """Takes the server (back) into service, for at most `concurrency` requests at once where that is given."""
        known = [number for number in (concurrency, server.max_in_flight) if number]
        self.limit = min(known) if known else DEFAULT_IN_FLIGHT
        first = float(min(self.limit, self.first, *(() if known else (_SLOW_START,))))
        # one that comes back is tried with one request: it grows fast from there, or is set aside again at once
        self.cap = 1.0 if self._failed_in_a_row else (float(self.limit) if self.has_answered and known else first)
        self._is_told = bool(known)
        self._failed_in_a_row = HOPELESS - 1 if self._failed_in_a_row else 0
        self._shortage, self._busy_in_a_row = float(self.limit), 0
        self.server, self.up = server, True
        self.client.is_tgi = server.version is not None

    def set_aside(self) -> None:
        """Takes the server out of service."""
        self.up, self.is_returning = False, True
        self._failed_in_a_row = max(self._failed_in_a_row, 1)

    def next_probe(self) -> float:
        """Returns the seconds to wait before it is asked again, twice as long each time."""
        pause, self.probe_pause = self.probe_pause, min(2 * self.probe_pause, _LONGEST_PROBE)
        return pause

    def has_room(self, now: float) -> bool:
        """Whether it may get another request."""
        return self.up and self.in_flight < int(self.cap) and now >= self.closed_until

    def refused(self) -> None:
        """Notes that it refused a row: it is well. Before it has answered any, one request at a time finds out what it takes."""
        self._busy_in_a_row = self._failed_in_a_row = 0
        self.is_returning, self.probe_pause = False, _FIRST_PROBE
        if not self.has_answered:
            self.cap = 1.0

    def answered(self, seconds: float = 0.0) -> None:
        """Notes an answer that took so long."""
        if not self.has_answered and self._shortage >= self.limit:
            self.cap = max(self.cap, float(self.limit if self._is_told else _SLOW_START))
        self._busy_in_a_row = self._failed_in_a_row = 0
        self.has_answered, self.is_returning = True, False
        self.probe_pause = _FIRST_PROBE
        # a server that takes one request after the other answers the last one late: more at once would time out
        if self._is_told or seconds <= _FAST * self.timeout:
            self.cap = min(float(self.limit), self.cap + (1.0 if self.cap + 1.0 <= self._shortage else 0.125))

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

    def failed(self, is_late: bool = False) -> bool:
        """Notes a request without an answer, in time if `is_late`; returns whether the server is hopeless."""
        if is_late:  # its queue is too long
            self.cap = self._shortage = max(1.0, self.cap / 2)
        self._failed_in_a_row += 1
        return self._failed_in_a_row >= HOPELESS
