"""Lengths of texts in figures: mean and quartiles, of all of them or window by window.

windows [0, 0, 1], tokens [40, 60, 80]  ->  {"window": 0, "responses": 2, "response_tokens": {"mean": 50, …}}, {"window": 1, …}
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.columns import ROUND
from fanno_hf.steps.rows import table_of


def rounds(numbers: Iterable[int], response_tokens: Iterable[int]) -> Dataset:
    """Returns the lengths of the responses by window (0: the seeds), with the columns of ROUND."""
    of_window: dict[int, list[int]] = {}
    for number, tokens in zip(numbers, response_tokens, strict=True):
        of_window.setdefault(number, []).append(tokens)
    records = [
        {"window": number, "responses": len(tokens), "response_tokens": spread(tokens)}
        for number, tokens in sorted(of_window.items())
    ]
    return as_table(records, ROUND)


def spread(values: Iterable[float]) -> dict[str, float] | None:
    """Returns mean and quartiles; None where there is no finite value."""
    known = np.asarray(list(values), dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return None
    q1, median, q3 = np.percentile(known, (25, 50, 75))
    return {"mean": float(known.mean()), "q1": float(q1), "median": float(median), "q3": float(q3)}


def as_table(records: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> Dataset:
    """Returns records as a data set with these columns."""
    return table_of({name: [record.get(name) for record in records] for name in columns}, columns)
