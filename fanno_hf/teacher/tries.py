"""One request on its way to an answer: how it is sent now, how often it failed, what was changed of it and what that cost.

400 "logprobs are not supported"   ->  sent: the same without them; changes 1, urgency 2: at once, and before others
500, twice                         ->  sent: the request; failures 2, pause 1.0: the next try in a second at most
"""

from dataclasses import dataclass

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import CallFailed

_MOST_CHANGES = 30  # of one request, before it is given up as it is


@dataclass(slots=True)
class Tries:
    """What was tried for a request.

    Attributes:
        request: as it was asked for.
        urgency: its place among those that wait: greater ones go before.
        pause: seconds before the next try, at most, where it fails.
        sent: as it is sent now; None before the first try.
        failures: tries that count against it.
        changes: how often something else was sent at once.
        blamed: what came of it with a schema, where leaving that out was the last change.
        undecided: the verdict that was none, and is asked for again with room for thoughts.
        spent: `paid` of all that came of it.
    """

    request: Request
    urgency: int
    pause: float
    sent: Request | None = None
    failures: int = 0
    changes: int = 0
    blamed: str | None = None
    undecided: Completion | None = None
    spent: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def is_first(self) -> bool:
        """Whether it has not failed yet."""
        return not self.failures

    @property
    def may_change(self) -> bool:
        """Whether something else may still be sent in its place."""
        return self.changes < _MOST_CHANGES

    def pay(self, paid: tuple[int, int, int, int]) -> None:
        """Adds what one try cost."""
        self.spent = tuple(map(sum, zip(self.spent, paid, strict=True)))

    def change(self, changed: Request, outcome: Completion | CallFailed) -> None:
        """Takes what is sent instead, at once, after what came of the last try."""
        self.blamed = None  # only what helps by itself was the reason
        if changed.schema is None and self.sent.schema is not None:
            self.blamed = str(outcome) if isinstance(outcome, CallFailed) else "an empty answer"
        self.sent, self.changes = changed, self.changes + 1
        self.urgency = 1 + self.changes  # what was changed most goes first: it shows whether anything helps

    def again(self, *, is_last: bool) -> None:
        """Lets the same be sent once more: before requests that never were, or after all others."""
        self.urgency, self.blamed = -1 if is_last else max(self.urgency, 1), None
