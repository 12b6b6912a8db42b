"""What the servers take of a request, found out from their answers: a JSON schema, log-probabilities, the name of
max_tokens, a wish for no thoughts. What one refuses is left out at once, at no row's cost, and of all requests after it.
"""

import dataclasses
import logging
import re
from typing import Any

from fanno_hf.instructing.verdicts import is_undecided
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import (
    Busy,
    CallFailed,
    Oversized,
    Refused,
    TimedOut,
    Unfinished,
    Unreachable,
    WrongSetting,
)
from fanno_hf.teacher.thinking import Thinking

logger = logging.getLogger(__name__)

_LOGPROBS = re.compile(r"log_?-?prob|top_n_tokens", re.IGNORECASE)
_MAX_TOKENS = re.compile(r"(?!.*(?:too large|context length)).*\bmax_completion_tokens\b", re.IGNORECASE | re.DOTALL)
_SCHEMA = re.compile(r"response_format|json_?-?schema|guided|grammar|structured", re.IGNORECASE)
_UNKNOWN_PROBES = 3  # undecided verdicts that are asked again in vain, with room for thoughts, before none is any more


class Dialect:
    """What is known about the servers of a pool.

    Args:
        structured: "auto" sends the schema that a request may carry, "off" none.
        thinking, room: see `Thinking`.
        max_tokens_name: "auto" changes the name where a server wants another one.
    """

    def __init__(self, structured: str, thinking: str, room: int, max_tokens_name: str):
        self.role = "teacher"  # or "judge": the group of the configuration that messages name
        self._thinking = Thinking(thinking, room)
        self._schemas, self._schema_worked = structured == "auto", False
        self._logprobs = True  # False once a server has refused to give them
        self._renames = max_tokens_name == "auto"
        self.limit_name = "max_tokens" if self._renames else max_tokens_name  # what the servers call it
        self._probes = _UNKNOWN_PROBES if room else 0
        self._said: set[str] = set()

    def name_role(self, role: str) -> None:
        """Says which group of the configuration messages name: "teacher", or "judge"."""
        self.role = self._thinking.role = role

    @property
    def room(self) -> int:
        """Tokens for thoughts that the next request gets beside its answer."""
        return self._thinking.manner()["room"]

    def fit(self, request: Request) -> Request:
        """Returns the request as it should be sent first."""
        return dataclasses.replace(
            request,
            schema=request.schema if self._schemas else None,
            top_logprobs=request.top_logprobs if self._logprobs else 0,
            limit_name=self.limit_name,
            **self._thinking.manner(),
        )

    def named(self, sent: Request, failure: CallFailed) -> Request | None:
        """Returns what was sent without what a server names as what it does not take; None where it names nothing."""
        words = str(failure)
        if not isinstance(failure, Refused):
            return None
        if sent.top_logprobs and _LOGPROBS.search(words):
            if self._logprobs:
                logger.warning(
                    "the %s gives no log-probabilities (%s): verdicts are read from its text, 0 or 1", self.role, words
                )
            self._logprobs = False
            self._said.add("logprobs")
            return dataclasses.replace(sent, top_logprobs=0)
        if self._renames and sent.limit_name == "max_tokens" and _MAX_TOKENS.match(words):
            self.limit_name = "max_completion_tokens"
            return dataclasses.replace(sent, limit_name=self.limit_name)
        if self._thinking.is_named(sent, words):
            return self._thinking.otherwise(sent)
        return self.without_schema(sent) if _SCHEMA.search(words) else None

    def guessed(self, sent: Request, outcome: Completion | CallFailed) -> Request | None:
        """Returns what was sent without what the outcome may be due to; None where nothing is."""
        if isinstance(outcome, Completion):
            if outcome.thinking_tokens:
                return self._thinking.lost(sent, outcome)
            return None if outcome.text.strip() else self.without_schema(sent)
        if isinstance(outcome, (Busy, Unreachable, WrongSetting, TimedOut, Oversized, Unfinished)):
            return None
        is_rejection = isinstance(outcome, Refused) or str(outcome).startswith("500")
        if is_rejection and (changed := self._thinking.unproven(sent)):
            return changed
        return self.without_schema(sent)

    def without_schema(self, sent: Request) -> Request | None:
        """Returns what was sent without its schema; None where it has none."""
        return None if sent.schema is None else dataclasses.replace(sent, schema=None)

    def is_unproven(self, sent: Request) -> bool:
        """Whether a request carries what no answer has shown the servers to take."""
        return sent.schema is not None and not self._schema_worked

    def with_room(self, sent: Request, answer: Completion) -> Request | None:
        """Returns a verdict that says neither yes nor no with room for thoughts, which it may be the beginning of; else None."""
        if not sent.judge or sent.choices or sent.room or not self._probes:
            return None
        is_cut = answer.finish_reason == "length" or answer.completion_tokens >= sent.max_tokens
        if not is_cut or not is_undecided(answer.text, answer.top_logprobs):
            return None
        return dataclasses.replace(sent, room=self._thinking.room)

    def resolved(self, before: Completion, answer: Completion) -> Completion:
        """Returns which of two verdicts counts, the second with room for thoughts: that one, if it holds any or is decided.

        Some servers take the thoughts out and say nothing of them.
        """
        if answer.thinking_tokens or not is_undecided(answer.text, answer.top_logprobs):
            self._probes = _UNKNOWN_PROBES
            return answer
        if self._probes:
            self._probes -= 1
            if not self._probes:
                logger.warning(
                    "verdicts of the %s say neither yes nor no (%r): they are undecided; ask another model by judge=, or set "
                    "%s.thinking_room if it thinks for long",
                    *(self.role, before.text[:40], self.role),
                )
        return before

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
        self._thinking.note(sent, answer)
        if answer.estimated:
            self._say_once("tokens", "the %s tells no token counts: they are estimated", self.role)
        if sent.judge and sent.top_logprobs and answer.text.strip() and not (answer.top_logprobs or answer.answers):
            self._say_once("logprobs", "the %s gives no log-probabilities: verdicts from text: 0 or 1", self.role)

    def _say_once(self, what: str, *words: Any) -> None:
        if what not in self._said:
            self._said.add(what)
            logger.warning(*words)
