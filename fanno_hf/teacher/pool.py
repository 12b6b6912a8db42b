"""Any number of `/v1` servers with one model: one queue, the least busy server next, and none of them trusted to stay.

    Pool(["http://127.0.0.1:8081", "http://127.0.0.1:8082"])    # TGI tells its model and how much it takes

What a failure means for the row, the server and the run:

    400, 413, 422        the row is refused (too long: its document is shortened once); the server is fine
    429, 503             the server gets less at once (see endpoint); the row waits, and its slot is free meanwhile
    refused connection   the server is set aside and asked again; the row goes to another
    anything else        the row is tried again after a growing pause; a server that only fails is set aside
    401, 403, 404, 405   the configuration is wrong: the run stops
    all set aside        the run waits up to `patience` seconds, then stops; what was answered is in the journal
"""

import asyncio
import dataclasses
import logging
import random
import re
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import Busy, CallFailed, ChatClient, Refused, Unreachable, WrongSetting, check_url
from fanno_hf.teacher.credentials import api_key
from fanno_hf.teacher.endpoint import Endpoint
from fanno_hf.teacher.reply import Server
from fanno_hf.teacher.schemas import Schemas
from fanno_hf.teacher.shorten import is_about_logprobs, shortened
from fanno_hf.teacher.slots import Slots

logger = logging.getLogger(__name__)

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 20.0


class Pool:
    """A backend over servers that serve the same model.

    Args:
        base_url: one URL or a list, with or without `/v1`.
        model: its name; None asks the servers. Part of the teacher's identity.
        concurrency: requests in flight at one server at most; None takes what the server says, else 64.
        retries: how often one request is tried again before its row is given up (`teacher_failed`).
        patience: seconds to wait while no server answers before the run stops.
        structured: "auto" sends the schema that a request may carry, "off" sends none.

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
        structured: str = "off",
    ):
        urls = [base_url] if isinstance(base_url, str) or not base_url else list(base_url)
        for url in urls:
            check_url(url)
        key = api_key(api_key_env, urls)
        self.endpoints = [Endpoint(ChatClient(url, api_key=key, timeout=timeout)) for url in urls]
        if len({endpoint.client.base_url for endpoint in self.endpoints}) < len(urls):
            raise UserError("teacher.base_url names a server twice")
        self.model, self.resent = model, 0
        self.role = "teacher"  # or "judge": the group of the configuration that messages name
        self.identity = None if model is None else identity_of(model, revision)
        self._revision, self._concurrency = revision, concurrency
        self._retries, self._patience = retries, patience
        self._slots = Slots(self.endpoints)
        self._tasks: set[asyncio.Task] = set()
        self._none_since: float | None = None  # when the last server was set aside; None from the next answer on
        self._last_answer, self._active = 0.0, 0  # when any server last answered; requests that are being answered
        self._logprobs = True  # False once a server has refused to give them
        self._schemas = Schemas(structured == "auto")
        self._jitter = random.Random(0)  # spreads pauses only; no result depends on it

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
        """Asks every server what it is; waits up to `patience` seconds for the first one that answers.

        Raises:
            TeacherUnavailable: none answers, or one says that key or address are wrong.
            UserError: no model is given and a server names none or several, or two serve different ones.
        """
        await self.start()
        self._last_answer = time.monotonic()
        words = await asyncio.gather(*map(self._join, self.endpoints))
        deadline, pause = time.monotonic() + self._patience, 0.2
        while not any(endpoint.up for endpoint in self.endpoints):
            if time.monotonic() + pause > deadline:
                raise self._unavailable(words[0])
            logger.warning("waiting for the %s at %s (%s)", self.role, self._names(), words[0])
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)
            words = await asyncio.gather(*map(self._join, self.endpoints))
        for endpoint, word in zip(self.endpoints, words, strict=True):
            if not endpoint.up:
                logger.warning("%s does not answer (%s); it is asked again", endpoint.client.base_url, word)
                self._start(self._probe(endpoint))

    async def _join(self, endpoint: Endpoint) -> CallFailed | None:
        """Takes a server into service if it answers; returns why not."""
        try:
            await endpoint.client.check()
            server = await endpoint.client.describe()
        except WrongSetting as error:
            raise self._wrong_setting(endpoint, error) from error
        except CallFailed as error:
            return error
        self._agree(endpoint, server)
        endpoint.welcome(server, self._concurrency)
        return None

    def _agree(self, endpoint: Endpoint, server: Server) -> None:
        """Checks that a server serves what the others do, and learns the model from the first one."""
        url = endpoint.client.base_url
        if self.model is None and server.model is None:
            names = ", ".join(server.models[:20])
            raise UserError(
                f"{url} serves several models: give one as {self.role}.model, of {names}"
                if names
                else f"{url} does not say which model it serves: give {self.role}.model"
            )
        for other in self.endpoints:
            theirs = (other.server.model, other.server.revision)
            if theirs[0] is not None and theirs != (server.model, server.revision):
                raise UserError(
                    f"{self.role}.base_url: {url} serves {identity_of(server.model, server.revision)}, and "
                    f"{other.client.base_url} {identity_of(*theirs)}; all must serve the same model"
                )
        if self.model is None:
            self.model, self._revision = server.model, self._revision or server.revision
            self.identity = identity_of(self.model, self._revision)
            logger.info("the %s at %s is %s", self.role, url, self.identity)
        elif server.version is not None and server.model not in (None, self.model):
            # TGI answers with its one model whatever name it is sent
            logger.warning("%s serves %s, not %s", url, server.model, self.model)
        endpoint.client.model = self.model

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
        failures, pause, blamed = 0, _SHORTEST_PAUSE, None
        sent = self._schemas.fit(request if self._logprobs else dataclasses.replace(request, top_logprobs=0))
        while True:
            endpoint = await self._slots.take(urgent)
            outcome: Completion | CallFailed | None = None
            started = time.monotonic()
            try:
                outcome = await endpoint.client.send(sent)
            except CallFailed as error:
                outcome = error
            finally:
                endpoint.in_flight -= 1
                self._note(endpoint, outcome, excused=self._schemas.is_unproven(sent))
            if self._schemas.may_be_at_fault(sent, outcome) and not self._can_shorten(request, sent, outcome):
                blamed = str(outcome) if isinstance(outcome, CallFailed) else "an empty answer"
                sent, urgent = dataclasses.replace(sent, schema=None), True
                continue
            if isinstance(outcome, Completion):
                self._schemas.note(sent, outcome, blamed)
                shortened_ = sent.documents != request.documents
                return dataclasses.replace(outcome, shortened=shortened_, seconds=time.monotonic() - started)
            if isinstance(outcome, WrongSetting):
                raise self._wrong_setting(endpoint, outcome) from outcome
            self.resent, blamed = self.resent + 1, None
            if isinstance(outcome, Refused):
                changed = self._changed(request, sent, str(outcome))
                if changed is None:
                    return Completion(error=("teacher_refused", str(outcome)))
                sent, urgent = changed, True
                continue
            # neither a server that is not there nor one that is full is the row's fault, while anything is answered
            if not isinstance(outcome, (Unreachable, Busy)) or time.monotonic() - self._last_answer >= self._patience:
                failures += 1
            if failures > self._retries:
                return Completion(error=("teacher_failed", f"given up after {failures} tries; last: {outcome}"))
            urgent = True
            await asyncio.sleep(self._pause(outcome, pause))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _pause(self, failure: CallFailed, longest: float) -> float:
        """Seconds before the next try: fewer where the server was only full, but never fewer than it asks for."""
        pause = self._jitter.uniform(0.5, 1.0) * longest
        return max(failure.retry_after, 0.2 * pause) if isinstance(failure, Busy) else pause

    @staticmethod
    def _can_shorten(request: Request, sent: Request, outcome: Completion | CallFailed) -> bool:
        is_whole = isinstance(outcome, Refused) and sent.documents == request.documents
        return is_whole and shortened(sent, str(outcome)) is not None

    def _note(self, endpoint: Endpoint, outcome: Completion | CallFailed | None, excused: bool) -> None:
        """Learns from what came of a request (None: it was given up), and hands out the free slots.

        A failure that is `excused` does not count against the server.
        """
        if isinstance(outcome, (Completion, Refused, WrongSetting)):
            endpoint.answered()
            self._last_answer = time.monotonic()
            self._none_since = None
        elif isinstance(outcome, Busy):
            self._slots.close(endpoint, outcome.retry_after)
        elif outcome is not None and (isinstance(outcome, Unreachable) or (not excused and endpoint.failed())):
            self._set_aside(endpoint, outcome)
        self._slots.hand_out()

    def _changed(self, request: Request, sent: Request, words: str) -> Request | None:
        """Returns what was sent without what the server refuses, each kind of thing once; None where nothing helps."""
        if sent.top_logprobs and is_about_logprobs(words):
            if self._logprobs:
                logger.warning("the teacher gives no log-probabilities (%s): verdicts are read from its text", words)
            self._logprobs = False
            return dataclasses.replace(sent, top_logprobs=0)
        return shortened(sent, words) if sent.documents == request.documents else None

    def _set_aside(self, endpoint: Endpoint, why: CallFailed) -> None:
        if not endpoint.up:
            return
        endpoint.set_aside()
        logger.warning("%s is set aside (%s); it is asked again", endpoint.client.base_url, why)
        self._start(self._probe(endpoint))
        if any(endpoint.up for endpoint in self.endpoints):
            return
        if self._none_since is None:
            self._none_since = time.monotonic()
            logger.warning("no %s answers: waiting up to %.0f s for one to come back", self.role, self._patience)
            self._start(self._give_up(why, self._none_since))
        elif time.monotonic() - self._none_since >= self._patience:
            self._slots.end(self._unavailable(why))

    async def _probe(self, endpoint: Endpoint) -> None:
        """Asks a server that is set aside until it is back."""
        while not endpoint.up:
            await asyncio.sleep(endpoint.next_probe() * self._jitter.uniform(0.5, 1.0))
            try:
                await self._join(endpoint)
            except (TeacherUnavailable, UserError) as error:
                logger.warning("%s", error)
                return
        # this is no answer yet: who is well and then fails every request gets no new patience
        logger.warning("%s is back", endpoint.client.base_url)
        self._slots.hand_out()

    async def _give_up(self, why: CallFailed, since: float) -> None:
        """Ends the run when the patience is over, unless a request was answered meanwhile or one may be soon."""
        await asyncio.sleep(self._patience)
        if self._none_since == since and not any(endpoint.up for endpoint in self.endpoints):
            self._slots.end(self._unavailable(why))

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

    def _names(self) -> str:
        return ", ".join(endpoint.client.base_url for endpoint in self.endpoints)

    def _unavailable(self, why: CallFailed | None) -> TeacherUnavailable:
        return TeacherUnavailable(
            f"The {self.role} at {self._names()} cannot be reached ({why}): start the server or correct {self.role}.base_url, "
            "then run the same command again; what was answered so far is kept."
        )

    def _wrong_setting(self, endpoint: Endpoint, error: WrongSetting) -> TeacherUnavailable:
        return TeacherUnavailable(
            f"The {self.role} at {endpoint.client.base_url} answers {error}: check {self.role}.base_url, {self.role}.model "
            f"({self.model}) and {self.role}.api_key_env, then run the same command again."
        )


def identity_of(model: str | None, revision: str | None) -> str:
    """What a model is called in every row and in the card: of a path, as llama.cpp tells it, only the file's name."""
    label = re.split(r"[/\\]", model)[-1] if model and re.match(r"[/~.]|[A-Za-z]:\\", model) else model
    return f"{label}@{revision}" if revision else str(label)
