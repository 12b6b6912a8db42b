"""Rows leave a stage by one door: with a reason. Kept and rejected rows always add up to the rows that came in.

funnel.drop(rows, [None, None, ("too_short", "7 tokens < 20")], "length")
    3 rows  ->  2 kept; 1 rejected {"phase": "length", "reason": "too_short", "detail": "7 tokens < 20", …}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fanno_hf.columns import OUTCOME, REJECTION
from fanno_hf.errors import StageEmpty
from fanno_hf.steps.advice import advice
from fanno_hf.steps.rows import column, conform, empty, with_columns

if TYPE_CHECKING:
    from datasets import Dataset


TEACHER = ("teacher_refused", "teacher_failed")
"""Reasons of rows that got no answer: these are no fault of the documents."""


class Funnel:
    """Collects what a stage rejects; `rejected` left before, with the stage's `columns` and those of REJECTION."""

    def __init__(self, stage: str, columns: Mapping[str, Any], rejected: "Dataset | None" = None):
        self.stage, self._columns = stage, columns
        self._rejected: list[Dataset] = [] if rejected is None else [rejected]
        self.reasons: Counter[str] = Counter([] if rejected is None else column(rejected, "reason"))

    def drop(
        self, dataset: "Dataset", reasons: Sequence[tuple[str | None, str | None] | None], phase: str
    ) -> "Dataset":
        """Keeps the rows whose place in `reasons` is None, or a reason that is None; the others leave."""
        why = [(phase, *reason) if reason and reason[0] else (None, None, None) for reason in reasons]
        lost = [index for index, (_, reason, _) in enumerate(why) if reason]
        if not lost:
            return dataset
        columns = {name: [why[index][place] for index in lost] for place, name in enumerate(OUTCOME)}
        rejected = with_columns(dataset.select(lost), columns, OUTCOME)
        return self._part(dataset, lost, rejected)

    def sift(self, dataset: "Dataset") -> "Dataset":
        """Keeps the rows whose column `reason` is null, without the columns of OUTCOME; the others leave."""
        lost = [index for index, reason in enumerate(column(dataset, "reason")) if reason]
        return self._part(dataset, lost, dataset.select(lost)).remove_columns(list(OUTCOME))

    def _part(self, dataset: "Dataset", lost: list[int], rejected: "Dataset") -> "Dataset":
        self.reasons.update(column(rejected, "reason"))
        self._rejected.append(conform(rejected, {**self._columns, **REJECTION}))
        gone = set(lost)
        return dataset.select([index for index in range(len(dataset)) if index not in gone])

    def absorb(self, other: "Funnel") -> None:
        """Takes over what another funnel rejected."""
        self._rejected.extend(other._rejected)
        self.reasons.update(other.reasons)

    def like(self) -> "Funnel":
        """Returns an empty funnel for a part of the rows."""
        return Funnel(self.stage, self._columns)

    def rejected(self) -> "Dataset":
        """Returns every dropped row so far, in the order in which they left."""
        from datasets import concatenate_datasets

        return concatenate_datasets(self._rejected) if self._rejected else empty({**self._columns, **REJECTION})

    def require_rows(self, dataset: "Dataset", look: str) -> None:
        """Raises StageEmpty when no row is left: with the reasons counted, the key that relaxes the most frequent one, and
        where to `look`; where most rows got no answer, with the teacher's words instead."""
        if len(dataset):
            return
        counted = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common()) or "no rows came in"
        rejected = self.rejected()
        judged = frozenset(
            r for p, r in zip(column(rejected, "phase"), column(rejected, "reason"), strict=True) if p == "verdicts"
        )
        said = [advice(self.stage, self.reasons, judged - set(TEACHER)), look]
        if lost := [row["detail"] for row in rejected if row["reason"] in TEACHER]:
            words = f"The teacher's last words: {lost[-1].rstrip('.')}. stage=doctor shows more."
            # what was given no answer says nothing about the documents or the rules
            said = [words] if 2 * len(lost) >= len(rejected) else [*said, words]
        sentences = " ".join(filter(None, said))
        raise StageEmpty(f"The stage {self.stage} kept no row ({counted}). {sentences}", rejected)
