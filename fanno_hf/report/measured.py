"""What the report measures and draws: an instruction data set as parallel columns.

("Explain how mosses drink.", "", "Mosses have no roots …", 6 tokens, 41 tokens, quality 0.97, round 2, …)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fanno_hf.columns import full_text
from fanno_hf.rules.instruction import InstructionRules
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.vectors.embedder import Embedder


@dataclass(frozen=True)
class Measured:
    """An instruction data set as the report measures and draws it: the run's, or one to compare with."""

    name: str  # shown to the reader
    instructions: Sequence[str]  # without the input
    responses: Sequence[str]  # as they are in the set
    instruction_tokens: np.ndarray  # int, shape (n,)
    response_tokens: np.ndarray  # int, shape (n,)
    # float32, shape (n, dimension), rows of unit length, of instruction and input; None: not embedded
    embeddings: np.ndarray | None
    # float64, shape (n,), 1 - mean probability of the fault verdicts, in [0, 1]; NaN if not judged
    quality: np.ndarray
    mentions_document: np.ndarray  # bool, shape (n,): the instruction mentions "the text" or "the passage"
    of: int  # number of rows in the whole set, from which these were drawn
    rounds: np.ndarray | None = None  # int, shape (n,), 0 for seeds, then the window of augment; None for another set
    finish_reasons: Sequence[str] | None = None  # why the teacher stopped, for each row; None for another set
    # "task_type", "characteristic", "style" -> the tag of each row; None for another set
    tags: Mapping[str, Sequence[str]] | None = None


def quality(verdicts: Iterable[Mapping[str, Any]] | None) -> float:
    """Returns 1 - the mean probability of the verdicts, each of which asks about a fault; NaN if not judged."""
    known = [verdict["probability"] for verdict in verdicts or () if verdict["probability"] is not None]
    return 1.0 - sum(known) / len(known) if known else float("nan")


def measured_rows(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    of: int,
    qualities: np.ndarray,
    embedder: Embedder,
    counter: TokenCounter,
    rules: Mapping[str, Any],
    **only_ours: Any,
) -> Measured:
    """Returns rows with instruction, input and response, drawn from `of`, as the columns that the report is about.

    Args:
        qualities: float64, shape (n,), see `quality`.
        rules: the configuration group `rules`, which tells what mentions the document.
        only_ours: what another set does not have: rounds, finish_reasons, tags.
    """
    instructions, responses = [row["instruction"] for row in rows], [row.get("response") or "" for row in rows]
    mentions = InstructionRules(rules).mentions_document
    return Measured(
        name=name,
        instructions=instructions,
        responses=responses,
        instruction_tokens=np.array(counter.count_batch(instructions), dtype=np.int64),
        response_tokens=np.array(counter.count_batch(responses), dtype=np.int64),
        embeddings=embedder.encode([full_text(row) for row in rows]) if rows else None,
        quality=qualities,
        mentions_document=np.array([mentions(row["instruction"], row.get("input") or "") for row in rows], dtype=bool),
        of=of,
        **only_ours,
    )
