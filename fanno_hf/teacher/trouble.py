"""Whether what goes wrong is the row's fault or everybody's: a failure is judged by what is said, and by who else fails.

16 different requests, none answered, each "400: No connected db."  ->  the run stops, with these words and what to set
95 of the last 100 requests failed                                  ->  the same; a tenth of them is a warning
"""

import logging
import re
from collections import Counter, deque

from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.client import Busy, CallFailed, TimedOut, Unreachable

logger = logging.getLogger(__name__)

ALIKE = 16  # requests that fail alike, with no answer to any and no way to change them, before the run stops
_TRIED = 60  # the same, where each is changed and sent again
_RECENT = 100  # requests whose share of failures is looked at
_WORTH_SAYING = 0.1  # share of failures that is warned of


class Trouble:
    """Counts what went wrong at the servers of one pool; `stop_share` of the last hundred requests ends the run."""

    def __init__(self, stop_share: float):
        self.faults: Counter[str] = Counter()
        self.is_answered = False  # whether there was ever an answer
        self.role = "teacher"  # or "judge": the group of the configuration that messages name
        self._stop_share = stop_share
        self._unanswered: Counter[str] = Counter()  # by kind, of requests that cannot be changed
        self._tried: Counter[str] = Counter()  # by kind, of all
        self._recent: deque[str | None] = deque(maxlen=_RECENT)
        self._warned = 0.0

    def note(self, outcome: Completion | CallFailed, *, is_mended: bool = False) -> str | None:
        """Counts what came of a request; `is_mended`: it is sent again, changed. Returns why the run should stop, or None."""
        if isinstance(outcome, Completion):
            self.is_answered = True
            self._recent.append(None)
            return None
        words = str(outcome)
        self.faults[_kind_of(words)] += 1
        if isinstance(outcome, (Busy, Unreachable)):  # what the pool waits for
            return None
        if not self.is_answered and not isinstance(outcome, TimedOut) and not words.startswith("5"):
            kind = _kind_of(words)
            self._unanswered[kind] += not is_mended
            self._tried[kind] += 1
            if self._unanswered[kind] >= ALIKE or self._tried[kind] >= _TRIED:
                return f"answers every request alike: {words}"
        if is_mended:
            return None
        self._recent.append(_kind_of(words))
        return self._shares()

    def _shares(self) -> str | None:
        failed = [kind for kind in self._recent if kind is not None]
        share = len(failed) / _RECENT
        if len(self._recent) < _RECENT or share < _WORTH_SAYING:
            return None
        said = ", ".join(f"{kind} ({count})" for kind, count in Counter(failed).most_common(3))
        if share >= self._stop_share:
            return f"fails: {len(failed)} of the last {_RECENT} requests, {said}; {self.role}.stop_share={self._stop_share:g} ends the run then"
        if share >= 2 * self._warned:
            self._warned = share
            logger.warning("the %s fails: %d of the last %d requests, %s", self.role, len(failed), _RECENT, said)
        return None


def _kind_of(words: str) -> str:
    """Failures alike have the same words, whatever the numbers in them; the status stays."""
    status, rest = re.match(r"(\d{3}:)?(.*)", words, re.DOTALL).groups()
    return ((status or "") + re.sub(r"\d+", "…", rest))[:160]
