"""Any number of `/v1` servers with one model: one queue, the least busy server next, and none of them trusted to stay.

    Pool(["http://127.0.0.1:8081", "http://127.0.0.1:8082"])    # TGI tells its model and how much it takes

What a failure means for the row, the server and the run:

    400, 413, 422        something is left out of it or its document is shortened; else the row is refused, and the server is fine
    429, 503             the server gets less at once (see endpoint); the row waits, and its slot is free meanwhile
    refused connection   the server is set aside and asked again; the row goes to another
    anything else        the row is tried again after a growing pause; a server that only fails is set aside
    401 to 405           the configuration is wrong: the run stops
    all alike            nothing but the same failure from the first request on: the run stops (see trouble)
    all set aside        the run waits up to `patience` seconds, then stops; what was answered is in the journal
"""

import asyncio
import dataclasses
import logging
import random
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from fanno_hf.errors import FannoError, UserError
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import (
    Busy,
    CallFailed,
    ChatClient,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
    WrongSetting,
    check_url,
)
from fanno_hf.teacher.credentials import api_key
from fanno_hf.teacher.dialect import Dialect
from fanno_hf.teacher.endpoint import FIRST_IN_FLIGHT, Endpoint
from fanno_hf.teacher.lengths import Lengths
from fanno_hf.teacher.members import FIRST_PATIENCE, Members, manner_of
from fanno_hf.teacher.slots import Slots
from fanno_hf.teacher.trouble import Trouble

logger = logging.getLogger(__name__)

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 20.0


class Pool:
    """A backend over servers that serve the same model.

    Args:
        base_url: one URL or a list, with or without `/v1` or `/v1/chat/completions`.
        model: its name; None asks the servers. Part of the teacher's identity.
        concurrency: requests in flight at one server at most; None takes what the server says, else 64.
        retries: how often one request is tried again before its row is given up (`teacher_failed`).
        patience: seconds to wait while no server answers before the run stops; 30 at most before the first answer.
        stop_share: share of the last hundred requests that may fail before the run stops, in (0, 1].
        structured, thinking, thinking_room, max_tokens_name: see `Dialect`.
        extra_body: keys that each request's body gets, as they are. Part of the teacher's identity.
        system: a system turn before each request. Part of the teacher's identity.

    Raises:
        UserError: a URL is none, a variable is not set, or its key must not leave Hugging Face.
    """

    def __init__(
        self,
        base_url: str | Sequence[str],
        model: str | None = None,
        *,
        revision: str | None = None,
        api_key_env: str | None = None,
        concurrency: int | None = None,
        timeout: float = 300.0,
        retries: int = 6,
        patience: float = 600.0,
        stop_share: float = 0.9,
        structured: str = "off",
        thinking: str = "auto",
        thinking_room: int = 4096,
        max_tokens_name: str = "auto",
        extra_body: Mapping[str, Any] | None = None,
        system: str | None = None,
    ):
        urls = [base_url] if isinstance(base_url, str) or not base_url else list(base_url)
        for url in urls:
            check_url(url)
        key = api_key(api_key_env, urls)
        name = "max_tokens" if max_tokens_name == "auto" else max_tokens_name
        client = {
            "api_key": key,
            "timeout": timeout,
            "max_tokens_name": name,
            "extra_body": extra_body,
            "system": system,
        }
        self.endpoints = [Endpoint(ChatClient(url, **client), timeout=timeout) for url in urls]
        if len({endpoint.client.base_url for endpoint in self.endpoints}) < len(urls):
            raise UserError("teacher.base_url names a server twice")
        for endpoint in self.endpoints:
            endpoint.first = max(1, FIRST_IN_FLIGHT // len(urls))
        self._members = Members(self.endpoints, model, revision, manner_of(extra_body, system), concurrency)
        self.resent = 0
        self._retries, self._patience = retries, patience
        self._slots = Slots(self.endpoints)
        clients = [endpoint.client for endpoint in self.endpoints]
        self._dialect = Dialect(clients, structured, thinking, thinking_room, max_tokens_name)
        self._lengths, self._trouble = Lengths(), Trouble(stop_share)
        self._tasks: set[asyncio.Task] = set()
        self._none_since: float | None = None  # when the last server was set aside; None from the next answer on
        self._last_answer, self._active = 0.0, 0  # when any server last answered; requests that are being answered
        self._jitter = random.Random(0)  # spreads pauses only; no result depends on it

    @property
    def identity(self) -> str | None:
        """See `Backend.identity`."""
        return self._members.identity

    @property
    def model(self) -> str | None:
        """The name of the model; None until a server has told it."""
        return self._members.model

    @property
    def faults(self) -> Mapping[str, int]:
        """What went wrong so far, in the servers' words -> how often."""
        return self._trouble.faults

    @property
    def context_length(self) -> int | None:
        """Tokens of prompt and answer together that every server takes; None where none tells."""
        told = [endpoint.server.max_total_tokens for endpoint in self.endpoints if endpoint.server.max_total_tokens]
        return min(told, default=None)

    def name_role(self, role: str) -> None:
        """Says which group of the configuration messages name: "teacher", or "judge"."""
        self._members.role = self._dialect.role = self._trouble.role = role

    @property
    def capacity(self) -> int:
        """Requests in flight at most, over all servers."""
        return sum(endpoint.limit for endpoint in self.endpoints)

    @property
    def in_flight(self) -> int:
        """Requests sent and not answered."""
        return sum(endpoint.in_flight for endpoint in self.endpoints)

    async def start(self) -> None:
        """Starts the servers, where that is this backend's business."""

    async def open(self) -> None:
        """Asks every server what it is; waits a little for the first one that answers. Raises as `Members.open` does."""
        await self.start()
        self._last_answer = time.monotonic()
        for absent in await self._members.open(self._patience):
            self._start(self._probe(absent))
        self._lengths.limit = self.context_length

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        """Answers one request; see `Backend.complete`."""
        if not self._active:
            self._last_answer = time.monotonic()  # a quiet hour is nobody's fault
        self._active += 1
        try:
            return await self._complete(request, urgent)
        finally:
            self._active -= 1

    async def _complete(self, request: Request, urgent: bool) -> Completion:
        failures, pause, blamed, urgency = 0, _SHORTEST_PAUSE, None, int(urgent)
        sent: Request | None = None
        while True:
            endpoint = await self._slots.take(urgency)
            sent = sent or self._lengths.fit(self._dialect.fit(request))  # only now: much may be known since it waits
            started = time.monotonic()
            outcome = await self._send(endpoint, sent)
            if isinstance(outcome, WrongSetting):
                raise self._members.wrong_setting(endpoint, outcome) from outcome
            changed = self._changed(request, sent, outcome)
            if why := self._trouble.note(outcome, is_mended=changed is not None):
                error = self._members.hopeless(why)
                self._slots.end(error)
                raise error
            if changed is not None:
                if changed.schema is None and sent.schema is not None:
                    blamed = str(outcome) if isinstance(outcome, CallFailed) else "an empty answer"
                # one that was changed often goes first: it finds out for all what the servers take
                sent, urgency = changed, urgency + 1
                continue
            if isinstance(outcome, Completion):
                self._dialect.note(sent, outcome, blamed)
                self._lengths.note(sent, outcome)
                return dataclasses.replace(
                    outcome, shortened=sent.documents != request.documents, seconds=time.monotonic() - started
                )
            if isinstance(outcome, Refused):
                return Completion(error=("teacher_refused", str(outcome)))
            # neither a server that is not there nor one that is full is the row's fault, while anything is answered
            if not isinstance(outcome, (Unreachable, Busy)) or time.monotonic() - self._last_answer >= self._patience:
                failures += 1
            if failures > self._retries:
                return Completion(error=("teacher_failed", f"given up after {failures} tries; last: {outcome}"))
            self.resent, urgency, blamed = self.resent + 1, max(urgency, 1), None
            await asyncio.sleep(self._pause(outcome, pause))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _send(self, endpoint: Endpoint, sent: Request) -> Completion | CallFailed:
        """Sends a request once, learns from what comes of it, and hands out the free slots."""
        outcome: Completion | CallFailed | None = None
        started = time.monotonic()
        try:
            outcome = await endpoint.client.send(sent)
        except CallFailed as error:
            outcome = error
        finally:
            endpoint.in_flight -= 1
            self._note(endpoint, sent, outcome, time.monotonic() - started)
            self._slots.hand_out()
        return outcome

    def _changed(self, request: Request, sent: Request, outcome: Completion | CallFailed) -> Request | None:
        """Returns what to send instead at once: shorter, or without what the servers do not take; None where nothing helps."""
        by_dialect = self._dialect.changed(sent, outcome)
        only_schema = by_dialect is not None and by_dialect == self._dialect.without_schema(sent)
        if by_dialect is not None and not only_schema:
            return by_dialect
        # what is too long is too long without a schema, too
        return self._lengths.shortened(request, sent, outcome) or by_dialect

    def _pause(self, failure: CallFailed, longest: float) -> float:
        """Seconds before the next try: fewer where the server was only full, but never fewer than it asks for."""
        pause = self._jitter.uniform(0.5, 1.0) * longest
        return max(failure.retry_after, 0.2 * pause) if isinstance(failure, Busy) else pause

    def _note(
        self, endpoint: Endpoint, sent: Request, outcome: Completion | CallFailed | None, seconds: float
    ) -> None:
        """Learns about the server from what came of a request (None: it was given up)."""
        if isinstance(outcome, (Completion, Refused, WrongSetting)):
            if endpoint.is_returning:
                logger.warning("%s is back", endpoint.client.base_url)
            if isinstance(outcome, Completion):
                endpoint.answered(seconds)
            else:
                endpoint.refused()
            self._last_answer = time.monotonic()
            self._none_since = None
        elif isinstance(outcome, Busy):
            self._slots.close(endpoint, outcome.retry_after)
        elif isinstance(outcome, Unreadable) and not self._trouble.is_answered:
            endpoint.refused()  # whoever answers so from the first request on is no such server
        elif (
            isinstance(outcome, Unreachable)
            or outcome is not None
            and not self._is_excused(sent, outcome)
            and endpoint.failed(isinstance(outcome, TimedOut))
        ):
            self._set_aside(endpoint, outcome)

    def _is_excused(self, sent: Request, failure: CallFailed) -> bool:
        """Whether a failure may be due to what was sent, so that it does not count against the server."""
        return self._dialect.is_unproven(sent) or self._lengths.shortened(sent, sent, failure) is not None

    def _set_aside(self, endpoint: Endpoint, why: CallFailed) -> None:
        if not endpoint.up:
            return
        endpoint.set_aside()
        logger.warning("%s is set aside (%s); it is asked again", endpoint.client.base_url, why)
        self._start(self._probe(endpoint))
        if any(endpoint.up for endpoint in self.endpoints):
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
        if self._none_since == since and not any(endpoint.up for endpoint in self.endpoints):
            self._slots.end(self._members.unavailable(why))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Closes the connections."""
        for task in self._tasks:
            task.cancel()
        for endpoint in self.endpoints:
            await endpoint.client.close()
