"""Any number of `/v1` servers with one model: one queue, the least busy server next, and none of them trusted to stay.

    Pool(["http://127.0.0.1:8081", "http://127.0.0.1:8082"])    # TGI tells its model and how much it takes

What a failure means for the row, the server and the run:

    about length         its document is shortened, whatever the status (see mending)
    400, 422, other 4xx  something is left out of it, or it is shortened; else the row is refused, and the server is fine
    429, 503             the server gets less at once (see endpoint); the row waits, and its slot is free meanwhile
    no answer in time    the server gets half as much; one that answers others is not set aside
    refused connection   the server is set aside and asked again; the row goes to another
    anything else        the row is tried again after a growing pause; a server that only fails is set aside
    401 to 407, 410      the configuration is wrong: the run stops; after answers, four requests in a row have to get 403 or 404
    all alike            nothing but the same failure from the first request on: the run stops (see trouble)
    all full             as all set aside; at once where they say that a quota is used up (see fullness)
    back as another      it is left out until it serves the model of before; where all servers are such, the run stops
    all set aside        the run waits up to `patience` seconds, then stops; what was answered is in the journal
"""

import asyncio
import dataclasses
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from fanno_hf.columns import Reason
from fanno_hf.errors import UserError
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import (
    Busy,
    CallFailed,
    ChatClient,
    Oversized,
    Refused,
    Unfinished,
    Unreachable,
    WrongSetting,
    check_url,
)
from fanno_hf.teacher.credentials import api_key
from fanno_hf.teacher.dialect import Dialect
from fanno_hf.teacher.endpoint import Endpoint, size_of
from fanno_hf.teacher.lengths import Lengths
from fanno_hf.teacher.members import Members, manner_of
from fanno_hf.teacher.mending import Mending
from fanno_hf.teacher.slots import Slots
from fanno_hf.teacher.tries import Tries
from fanno_hf.teacher.trouble import Trouble
from fanno_hf.teacher.watch import Watch
from fanno_hf.texts.hidden import hide_value_of

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 20.0
_FEWER_RETRIES = {Oversized: 1, WrongSetting: 1, Unfinished: 2}  # of what mostly comes again


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

    client_type: type[ChatClient] = ChatClient  # what speaks to one server

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
        hide_value_of(api_key_env)  # an address that is the key itself is repeated in words
        is_one = isinstance(base_url, str) or not isinstance(base_url, Sequence) or not base_url
        urls = [base_url] if is_one else list(base_url)
        for url in urls:
            check_url(url)
        client = {
            "api_key": api_key(api_key_env, urls),
            "timeout": timeout,
            "extra_body": extra_body,
            "system": system,
        }
        self.endpoints = [Endpoint(self.client_type(url, **client), timeout=timeout) for url in urls]
        if len({endpoint.client.base_url for endpoint in self.endpoints}) < len(urls):
            raise UserError("teacher.base_url names a server twice")
        self.resent, self._retries, self._active = 0, retries, 0  # `active`: requests that are being answered
        self._members = Members(self.endpoints, model, revision, manner_of(extra_body, system), concurrency)
        self._slots, self._trouble = Slots(self.endpoints), Trouble(stop_share)
        self._watch = Watch(self.endpoints, self._members, self._slots, self._trouble, patience)
        self._dialect, self._lengths = Dialect(structured, thinking, thinking_room, max_tokens_name), Lengths()
        self._mending = Mending(self._dialect, self._lengths, self._trouble, self._watch)
        self._slots.most = self._trouble.most_in_flight
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
    def limit_name(self) -> str:
        """The key of a body that the servers take for the most tokens of an answer."""
        return self._dialect.limit_name

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
        """Says which group of the configuration messages name: "teacher", "judge" or "embedder"."""
        self._members.role = self._trouble.role = self._lengths.role = role
        self._dialect.name_role(role)

    @property
    def capacity(self) -> int:
        """Requests in flight at most, over all servers."""
        return sum(endpoint.limit for endpoint in self.endpoints)

    @property
    def in_flight(self) -> int:
        """Requests sent and not answered."""
        return sum(endpoint.in_flight for endpoint in self.endpoints)

    @property
    def room(self) -> int:
        """See `Backend.room`."""
        return self._dialect.room

    async def start(self) -> None:
        """Starts the servers, where that is this backend's business."""

    async def open(self) -> None:
        """Asks every server what it is; waits a little for the first one that answers. Raises as `Members.open` does."""
        await self.start()
        await self._watch.open()
        self._lengths.limit = self.context_length

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        """Answers one request; see `Backend.complete`."""
        if not self._active:
            self._watch.begin()
        self._active += 1
        try:
            return await self._complete(Tries(request, int(urgent), _SHORTEST_PAUSE))
        finally:
            self._active -= 1

    async def _complete(self, tries: Tries) -> Completion:
        while True:
            endpoint = await self._slots.take(tries.urgency, size_of(tries.sent or tries.request, self._dialect.room))
            # not before: what is known may have changed while it waited
            tries.sent = tries.sent or self._mending.fit(tries.request)
            started = time.monotonic()
            outcome = await self._send(endpoint, tries.request, tries.sent)
            tries.pay(outcome.paid)
            if changed := self._changed(endpoint, tries, outcome):
                tries.change(changed, outcome)
                self.resent += 1
            elif isinstance(outcome, Completion):
                return self._answer(tries, outcome, time.monotonic() - started)
            elif error := self._given_up(tries, outcome):
                return Completion(discarded=tries.spent, error=error)
            else:
                await self._wait(tries, outcome)

    def _changed(self, endpoint: Endpoint, tries: Tries, outcome: Completion | CallFailed) -> Request | None:
        """Counts what came of a try, and returns what to send instead at once; None where that is nothing.

        Raises TeacherUnavailable: no request gets an answer.
        """
        changed = None
        if tries.may_change:
            changed = self._mending.changed(tries.request, tries.sent, outcome, tries.failures)
        if isinstance(outcome, WrongSetting) and changed is None:
            self._check_stray(endpoint, outcome, is_first=tries.is_first)
        self._count(outcome, is_mended=changed is not None, is_first=tries.is_first)
        if changed is None and isinstance(outcome, Completion) and tries.undecided is None:
            changed = self._dialect.with_room(tries.sent, outcome)
            tries.undecided = outcome if changed else None
        return changed

    def _answer(self, tries: Tries, outcome: Completion, seconds: float) -> Completion:
        """Learns from an answer and returns what the row gets."""
        answer = outcome if tries.undecided is None else self._dialect.resolved(tries.undecided, outcome)
        self._mending.note(tries.sent, outcome, tries.blamed)
        return dataclasses.replace(
            answer,
            is_full=answer is outcome and self._lengths.is_cut(tries.request, tries.sent, answer),
            shortened=tries.sent.documents != tries.request.documents,
            discarded=tuple(all_ - own for all_, own in zip(tries.spent, answer.paid, strict=True)),
            seconds=seconds,
        )

    def _given_up(self, tries: Tries, failure: CallFailed) -> Reason | None:
        """Counts a failure against the row, and returns why it gets no answer; None where it is tried again."""
        if isinstance(failure, Refused) or (isinstance(failure, Unfinished) and failure.is_final):
            return "teacher_refused", str(failure)
        # neither a server that is not there nor one that is full is the row's fault, while anything is answered
        if not isinstance(failure, (Unreachable, Busy)) or not self._watch.is_patient:
            tries.failures += 1
        if tries.failures > min(self._retries, _FEWER_RETRIES.get(type(failure), self._retries)):
            return "teacher_failed", f"given up after {tries.failures} tries; last: {failure}"
        return None

    async def _wait(self, tries: Tries, failure: CallFailed) -> None:
        """Waits before the next try."""
        seconds, tries.pause = self._pause(failure, tries.pause), min(tries.pause * 2, _LONGEST_PAUSE)
        # one that finds no room at an idle server lets all others try: it may be the only one that it has none for
        tries.again(is_last=isinstance(failure, Busy) and self._watch.is_idle)
        self.resent += 1
        await asyncio.sleep(seconds)

    def _count(self, outcome: Completion | CallFailed, *, is_mended: bool, is_first: bool) -> None:
        """Counts what came of a request. Raises TeacherUnavailable: nothing but failures comes of any."""
        why = self._trouble.note(outcome, is_mended=is_mended, is_first=is_first, now=time.monotonic())
        self._slots.most = self._trouble.most_in_flight
        if not is_mended:  # else it is sent again at once, and nothing may go before it
            self._slots.hand_out()
        if why:
            raise self._stop(self._members.hopeless(why))

    def _check_stray(self, endpoint: Endpoint, failure: WrongSetting, *, is_first: bool) -> None:
        """Counts a request that seems to be wrong in itself. Raises TeacherUnavailable: the settings are."""
        if is_first:
            self._trouble.note_stray()
        if not self._trouble.is_stray(failure):
            raise self._stop(self._members.wrong_setting(endpoint, failure)) from failure

    def _stop(self, error: Exception) -> Exception:
        """Ends the run for all requests, with what they are told."""
        self._slots.end(error)
        return error

    async def _send(self, endpoint: Endpoint, request: Request, sent: Request) -> Completion | CallFailed:
        """Sends a request once, and learns about the server from what comes of it."""
        outcome: Completion | CallFailed | None = None
        started = time.monotonic()
        try:
            outcome = await endpoint.client.send(sent)
        except CallFailed as error:
            outcome = error
        finally:
            endpoint.in_flight -= 1
            is_excused = isinstance(outcome, CallFailed) and self._mending.is_excused(request, sent, outcome)
            self._watch.note(endpoint, sent, outcome, time.monotonic() - started, is_excused)
            if outcome is None:
                self._slots.hand_out()
        return outcome

    def _pause(self, failure: CallFailed, longest: float) -> float:
        """Seconds before a slot is asked for again: fewer where the server was only full, but as many as it asks for.

        Of a longer wait the rest is spent in the queue, where the row hears that another server has room, or that none has.
        """
        pause = self._jitter.uniform(0.5, 1.0) * longest
        return max(min(failure.retry_after, _LONGEST_PAUSE), 0.2 * pause) if isinstance(failure, Busy) else pause

    async def close(self) -> None:
        """Closes the connections."""
        self._watch.close()
        for endpoint in self.endpoints:
            await endpoint.client.close()
