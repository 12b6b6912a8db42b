"""Passages that repeat an earlier one, or one of an earlier run, leave. What they are compared by was found while they were cut.

[{"document_id": "33ad…", "text": "Water is densest …"}, {"text": "Water is densest …, too"}]
    ->  the first; and the second, rejected: near_duplicate, "repeats 33ad…, Jaccard similarity 0.885"
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fanno_hf.columns import SKETCH
from fanno_hf.settings import NearDuplicates
from fanno_hf.steps.context import Context
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.rows import batches, column
from fanno_hf.steps.screened import screened
from fanno_hf.texts.near_duplicates import (
    Sketches,
    exact_keys,
    find_exact_duplicates,
    find_near_duplicates,
    sketch,
)
from fanno_hf.texts.repeat import Repeat

if TYPE_CHECKING:
    from datasets import Dataset


def drop_duplicates(passages: "Dataset", funnel: Funnel, context: Context) -> "Dataset":
    """Drops passages that repeat an earlier one, or one of `against`, exactly or nearly; the detail says which.

    Passages have the columns of DOCUMENT, and those of SKETCH, which are taken off; where there are none they are computed.
    """
    near, old = context.settings.prescreen.near_duplicates, None
    if context.against is not None:
        old, _ = screened(context.against.documents, context, judged=False)
    against = [] if old is None else old["text"]

    repeats = find_exact_duplicates(passages["text"], against, _exact_keys([old, passages]))
    names = _names(repeats, passages, old)
    reasons = [None if r is None else ("exact_duplicate", f"repeats {names[r]}") for r in repeats]
    passages = funnel.drop(passages, reasons, "exact duplicates")
    if near.threshold is not None:
        repeats = find_near_duplicates(
            passages["text"],
            near.threshold,
            near.ngram,
            near.num_perm,
            seed=context.random_seed,
            against=against,
            progress=True,
            sketches=_sketches([old, passages], near, context.random_seed),
        )
        names = _names(repeats, passages, old)
        reasons = [
            None if r is None else ("near_duplicate", f"repeats {names[r]}, Jaccard similarity {r.similarity:.3f}")
            for r in repeats
        ]
        passages = funnel.drop(passages, reasons, "near duplicates")
    return passages.remove_columns([name for name in SKETCH if name in passages.column_names])


def _names(repeats: Sequence[Repeat | None], passages: "Dataset", old: "Dataset | None") -> dict[Repeat, str]:
    """Returns how the passages are called that others repeat; only these are read."""
    found = {repeat for repeat in repeats if repeat}
    names: dict[Repeat, str] = {}
    for side, name, form in ((passages, "document_id", "{}"), (old, "source", "{} (against)")):
        mine = sorted((one for one in found if one.in_pool == (side is old)), key=lambda one: one.of)
        called = column(side.select([one.of for one in mine]), name) if mine else ()
        names |= {one: form.format(value) for one, value in zip(mine, called, strict=True)}
    return names


def _exact_keys(sides: Sequence["Dataset | None"]) -> np.ndarray:
    keys = np.empty((_count(sides), 2), dtype=np.uint64)
    for start, known, texts in _slices(sides, ["exact_key"]):
        part = np.frombuffer(b"".join(known["exact_key"]), np.uint64).reshape(-1, 2) if known else exact_keys(texts)
        keys[start : start + len(part)] = part
    return keys


def _sketches(sides: Sequence["Dataset | None"], near: NearDuplicates, random_seed: int) -> Sketches:
    def sketched(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return sketch(texts, near.threshold, near.ngram, near.num_perm, random_seed)

    def signatures(places: np.ndarray) -> np.ndarray:
        signed, base = [np.empty((0, near.num_perm), dtype=np.uint8)], 0
        for side in filter(None, sides):
            mine = places[(places >= base) & (places < base + len(side))] - base
            for _, known, texts in _slices([side.select(mine)], ["signature"]):
                part = np.frombuffer(b"".join(known["signature"]), dtype=np.uint8) if known else sketched(texts)[2]
                signed.append(part.reshape(-1, near.num_perm))
            base += len(side)
        return np.concatenate(signed)

    sizes = np.empty(_count(sides), dtype=np.int64)
    keys = np.empty((0, len(sizes)), dtype=np.uint32)
    for start, known, texts in _slices(sides, ["band_keys", "shingles"]):
        if known:
            mine = known["shingles"]
            part = np.frombuffer(b"".join(known["band_keys"]), dtype=np.uint32).reshape(len(mine), -1)
        else:
            part, mine, _ = sketched(texts)
        if not len(keys):
            keys = np.empty((part.shape[1], len(sizes)), dtype=np.uint32)
        keys[:, start : start + len(mine)] = part.T
        sizes[start : start + len(mine)] = mine
    return Sketches(keys, sizes, signatures)


def _count(sides: Sequence["Dataset | None"]) -> int:
    return sum(0 if side is None else len(side) for side in sides)


def _slices(
    sides: Sequence["Dataset | None"], names: Sequence[str]
) -> Iterator[tuple[int, dict[str, list], list[str]]]:
    """Yields the place of the first of some rows, and these columns of theirs, or their texts where the columns are not known."""
    base = 0
    for side in sides:
        if side is None:
            continue
        if set(names) <= set(side.column_names):
            for start, rows in batches(side, names):
                known = not any(column.null_count for column in rows.columns)
                texts = [] if known else side[start : start + rows.num_rows]["text"]
                yield base + start, rows.to_pydict() if known else {}, texts
        else:
            for start, rows in batches(side, ["text"]):
                yield base + start, {}, rows["text"].to_pylist()
        base += len(side)
