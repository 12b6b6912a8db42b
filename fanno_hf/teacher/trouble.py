"""Whether what goes wrong is the row's fault or everybody's: a failure is judged by what is said, and by who else fails.

8 different requests, none answered, each "400: No connected db."   ->  the run stops, with these words and what to set
the same with "500: CUDA error", five seconds long                  ->  the same: these pass more often
95 of the last 100 requests failed                                  ->  the same; a tenth of them is a warning
"""

import logging
import re
from collections import Counter, deque

from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.client import Busy, CallFailed, Nonsense, Refused, Unreachable, WrongSetting

logger = logging.getLogger(__name__)

ALIKE = 8  # requests that are given up alike, with no answer to any, before the run stops
FIRST_IN_FLIGHT = 48
"""Requests at once, at all servers together, before the first answer ever: if all are refused, no more than these were."""
_PASSING = 5.0  # seconds that a failure may last which often passes, before any answer
_STRAYS = 4  # requests that are forbidden or not found, with no answer between them, before it is everybody's
_MOST = 60  # refusals, with no answer to any request, before the run stops, whatever might still be left out of it
_RECENT = 100  # requests whose share of failures is looked at
_WORTH_SAYING = 0.1  # share of failures that is warned of


class Trouble:
    """Counts what went wrong at the servers of one pool; `stop_share` of the last hundred requests ends the run."""

    def __init__(self, stop_share: float):
        self.faults: Counter[str] = Counter()  # in the words of the first one of a kind
        self.is_answered = False  # whether there was ever an answer
        self.role = "teacher"  # or "judge": the group of the configuration that messages name
        self._stop_share = stop_share
        self._refused: Counter[str] = Counter()  # while nothing was answered; of these, those that nothing could mend
        self._given_up: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()  # requests that failed otherwise, while nothing was answered
        self._failing_since: float | None = None
        self._strays = 0
        self._samples: dict[str, str] = {}  # kind of failure -> the words of the first one
        self._recent: deque[str | None] = deque(maxlen=_RECENT)
        self._warned = 0.0

    def note(
        self, outcome: Completion | CallFailed, *, is_mended: bool = False, is_first: bool = False, now: float = 0.0
    ) -> str | None:
        """Counts what came of a request, and returns why the run should stop, or None.

        Args:
            is_mended: it is sent again, changed.
            is_first: it never failed before.
            now: seconds of `time.monotonic`.
        """
        if isinstance(outcome, Completion):
            self.is_answered, self._strays = True, 0
            self._recent.append(None)
            return None
        words = self._samples.setdefault(_kind_of(str(outcome)), str(outcome)[:160])
        self.faults[words] += 1
        if isinstance(outcome, (Busy, Unreachable)):  # what the pool waits for
            return None
        if not self.is_answered and isinstance(outcome, (Refused, Nonsense)):
            why = self._refusals(words, is_mended)
        else:
            why = self._failures(outcome, words, is_first and not is_mended, now)
        if why or is_mended:
            return why
        self._recent.append(words)
        return self._shares()

    def _refusals(self, words: str, is_mended: bool) -> str | None:
        """Counts a refusal before the first answer."""
        self._refused[words] += 1
        self._given_up[words] += not is_mended
        alike, count = self._given_up.most_common(1)[0]
        if count >= ALIKE:
            return f"answers every request alike: {alike}"
        return f"answers no request: {self._refused.most_common(1)[0][0]}" if self._refused.total() >= _MOST else None

    def _failures(self, outcome: CallFailed, words: str, is_first: bool, now: float) -> str | None:
        """Counts what may pass; where a server says it of all requests for seconds, it does not."""
        if self.is_answered or type(outcome) is not CallFailed or outcome.status is None:
            return None
        self._failed[words] += is_first
        self._failing_since = now if self._failing_since is None else self._failing_since
        is_long = now - self._failing_since >= _PASSING
        return f"answers every request alike: {words}" if is_long and self._failed[words] >= ALIKE else None

    def is_stray(self, failure: WrongSetting) -> bool:
        """Whether what looks like a wrong setting may be due to one request: filters forbid some, where others are answered."""
        return self.is_answered and failure.status in (403, 404) and self._strays < _STRAYS

    def note_stray(self) -> None:
        """Counts a request that nothing mends."""
        self._strays += 1

    @property
    def most_in_flight(self) -> int | None:
        """Requests that should be in flight at most: one after a refusal, as long as nothing was answered."""
        return None if self.is_answered else 1 if self._refused else FIRST_IN_FLIGHT

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
