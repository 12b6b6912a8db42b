"""The rows of a run that its report measures, draws and shows: all of them, or so many drawn at random.

52,002 pairs, report.rows=10000  ->  10,000 rows of `respond` in their order, the passages and counterexamples they name
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.columns import full_text
from fanno_hf.identity import spread_seed
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import tables_of
from fanno_hf.report.rows import Measured
from fanno_hf.rules.phrases import compile_phrases
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.vectors.embedder import Embedder

Row = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What a report is about.

    Attributes:
        stage: whose rows they are: respond, or the last stage that has made instructions; None where none has.
        rows: columns of RESPONSE, or of INSTRUCTION.
        of: rows of that stage, of which these are a sample.
        passages: columns of DOCUMENT, by document_id; those that the rows name.
        counterexamples: instruction_id -> instruction, those that the rows name.
    """

    stage: str | None
    rows: list[Row]
    of: int
    passages: Mapping[str, Row]
    counterexamples: Mapping[str, str]


def read_shown(folder: RunFolder, most: int, random_seed: int) -> Shown:
    """Reads at most `most` rows of a run and what they name."""
    names = {table.name for table in tables_of(folder.manifest)}
    stage = next((stage for stage in ("respond", "augment", "seed") if stage in names), None)
    rows, of = sample(folder.read_rows(stage), most, random_seed) if stage else ([], 0)
    return Shown(stage, rows, of, read_passages(folder, rows), read_counterexamples(folder, rows))


def sample(rows: Dataset, most: int, random_seed: int) -> tuple[list[Row], int]:
    """Draws at most `most` rows, which stay in their order; returns them and how many there are."""
    if len(rows) > most:
        rng = np.random.default_rng(spread_seed(random_seed, "report", "rows"))
        return rows.select(np.sort(rng.choice(len(rows), most, replace=False))).to_list(), len(rows)
    return rows.to_list(), len(rows)


def read_passages(folder: RunFolder, rows: Iterable[Row]) -> dict[str, Row]:
    """Returns the passages that rows were made from, by document_id."""
    return _named(folder, "prescreen", "document_id", {row["document_id"] for row in rows})


def read_counterexamples(folder: RunFolder, rows: Iterable[Row]) -> dict[str, str]:
    """Returns the instructions that rows had to differ from, by instruction_id."""
    wanted = {name for row in rows for name in row["counterexamples"] or ()}
    found: dict[str, str] = {}
    for stage in ("augment", "seed"):  # a seed that the pool lost is still named
        found |= {
            name: row["instruction"]
            for name, row in _named(folder, stage, "instruction_id", wanted - set(found)).items()
        }
    return found


def _named(folder: RunFolder, config: str, key: str, wanted: set[str]) -> dict[str, Row]:
    """Returns the rows of a config whose `key` is wanted, by it."""
    if not wanted or config not in {c.name for c in tables_of(folder.manifest)}:
        return {}
    rows = folder.read_rows(config)
    places = [place for place, name in enumerate(rows[key]) if name in wanted]
    return {row[key]: row for row in rows.select(places).to_list()}


def measured(shown: Shown, name: str, embedder: Embedder, counter: TokenCounter, rules: Mapping[str, Any]) -> Measured:
    """Returns a run's rows as what is measured and drawn.

    Args:
        embedder: of the run; what it embedded then is not embedded again.
        counter: counts all lengths alike, those of a set beside it too.
        rules: the configuration group `rules`.
    """
    rows = shown.rows
    return Measured(
        name=name,
        instructions=[row["instruction"] for row in rows],
        inputs=[row["input"] or "" for row in rows],
        responses=[row.get("response") or "" for row in rows],
        instruction_tokens=counted(counter, [row["instruction"] for row in rows]),
        response_tokens=counted(counter, [row.get("response") or "" for row in rows]),
        embeddings=embedder.encode([full_text(row) for row in rows]) if rows else None,
        quality=np.array([quality(row["verdicts"]) for row in rows], dtype=np.float64),
        rounds=np.array([row["round"] for row in rows], dtype=np.int64),
        finish_reasons=[row["finish_reason"] or "" for row in rows] if shown.stage == "respond" else None,
        tags={kind: [row[kind] for row in rows] for kind in ("task_type", "characteristic", "style")},
        mentions_document=mentions_document(rules, [row["instruction"] for row in rows]),
        of=shown.of,
    )


def repeat_threshold(manifest: Mapping[str, Any]) -> float:
    """Returns the cosine from which on two instructions of a run are the same: its own, or 0.85 where it kept repeats."""
    entries = manifest["stages"]
    settings = next(
        (entries[stage]["config"]["stages"][stage] for stage in ("augment", "seed") if stage in entries), {}
    )
    threshold = settings.get("near_repeat_threshold")
    return threshold if isinstance(threshold, int | float) else 0.85


def counted(counter: TokenCounter, texts: list[str]) -> np.ndarray:
    """Returns the lengths of texts in tokens, int, shape (len(texts),)."""
    return np.array(counter.count_batch(texts) if texts else [], dtype=np.int64)


def quality(verdicts: Iterable[Mapping[str, Any]] | None) -> float:
    """Returns 1 - the mean probability of the verdicts, each of which asks for a fault; NaN where nothing judged."""
    known = [verdict["probability"] for verdict in verdicts or () if verdict["probability"] is not None]
    return 1.0 - sum(known) / len(known) if known else float("nan")


def mentions_document(rules: Mapping[str, Any], instructions: Iterable[str]) -> np.ndarray:
    """Returns whether each instruction speaks of "the text" or "the passage", by the phrases of the rules: bool."""
    phrases = compile_phrases("rules.refers_to_document", rules["refers_to_document"])
    return np.array([bool(phrases.search(text)) for text in instructions], dtype=bool)
