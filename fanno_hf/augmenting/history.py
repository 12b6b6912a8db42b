"""The figures of each window as a table, enough to draw how a pool grows.

{"window": 3, "asked": 200, "accepted": 121, "pool": 1406, "verb_noun_pairs": 388, "least_pulled": 0.93, …}
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from datasets import Dataset

from fanno_hf.augmenting.pool import InstructionPool, Learned
from fanno_hf.augmenting.windows import Window
from fanno_hf.bandit import pulls_histogram
from fanno_hf.columns import WINDOW
from fanno_hf.steps.asking import SPENT
from fanno_hf.steps.lengths import as_table, spread
from fanno_hf.steps.rows import column
from fanno_hf.texts.verbs import MISSING, VerbParser, find_parser

logger = logging.getLogger(__name__)


class History:
    """Collects one record for each window of augment.

    Args:
        pool: as it stands before the first window: window 0.
        models: spaCy models that read verbs and nouns; without any, `verb_noun_pairs` is null.
    """

    def __init__(self, pool: InstructionPool, models: Sequence[str]):
        self._pool, self._models = pool, models
        self._pairs: set[tuple[str, str]] = set()
        self._unread: list[tuple[dict[str, Any], Sequence[str]]] = []
        self._records: list[dict[str, Any]] = []
        self._add(pool.rows, pool.learned, {"window": 0, "asked": 0, "reasons": []}, {})

    def add(self, window: Window, rows: Dataset, learned: Learned) -> None:
        """Writes down a window that the pool has taken in. `rows`: its accepted instructions."""
        reasons = [{"reason": reason, "count": count} for reason, count in sorted(window.funnel.reasons.items())]
        about = {"window": window.number, "asked": window.size, "reasons": reasons}
        self._add(rows, learned, {**about, "least_pulled": window.least_pulled}, window.spent)
        self._count_pairs()

    def add_unasked(self, number: int) -> None:
        """Writes down a window that was drawn and not needed any more; nothing of it counts as asked."""
        self._add(self._pool.rows.select([]), Learned(), {"window": number, "asked": 0, "reasons": []}, {})

    def _add(self, rows: Dataset, learned: Learned, about: Mapping[str, Any], spent: Mapping[str, int]) -> None:
        histogram = pulls_histogram(self._pool.pulls)
        self._records.append(
            {
                **dict.fromkeys(WINDOW),
                **about,
                "accepted": len(rows),
                "pool": len(self._pool),
                "instruction_tokens": spread(column(rows, "num_tokens")),
                "response_tokens": spread(learned.response_tokens),
                "nearest_similarity": learned.nearest_similarity,
                "mean_similarity": learned.mean_similarity,
                "pulls": [{"pulls": pulls, "instructions": count} for pulls, count in histogram.items()],
                **{name: spent.get(name, 0) + learned.spent.get(name, 0) for name in SPENT},
            }
        )
        self._unread.append((self._records[-1], list(column(rows, "instruction"))))

    @cached_property
    def _parser(self) -> VerbParser | None:
        parser = find_parser(self._models)
        if parser is None:
            logger.info("augment: verb_noun_pairs is null in its history. %s", MISSING)
        return parser

    def _count_pairs(self) -> None:
        """Counts the pairs of the windows not counted yet: once one has ended, while the teacher answers the next ones."""
        for record, texts in self._unread:
            if self._parser:
                self._pairs.update(filter(None, self._parser.read(texts).pairs))
                record["verb_noun_pairs"] = len(self._pairs)
        self._unread.clear()

    def table(self) -> Dataset:
        """Returns one row for each window, with the columns of WINDOW."""
        self._count_pairs()
        return as_table(self._records, WINDOW)
