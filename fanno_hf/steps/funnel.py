"""Rows leave a stage by one door: with a reason. Kept and rejected rows always add up to the rows that came in.

funnel.screen(rows, lambda row: length_reason(row["num_tokens"]), "length")
    3 rows  ->  2 kept; 1 rejected {"phase": "length", "reason": "too_short", "detail": "7 tokens < 20", …}
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datasets import Dataset, concatenate_datasets

from fanno_hf.columns import REJECTION, features
from fanno_hf.errors import StageEmpty
from fanno_hf.identity import digest

Reason = tuple[str, str] | None


def fingerprint(dataset: Dataset, *what: Any) -> str:
    """Names the result of a map. Given to `datasets`, it keeps the mapped function (with the teacher, its locks and
    sockets within reach) from being pickled."""
    return digest([dataset._fingerprint, *what])[:16]


def map_rows(
    dataset: Dataset, function: Callable[[dict], dict], columns: Mapping[str, Any], desc: str, *, keep: bool = True
) -> Dataset:
    """`Dataset.map` over single rows with the types of the new columns declared, so that no row decides the schema.

    Args:
        function: gets a row and returns the new columns.
        columns: names and types of what it returns.
        keep: whether the old columns stay.
    """
    old = dict(dataset.features) if keep else {}
    schema = features({**old, **columns})
    if not len(dataset):
        return empty(schema)
    return dataset.map(
        function,
        features=schema,
        remove_columns=None if keep else dataset.column_names,
        desc=desc,
        new_fingerprint=fingerprint(dataset, desc),
    )


def empty(schema: Mapping[str, Any]) -> Dataset:
    """Returns a data set of this schema without rows."""
    return Dataset.from_dict({name: [] for name in schema}, features=features(schema))


def conform(dataset: Dataset, columns: Mapping[str, Any]) -> Dataset:
    """Returns the rows with exactly these columns, in this order; a column that is not there is null."""
    table = {name: dataset[name] if name in dataset.column_names else [None] * len(dataset) for name in columns}
    return Dataset.from_dict({name: list(values) for name, values in table.items()}, features=features(columns))


class Funnel:
    """Collects what a stage rejects.

    Args:
        stage: its name, for messages.
        columns: of the stage's rows, for the schema of the rejected ones.
    """

    def __init__(self, stage: str, columns: Mapping[str, Any]):
        self.stage, self._columns = stage, columns
        self._rejected: list[Dataset] = []
        self.reasons: Counter[str] = Counter()

    def screen(self, dataset: Dataset, judge: Callable[[dict], Reason], phase: str) -> Dataset:
        """Keeps the rows for which `judge` returns None; the others leave with its (reason, detail)."""
        columns = {"reason": REJECTION["reason"], "detail": REJECTION["detail"]}
        judged = map_rows(dataset, lambda row: _as_columns(judge(row)), columns, f"{self.stage}: {phase}", keep=False)
        return self.drop(dataset, list(zip(judged["reason"], judged["detail"], strict=True)), phase)

    def drop(self, dataset: Dataset, reasons: Sequence[tuple[str | None, str | None] | None], phase: str) -> Dataset:
        """The same for reasons that are already there, one a row (None, or a reason of None, keeps it)."""
        reasons = [reason if reason and reason[0] else None for reason in reasons]
        lost = [index for index, reason in enumerate(reasons) if reason]
        if not lost:
            return dataset
        rejected = conform(dataset.select(lost), {**self._columns, "completion": REJECTION["completion"]})
        for name, values in {
            "phase": [phase] * len(lost),
            "reason": [reasons[index][0] for index in lost],
            "detail": [reasons[index][1] for index in lost],
        }.items():
            rejected = rejected.add_column(name, values)
        self.reasons.update(reasons[index][0] for index in lost)
        self._rejected.append(conform(rejected, {**self._columns, **REJECTION}))
        return dataset.select([index for index, reason in enumerate(reasons) if not reason])

    def rejected(self) -> Dataset:
        """Returns every dropped row so far, in the order of the phases."""
        return concatenate_datasets(self._rejected) if self._rejected else empty({**self._columns, **REJECTION})

    def require_rows(self, dataset: Dataset, advice: str) -> None:
        """Raises StageEmpty, with the reasons counted, when no row is left."""
        if len(dataset):
            return
        counted = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common()) or "no rows came in"
        raise StageEmpty(f"The stage {self.stage} kept no row ({counted}). {advice}")


def _as_columns(reason: Reason) -> dict[str, str | None]:
    return {"reason": reason[0], "detail": reason[1]} if reason else {"reason": None, "detail": None}
