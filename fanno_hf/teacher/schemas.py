"""Whether the servers take the JSON schema that a request carries: found out from the first answers, at no row's cost.

A request with a schema that fails, or brings nothing but white space, is sent once more without it. Where that works and no
schema ever did, none is sent any more.
"""

import dataclasses
import logging

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import Busy, CallFailed, Unreachable, WrongSetting

logger = logging.getLogger(__name__)


class Schemas:
    """What is known about schemas; `wanted` is False where none shall be sent."""

    def __init__(self, wanted: bool):
        self._wanted, self._worked = wanted, False

    def fit(self, request: Request) -> Request:
        """Returns the request as it should be sent first."""
        return request if self._wanted else dataclasses.replace(request, schema=None)

    def may_be_at_fault(self, sent: Request, outcome: Completion | CallFailed | None) -> bool:
        """Whether what came of a request may be due to its schema."""
        if sent.schema is None or isinstance(outcome, (Busy, Unreachable, WrongSetting)) or outcome is None:
            return False
        return isinstance(outcome, CallFailed) or not outcome.text.strip()

    def is_unproven(self, sent: Request) -> bool:
        """Whether a request carries a schema, and none has brought an answer yet."""
        return sent.schema is not None and not self._worked

    def note(self, sent: Request, answer: Completion, blamed: str | None) -> None:
        """Learns from an answer; `blamed` is what came of the same request with its schema, None if it was not tried."""
        if sent.schema is not None:
            self._worked = True
        elif blamed is not None and answer.text.strip() and self._wanted and not self._worked:
            self._wanted = False
            logger.warning(
                "the teacher takes no JSON schema (%s): instructions are read from its text; teacher.structured=off asks for none",
                blamed,
            )
