"""The figures of each window as a table, enough to draw how a pool grows.

{"window": 3, "asked": 200, "accepted": 121, "pool": 1406, "verb_noun_pairs": 388, "least_pulled": 0.93, …}
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.augmenting.pool import InstructionPool, Learned
from fanno_hf.augmenting.windows import Window
from fanno_hf.bandit import pulls_histogram
from fanno_hf.columns import ROUND, WINDOW
from fanno_hf.steps.asking import SPENT
from fanno_hf.steps.rows import features
from fanno_hf.texts.verb_noun import verb_noun


class History:
    """Collects one record for each window of augment.

    Args:
        pool: as it stands before the first window: window 0.
    """

    def __init__(self, pool: InstructionPool):
        self._pool = pool
        self._pairs: set[tuple[str, str]] = set()
        self._records: list[dict[str, Any]] = []
        self._add(pool.rows, pool.learned, {"window": 0, "asked": 0, "reasons": []}, {})

    def add(self, window: Window, rows: Dataset, learned: Learned) -> None:
        """Writes down a window that the pool has taken in.

        Args:
            rows: its accepted instructions.
        """
        reasons = [{"reason": reason, "count": count} for reason, count in sorted(window.funnel.reasons.items())]
        about = {"window": window.number, "asked": window.size, "reasons": reasons}
        self._add(rows, learned, {**about, "least_pulled": window.least_pulled}, window.spent)

    def add_unasked(self, number: int) -> None:
        """Writes down a window that was drawn and not needed any more; nothing of it counts as asked."""
        self._add(self._pool.rows.select([]), Learned(), {"window": number, "asked": 0, "reasons": []}, {})

    def _add(self, rows: Dataset, learned: Learned, about: Mapping[str, Any], spent: Mapping[str, int]) -> None:
        self._pairs.update(filter(None, map(verb_noun, rows["instruction"])))
        histogram = pulls_histogram(self._pool.pulls)
        self._records.append(
            {
                **dict.fromkeys(WINDOW),
                **about,
                "accepted": len(rows),
                "pool": len(self._pool),
                "instruction_tokens": spread(rows["num_tokens"]),
                "response_tokens": spread(learned.response_tokens),
                "verb_noun_pairs": len(self._pairs),
                "nearest_similarity": learned.nearest_similarity,
                "mean_similarity": learned.mean_similarity,
                "pulls": [{"pulls": pulls, "instructions": count} for pulls, count in histogram.items()],
                **{name: spent.get(name, 0) + learned.spent.get(name, 0) for name in SPENT},
            }
        )

    def table(self) -> Dataset:
        """Returns one row for each window, with the columns of WINDOW."""
        return _table(self._records, WINDOW)


def rounds(numbers: Sequence[int], response_tokens: Sequence[int]) -> Dataset:
    """Returns the lengths of the responses, window by window, with the columns of ROUND.

    Args:
        numbers: of each response's window; 0 are the seeds.
        response_tokens: its length.
    """
    of_window: dict[int, list[int]] = {}
    for number, tokens in zip(numbers, response_tokens, strict=True):
        of_window.setdefault(number, []).append(tokens)
    records = [
        {"window": number, "responses": len(tokens), "response_tokens": spread(tokens)}
        for number, tokens in sorted(of_window.items())
    ]
    return _table(records, ROUND)


def spread(values: Iterable[float]) -> dict[str, float] | None:
    """Returns mean and quartiles; None where there is no finite value."""
    known = np.asarray(list(values), dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return None
    q1, median, q3 = np.percentile(known, (25, 50, 75))
    return {"mean": float(known.mean()), "q1": float(q1), "median": float(median), "q3": float(q3)}


def _table(records: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> Dataset:
    return Dataset.from_list([dict(record) for record in records], features=features(columns))
