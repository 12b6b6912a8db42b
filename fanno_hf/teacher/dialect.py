"""What the servers take of a request, found out from their answers: a JSON schema, log-probabilities, the name of
max_tokens, a wish for no thoughts. What one refuses is left out at once, at no row's cost, and of all requests after it.
"""

import dataclasses
import logging
import re
from collections.abc import Sequence
from typing import Any

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import Busy, CallFailed, ChatClient, Refused, TimedOut, Unreachable, WrongSetting

logger = logging.getLogger(__name__)

_LOGPROBS = re.compile(r"log_?-?prob|top_n_tokens", re.IGNORECASE)
_MAX_TOKENS = re.compile(r"max_completion_tokens", re.IGNORECASE)
# ways to ask a model that thinks for none of it: by its chat template (vLLM, SGLang, llama.cpp), or as OpenAI and Ollama do
_MANNERS = ((("chat_template_kwargs", {"enable_thinking": False}),), (("reasoning_effort", "none"),))
_ALOUD = (("chat_template_kwargs", {"enable_thinking": True}),)


class Dialect:
    """What is known about the servers of a pool.

    Args:
        structured: "auto" sends the schema that a request may carry, "off" none.
        thinking: "auto" asks a model for no thoughts once it was seen to think, "off" from the first request on, "on" lets it
            think.
        room: tokens for thoughts beside the answer, of a model that cannot or shall not be kept from them.
        max_tokens_name: "auto" changes the name where a server wants another one.
    """

    def __init__(self, clients: Sequence[ChatClient], structured: str, thinking: str, room: int, max_tokens_name: str):
        self.role = "teacher"  # or "judge": the group of the configuration that messages name
        self._clients, self._room = clients, room
        self._schemas, self._schema_worked = structured == "auto", False
        self._logprobs = True  # False once a server has refused to give them
        self._renames = max_tokens_name == "auto"
        # None: as the model likes; 0, 1: a manner of asking for no thoughts; len(_MANNERS): it thinks, and has room
        self._manner: int | None = {"auto": None, "off": 0, "on": len(_MANNERS)}[thinking]
        self._aloud = thinking == "on"

    def fit(self, request: Request) -> Request:
        """Returns the request as it should be sent first."""
        return dataclasses.replace(
            request,
            schema=request.schema if self._schemas else None,
            top_logprobs=request.top_logprobs if self._logprobs else 0,
            **self._thinking(),
        )

    def _thinking(self) -> dict[str, Any]:
        if self._manner is None:
            return {}
        if self._manner < len(_MANNERS):
            return {"manner": _MANNERS[self._manner]}
        return {"room": self._room, "manner": _ALOUD if self._aloud else ()}

    def changed(self, sent: Request, outcome: Completion | CallFailed) -> Request | None:
        """Returns what was sent without what the outcome may be due to; None where nothing is."""
        if isinstance(outcome, Completion):
            is_empty = not outcome.text.strip() and not outcome.thinking_tokens
            return self.without_schema(sent) if is_empty else self._after_thoughts(sent, outcome)
        if isinstance(outcome, (Busy, Unreachable, WrongSetting, TimedOut)):
            return None
        words = str(outcome)
        if sent.top_logprobs and isinstance(outcome, Refused) and _LOGPROBS.search(words):
            if self._logprobs:
                logger.warning(
                    "the %s gives no log-probabilities (%s): verdicts are read from its text", self.role, words
                )
            self._logprobs = False
            return dataclasses.replace(sent, top_logprobs=0)
        if self._renames and isinstance(outcome, Refused) and _MAX_TOKENS.search(words):
            self._renames = False
            for client in self._clients:
                client.max_tokens_name = "max_completion_tokens"
            return sent
        if sent.manner and isinstance(outcome, Refused):
            return self._otherwise(sent)
        return self.without_schema(sent)

    def without_schema(self, sent: Request) -> Request | None:
        """Returns what was sent without its schema; None where it has none."""
        return None if sent.schema is None else dataclasses.replace(sent, schema=None)

    def is_unproven(self, sent: Request) -> bool:
        """Whether a request carries what no answer has shown the servers to take."""
        return sent.schema is not None and not self._schema_worked

    def note(self, sent: Request, answer: Completion, blamed: str | None) -> None:
        """Learns from an answer; `blamed` is what came of the same request with its schema, None if it was not tried."""
        if sent.schema is not None and answer.text.strip():
            self._schema_worked = True
        elif blamed is not None and answer.text.strip() and self._schemas and not self._schema_worked:
            self._schemas = False
            logger.warning(
                "the teacher takes no JSON schema (%s): instructions are read from its text; teacher.structured=off asks for none",
                blamed,
            )
        if answer.thinking_tokens and not self._aloud and sent.manner == self._thinking().get("manner", ()):
            self._next_manner()

    def _after_thoughts(self, sent: Request, answer: Completion) -> Request | None:
        """An answer that is nothing but thoughts is asked for again: without them, or with room for them."""
        if answer.text.strip() or not answer.thinking_tokens or answer.finish_reason != "length" or sent.room:
            return None
        return self._otherwise(sent)

    def _otherwise(self, sent: Request) -> Request | None:
        """Returns what was sent in the next manner, which is then that of all."""
        now = self._thinking()
        if (sent.manner, sent.room) == (now.get("manner", ()), now.get("room", 0)) and not self._next_manner():
            return None
        return dataclasses.replace(sent, **{"manner": (), "room": 0, **self._thinking()})

    def _next_manner(self) -> bool:
        """Goes on to the next way with a model that thinks; returns whether there is one."""
        if self._manner == len(_MANNERS):
            return False
        self._manner = 0 if self._manner is None else self._manner + 1
        if self._manner == 0:
            logger.info("the %s thinks before it answers: it is asked not to (teacher.thinking)", self.role)
        elif self._manner == len(_MANNERS):
            logger.warning(
                "the %s cannot be kept from thinking: each request gets %d tokens more (teacher.thinking_room)",
                *(self.role, self._room),
            )
        return True
