"""How a text-generation-inference server answers, without a model: admission, checks, slots, service times, faults.

    Tgi(Settings(max_concurrent_requests=2)), asked for three answers at once
        ->  two of 200 {"object": "chat.completion", "id": "", "choices": [{"finish_reason": "stop", …}], …}
            and one 429 {"error": "Model is overloaded", "error_type": "overloaded"}

The order of checks is the real one: JSON (400, 422), template (422), free room (429),
parameters and lengths (422). Then a request waits for a slot, holds it for its service time and is answered.
Text, lengths and service time follow from the request alone, faults from the number of its arrival.
"""

import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.doubles.tgi_answers import (
    CHANGEABLE,
    MEAN_LENGTH,
    VERSION,
    Refused,
    Settings,
    answer,
    chance,
    check_values,
    read_call,
)

RECORDED = 10_000
"""With `record`, so many requests are kept."""

# one fault a request: these shares are laid end to end on [0, 1)
_SHARES = ("overload", "error", "hang", "drop", "truncate", "rubbish")
_MEAN_PROMPT_TOKENS = 400
_JSON, _TEXT = "application/json", "text/plain; charset=utf-8"


@dataclass
class Response:
    """What goes back; `sent` is how much of the body, where that is not all."""

    status: int = 200
    body: bytes = b""
    type: str = _JSON
    headers: str = ""
    sent: int | None = None


def _error(refused: Refused) -> Response:
    """In plain words where TGI's HTTP layer refuses, as JSON where TGI itself does."""
    if refused.error_type is None:
        return Response(refused.status, refused.words.encode(), _TEXT)
    return Response(refused.status, json.dumps({"error": refused.words, "error_type": refused.error_type}).encode())


@dataclass
class Stats:
    """What GET /double/stats tells, of chat requests since the start or the last reset.

    Attributes:
        answered: whole answers sent.
        by_status: responses, spoiled ones included; who hangs or is gone has none.
        faults: how often each fault happened; a storm counts as "overload".
        prompt_tokens, completion_tokens: of the answered, all together.
        service_seconds: simulated service time of the answered, all together; `longest` the largest one.
        max_in_flight: admitted at the same time.
    """

    requests: int = 0
    answered: int = 0
    by_status: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    service_seconds: float = 0.0
    longest: float = 0.0
    max_in_flight: int = 0


class Job:
    """An admitted request on its way to its answer."""

    def __init__(self, send: Callable[[Response], None], seconds: float, tokens: tuple[int, int]):
        self.send, self.seconds, self.tokens = send, seconds, tokens
        self.response, self.fault = Response(), None
        self.timer = None
        self.state = "queued"


class Tgi:
    """The server without its connections.

    Args:
        settings: what it is like.
        call_later: calls a function after so many seconds and returns a handle with `cancel`.
    """

    def __init__(self, settings: Settings, call_later: Callable[..., Any]):
        self.settings, self._call_later = settings, call_later
        self.in_flight = self.running = 0
        self._queue: deque[Job] = deque()
        self.received: list[dict[str, Any]] = []
        self.reset()

    def reset(self) -> None:
        """Starts counting anew; the next request is number 0 again."""
        self.stats = Stats()

    def handle(self, method: str, path: str, head: str, body: bytes, send: Callable[[Response], None]) -> Job | None:
        """Answers through `send`, now or later; returns the job if there is one, for `abandon`."""
        if (method, path) == ("POST", "/v1/chat/completions"):
            return self._generate(path, head, body, send)
        send(self._other(method, path, body))
        return None

    def _generate(self, path: str, head: str, body: bytes, send: Callable[[Response], None]) -> Job | None:
        stats, settings = self.stats, self.settings
        number, stats.requests = stats.requests, stats.requests + 1
        fault = self._fault(number)
        if settings.record and len(self.received) < RECORDED:
            self._record(path, head, body)
        try:
            call = read_call(body)
            if self.in_flight >= settings.max_concurrent_requests or settings.storm or fault == "overload":
                raise Refused(429, "Model is overloaded", "overloaded")
            max_tokens = check_values(call, settings)
        except Refused as refused:
            response = _error(refused)
            if response.status == 429:
                if settings.storm or fault == "overload":
                    stats.faults["overload"] += 1
                if settings.retry_after is not None:
                    response.headers = f"Retry-After: {settings.retry_after}\r\n"
            stats.by_status[response.status] += 1
            send(response)
            return None
        length, done = answer(call, max_tokens, settings)
        tokens = (call.prompt_tokens, length)
        job = Job(send, self._service_seconds(max_tokens, *tokens), tokens)
        job.response.body = json.dumps(done).encode()
        self._apply(fault, job)
        self.in_flight += 1
        stats.max_in_flight = max(stats.max_in_flight, self.in_flight)
        if fault == "hang":
            # keeps its place and takes no slot
            job.state = "hung"
            stats.faults["hang"] += 1
        elif self.running < settings.slots:
            self._start(job, at_once=True)
        else:
            self._queue.append(job)
        return job

    def _fault(self, number: int) -> str | None:
        shares = [getattr(self.settings, f"{name}_share") for name in _SHARES]
        if not any(shares):
            return None
        left = chance(self.settings.seed, b"fault %d" % number)
        for name, share in zip(_SHARES, shares, strict=True):
            left -= share
            if left < 0:
                return name
        return None

    def _apply(self, fault: str | None, job: Job) -> None:
        job.fault, response = fault, job.response
        if fault == "error":
            status = self.settings.error_status
            errors = {
                500: Refused(500, "Incomplete generation", "incomplete_generation"),
                424: Refused(424, "Request failed during generation: CUDA out of memory", "generation"),
            }
            job.response = _error(errors.get(status, Refused(status, HTTPStatus(status).phrase)))
        elif fault == "drop":
            response.sent = len(response.body) // 2
        elif fault == "truncate":
            response.body = response.body[: len(response.body) // 2]
        elif fault == "rubbish":
            response.body, response.type = b"<html><body>Please log in</body></html>", "text/html"

    def _service_seconds(self, max_tokens: int, prompt_tokens: int, length: int) -> float:
        settings = self.settings
        if max_tokens == 1 and settings.verdict_seconds is not None:
            return settings.verdict_seconds
        work = 0.15 * prompt_tokens / _MEAN_PROMPT_TOKENS + 0.85 * length / MEAN_LENGTH
        return settings.mean_seconds * work

    def _start(self, job: Job, at_once: bool = False) -> None:
        job.state = "running"
        self.running += 1
        job.seconds /= self.settings.speed
        if at_once and job.seconds <= 0:
            self._finish(job)
        else:
            # through the loop even for no time: a queue of a thousand would end in a recursion
            job.timer = self._call_later(job.seconds, self._finish, job)

    def _finish(self, job: Job) -> None:
        self._leave(job)
        stats = self.stats
        stats.by_status[job.response.status] += 1
        if job.fault:
            stats.faults[job.fault] += 1
        else:
            stats.answered += 1
            stats.prompt_tokens += job.tokens[0]
            stats.completion_tokens += job.tokens[1]
            stats.service_seconds += job.seconds
            stats.longest = max(stats.longest, job.seconds)
        job.send(job.response)

    def _leave(self, job: Job) -> None:
        """Gives back a job's place and slot, and lets the next ones in."""
        self.in_flight -= 1
        if job.state == "running":
            self.running -= 1
        job.state = "left"
        while self._queue and self.running < self.settings.slots:
            following = self._queue.popleft()
            if following.state == "queued":
                self._start(following)

    def abandon(self, job: Job) -> None:
        """The client went away: as in TGI its place and slot are free at once."""
        if job.state == "left":
            return
        if job.timer:
            job.timer.cancel()
        self._leave(job)

    def _record(self, path: str, head: str, body: bytes) -> None:
        lines = (line.partition(":") for line in head.split("\r\n")[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        try:
            given = json.loads(body)
        except ValueError:
            given = body.decode(errors="replace")
        self.received.append({"path": path, "headers": headers, "body": given})

    def _other(self, method: str, path: str, body: bytes) -> Response:
        pages: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "/info"): self._info,
            ("GET", "/double/stats"): lambda: {**vars(self.stats), "in_flight": self.in_flight},
            ("GET", "/double/received"): lambda: self.received,
            ("POST", "/double/faults"): lambda: self.change(json.loads(body)),
            ("POST", "/double/reset"): self.reset,
        }
        if (method, path) in pages:
            try:
                return Response(body=json.dumps(pages[method, path]()).encode())
            except ValueError as error:
                return Response(400, str(error).encode(), _TEXT)
        if (method, path) == ("GET", "/health"):
            unhealthy = _error(Refused(503, "unhealthy", "healthcheck"))
            return unhealthy if self.settings.unhealthy else Response(type=_TEXT)
        return Response(404, type=_TEXT)

    def change(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Changes settings while the server runs; returns all that can be changed."""
        if unknown := changes.keys() - CHANGEABLE:
            raise ValueError(f"{sorted(unknown)} cannot be changed; {sorted(CHANGEABLE)} can")
        for name, value in changes.items():
            setattr(self.settings, name, value)
        return {name: getattr(self.settings, name) for name in sorted(CHANGEABLE)}

    def _info(self) -> dict[str, Any]:
        names = ("model_id", "model_sha", "max_concurrent_requests", "max_input_tokens", "max_total_tokens")
        given = {name: getattr(self.settings, name) for name in names}
        return {**given, "version": VERSION, "docker_label": f"sha-{self.settings.model_sha[:7]}"}
