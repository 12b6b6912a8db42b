"""Reads the rows of a run that its report measures, draws and shows: all of them, or a random sample.

52,002 pairs, report.rows=10000  ->  10,000 rows of `respond` in their order, the passages and counterexamples they name
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fanno_hf.identity import spread_seed
from fanno_hf.instructing.tags import KINDS
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import tables_of
from fanno_hf.report.measured import Measured, measured_rows, quality
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.texts.verbs import VerbNouns, VerbParser
from fanno_hf.vectors.embedder import Embedder

if TYPE_CHECKING:
    from datasets import Dataset

Row = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """The rows that a report is about."""

    stage: str | None  # the last one that made instructions: respond, augment or seed; None if none did
    rows: list[Row]  # columns of RESPONSE, or of INSTRUCTION
    of: int  # number of rows of that stage, from which these were drawn
    passages: Mapping[str, Row]  # document_id -> columns of DOCUMENT, for those that the rows name
    counterexamples: Mapping[str, Row]  # instruction_id -> its row, for those that the rows name


def read_shown(folder: RunFolder, most: int, random_seed: int) -> Shown:
    """Reads at most `most` rows of a run, and the passages and counterexamples they name."""
    for stage in ("respond", "augment", "seed"):
        if (table := read_table(folder, stage)) is not None:
            rows = table.select(drawn(len(table), most, random_seed, "rows")).to_list()
            return Shown(stage, rows, len(table), read_passages(folder, rows), read_counterexamples(folder, rows))
    return Shown(None, [], 0, {}, {})


def read_table(folder: RunFolder, name: str) -> "Dataset | None":
    """Returns the rows of a table of the run, as "rejected_seed"; None where it has none."""
    has_rows = any(table.name == name for table in tables_of(folder.manifest))
    return folder.read_rows(name) if has_rows else None


def drawn(count: int, most: int, random_seed: int, what: str) -> Sequence[int]:
    """Returns which of `count` rows to take, ascending: all of them, or `most` drawn at random.

    `what` names the purpose, such as "rows"; each has its own random numbers.
    """
    if count <= most:
        return range(count)
    rng = np.random.default_rng(spread_seed(random_seed, "report", what))
    return np.sort(rng.choice(count, most, replace=False)).tolist()


def read_verbs(parser: VerbParser, instructions: Sequence[str], most: int, random_seed: int) -> VerbNouns:
    """Reads the verbs and nouns of at most `most` instructions, drawn at random."""
    places = drawn(len(instructions), most, random_seed, "verbs")
    read = parser.read([instructions[place] for place in places])
    pairs: list[tuple[str, str] | None] = [None] * len(instructions)
    for place, pair in zip(places, read.pairs, strict=True):
        pairs[place] = pair
    return replace(read, pairs=pairs, looked_at=len(places))


def read_passages(folder: RunFolder, rows: Iterable[Row]) -> dict[str, Row]:
    """Returns document_id -> passage that rows were made from."""
    return _named(folder, "prescreen", "document_id", {row["document_id"] for row in rows})


def read_counterexamples(folder: RunFolder, rows: Iterable[Row]) -> dict[str, Row]:
    """Returns instruction_id -> instruction that rows had to differ from, with its input."""
    wanted = {name for row in rows for name in row["counterexamples"] or ()}
    found: dict[str, Row] = {}
    for stage in ("augment", "seed"):  # a seed may be named that the pool no longer has
        found |= _named(folder, stage, "instruction_id", wanted - set(found))
    return found


def _named(folder: RunFolder, config: str, key: str, wanted: set[str]) -> dict[str, Row]:
    """Returns the rows of a config whose `key` is wanted, by it."""
    rows = read_table(folder, config) if wanted else None
    if rows is None:
        return {}
    places = [place for place, name in enumerate(rows[key]) if name in wanted]
    return {row[key]: row for row in rows.select(places).to_list()}


def measured(shown: Shown, name: str, embedder: Embedder, counter: TokenCounter, rules: Mapping[str, Any]) -> Measured:
    """Returns a run's rows as the columns that the report measures and draws; their vectors are read from the store."""
    rows = shown.rows
    qualities = np.array([quality(row["verdicts"]) for row in rows], dtype=np.float64)
    only_ours = {
        "rounds": np.array([row["round"] for row in rows], dtype=np.int64),
        "finish_reasons": [row["finish_reason"] or "" for row in rows] if shown.stage == "respond" else None,
        "tags": {kind: [row[kind] for row in rows] for kind in KINDS.values()},
    }
    return measured_rows(name, rows, shown.of, qualities, embedder, counter, rules, **only_ours)


def repeat_threshold(manifest: Mapping[str, Any]) -> float:
    """Returns the cosine from which two instructions count as the same: the run's threshold, or 0.85 if it had none."""
    entries = manifest["stages"]
    made = [entries[stage]["config"]["stages"][stage] for stage in ("augment", "seed") if stage in entries]
    threshold = made[0].get("near_repeat_threshold") if made else None
    return threshold if isinstance(threshold, int | float) else 0.85
