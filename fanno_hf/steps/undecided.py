"""Verdicts that say neither yes nor no: where a question gets too many of them, the stage stops.

needs_document: 13 of 16 rows undecided, "Let me think about whether this request"  ->  FannoError, with what to set
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fanno_hf.errors import FannoError

_EARLY, _LEAST = 16, 4  # rows that a question was asked about, while a phase lasts and at its end; fewer tell nothing


class Undecided:
    """Counts the answers to each question of a stage, and those that are undecided.

    Args:
        limit: share of a question's rows, in [0, 1], above which the stage stops.
    """

    def __init__(self, stage: str, limit: float):
        self._stage, self._limit = stage, limit
        self._asked: Counter[str] = Counter()
        self._undecided: Counter[str] = Counter()
        self._words: dict[str, str] = {}  # what the teacher said last where it was undecided

    def count(self, verdicts: Sequence[dict[str, Any]], text: str) -> None:
        """Counts verdicts that one answer gave; raises FannoError as soon as it is clear that there are too many."""
        for verdict in verdicts:
            name = verdict["name"]
            self._asked[name] += 1
            if verdict["probability"] is None:
                self._undecided[name] += 1
                self._words[name] = text
        self._check(_EARLY)

    def check(self) -> None:
        """Raises FannoError where a question has too many; called at the end of a phase, which may have had few rows."""
        self._check(_LEAST)

    def _check(self, least: int) -> None:
        for name, count in self._undecided.items():
            asked = self._asked[name]
            if asked >= least and count > self._limit * asked:
                key = f"stages.{self._stage}.undecided_limit"
                said = " ".join(self._words[name].split())[:80]
                raise FannoError(
                    f"{self._stage}: the verdict {name} is neither yes nor no for {count} of {asked} rows, a share of "
                    f"{count / asked:.2f} ({key}={self._limit}). The teacher's last words: {said!r}. Set "
                    "prompts.verdicts=separate or teacher.thinking=off, give the verdicts to another judge=, or go on "
                    f"with {key}=1; what was answered so far is kept."
                )
