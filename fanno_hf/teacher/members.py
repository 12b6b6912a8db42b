"""The servers of a pool: which model they serve, that all serve the same one, and what is said where one cannot be reached.

Members([Endpoint(…8081), Endpoint(…8082)]).join(endpoint)  ->  None: it is in service; or why it is not
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.teacher.client import CallFailed, WrongSetting
from fanno_hf.teacher.credentials import check_no_secret
from fanno_hf.teacher.endpoint import Endpoint
from fanno_hf.teacher.reply import Server

logger = logging.getLogger(__name__)

FIRST_PATIENCE = 30.0
"""Seconds at most that a server is waited for that has never answered: it may not be there at all."""


class Members:
    """Takes servers into service.

    Args:
        model: the name of what they serve; None asks them.
        manner: what else every request is sent with, as a part of the identity; "" where nothing.
        concurrency: requests in flight at one of them at most; None takes what it says.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        model: str | None,
        revision: str | None,
        manner: str,
        concurrency: int | None,
    ):
        self._endpoints, self._concurrency = endpoints, concurrency
        self._revision, self._manner = revision, manner
        self.model = model
        self.role = "teacher"  # or "judge": the group of the configuration that messages name

    @property
    def identity(self) -> str | None:
        """What the model is called in every row; None until a server was asked for it."""
        return None if self.model is None else self._called(self.model, self._revision) + self._manner

    def _called(self, model: str | None, revision: str | None = None) -> str:
        """The identity of a model, fit to show."""
        return self._endpoints[0].client.shown(identity_of(model, revision))

    async def open(self, patience: float) -> list[Endpoint]:
        """Asks every server what it is, and waits for the first one that answers; returns those that do not.

        Raises:
            TeacherUnavailable: none answers, or one says that key or address are wrong.
            UserError: no model is given and a server names none or several, or two serve different ones.
        """
        words = await asyncio.gather(*map(self.join, self._endpoints))
        patience, pause = min(patience, FIRST_PATIENCE), 0.2
        deadline = time.monotonic() + patience
        if not self._is_any_up() and patience > 0:
            logger.warning("%s", self.cannot_be_reached(words[0]))
            logger.warning("waiting %.0f s for it; %s.patience=0 does not wait", patience, self.role)
        while not self._is_any_up():
            if (left := deadline - time.monotonic()) <= 0:
                raise self.unavailable(words[0])
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, 5.0)
            words = await asyncio.gather(*map(self.join, self._endpoints))
        absent = [(endpoint, word) for endpoint, word in zip(self._endpoints, words, strict=True) if not endpoint.up]
        for endpoint, word in absent:
            logger.warning("%s does not answer (%s); it is asked again", endpoint.client.base_url, word)
        return [endpoint for endpoint, _ in absent]

    def _is_any_up(self) -> bool:
        return any(endpoint.up for endpoint in self._endpoints)

    async def join(self, endpoint: Endpoint) -> CallFailed | None:
        """Takes a server into service if it answers; returns why not."""
        try:
            await endpoint.client.check()
            server = await endpoint.client.describe()
        except WrongSetting as error:
            raise self.wrong_setting(endpoint, error) from error
        except CallFailed as error:
            return error
        is_named = self.model is not None and endpoint.server.model is None
        if not is_named and server.model is None and (server.refusal or "").startswith(("5", "429")):
            return CallFailed(server.refusal)  # another time it may name its model
        self._agree(endpoint, server)
        endpoint.welcome(server, self._concurrency)
        return None

    def _agree(self, endpoint: Endpoint, server: Server) -> None:
        """Checks that a server serves what the others do, and learns the model from the first one."""
        url = endpoint.client.base_url
        if self.model is None and server.model is None:
            names = ", ".join(map(endpoint.client.shown, server.models[:20]))
            refusal = f" ({server.refusal})" if server.refusal else ""
            raise UserError(
                f"{url} serves several models: give one as {self.role}.model, of {names}"
                if names
                else f"{url} does not say which model it serves{refusal}: give {self.role}.model"
            )
        for other in self._endpoints:
            theirs = (other.server.model, other.server.revision)
            if theirs[0] is None or theirs == (server.model, server.revision):
                continue
            if other is endpoint:
                raise UserError(
                    f"{self.role}.base_url: {url} came back with {self._called(server.model, server.revision)}, and served "
                    f"{self._called(*theirs)} before: start it with that one, then run the same command again; what came is kept"
                )
            raise UserError(
                f"{self.role}.base_url: {url} serves {self._called(server.model, server.revision)}, and "
                f"{other.client.base_url} {self._called(*theirs)}; all must serve the same model"
            )
        if self.model is None:
            self.model, self._revision = server.model, self._revision or server.revision
            logger.info("the %s at %s is %s", self.role, url, self.identity)
        elif server.version is not None and server.model not in (None, self.model):
            # TGI answers with its one model whatever name it is sent
            logger.warning("%s serves %s, not %s", url, self._called(server.model), self._called(self.model))
        endpoint.client.model = self.model

    def names(self) -> str:
        """The addresses, for messages."""
        return ", ".join(endpoint.client.base_url for endpoint in self._endpoints)

    def cannot_be_reached(self, why: CallFailed | None) -> str:
        """What is wrong and what to do, where no server answers, or nothing but what is no answer."""
        if why is not None and why.status:
            return (
                f"The {self.role} at {self.names()} answers nothing but {str(why).rstrip('.')}: look at the server's log, and "
                f"check {self._settings()}"
            )
        return f"The {self.role} at {self.names()} cannot be reached ({why}): start the server or correct {self.role}.base_url"

    def _settings(self) -> str:
        """What may be set wrongly."""
        return f"{self.role}.base_url, {self.role}.model ({self._called(self.model)}) and {self.role}.api_key_env"

    def unavailable(self, why: CallFailed | None) -> TeacherUnavailable:
        """The error where no server answers, or none any more."""
        return TeacherUnavailable(
            f"{self.cannot_be_reached(why)}, then run the same command again; what was answered so far is kept."
        )

    def wrong_setting(self, endpoint: Endpoint, why: WrongSetting) -> TeacherUnavailable:
        """The error where a server would refuse every request."""
        # where it gave no status, the words are ours, and say what to give
        advice = f": check {self._settings()}" if why.status else ""
        return TeacherUnavailable(
            f"The {self.role} at {endpoint.client.base_url} answers {why}{advice}, then run the same command again."
        )

    def hopeless(self, why: str) -> TeacherUnavailable:
        """The error where requests reach the servers and fail."""
        return TeacherUnavailable(
            f"The {self.role} at {self.names()} {why.rstrip('.')}. Check {self._settings()} (stage=doctor shows more), then "
            "run the same command again; what was answered is kept."
        )


def identity_of(model: str | None, revision: str | None) -> str:
    """What a model is called in every row and in the card: of a path, as llama.cpp tells it, only the file's name."""
    label = re.split(r"[/\\]", model)[-1] if model and re.match(r"[/~.]|[A-Za-z]:\\", model) else model
    return f"{label}@{revision}" if revision else str(label)


def manner_of(extra_body: Mapping[str, Any] | None, system: str | None) -> str:
    """What of the settings decides the answers besides the model, as a part of its identity; "" where nothing does.

    Raises UserError: it holds a key, which would be published.
    """
    check_no_secret("teacher.system", system)
    check_no_secret("teacher.extra_body", extra_body)
    parts = {**({"system": system} if system else {}), **(extra_body or {})}
    return f" {json.dumps(parts, sort_keys=True, ensure_ascii=False)}" if parts else ""
