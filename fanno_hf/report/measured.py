"""What the report measures and draws: an instruction data set as parallel columns.

("Explain how mosses drink.", "", "Mosses have no roots …", 6 tokens, 41 tokens, quality 0.97, round 2, …)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fanno_hf.rules.phrases import compile_phrases
from fanno_hf.texts.segment import TokenCounter


@dataclass(frozen=True)
class Measured:
    """An instruction data set as the report measures and draws it: the run's, or one to compare with."""

    name: str  # shown to the reader
    instructions: Sequence[str]  # without the input
    inputs: Sequence[str]  # "" where there is none
    responses: Sequence[str]  # as they are in the set
    instruction_tokens: np.ndarray  # int, shape (n,)
    response_tokens: np.ndarray  # int, shape (n,)
    # float32, shape (n, dimension), rows of unit length, of instruction and input; None: not embedded
    embeddings: np.ndarray | None
    # float64, shape (n,), 1 - mean probability of the fault verdicts, in [0, 1]; NaN if not judged
    quality: np.ndarray
    rounds: np.ndarray | None  # int, shape (n,), 0 for seeds, then the window of augment; None for another set
    finish_reasons: Sequence[str] | None  # why the teacher stopped, for each row; None for another set
    # "task_type", "characteristic", "style" -> the tag of each row; None for another set
    tags: Mapping[str, Sequence[str]] | None
    mentions_document: np.ndarray  # bool, shape (n,): the instruction mentions "the text" or "the passage"
    of: int  # number of rows in the whole set, from which these were drawn


def counted(counter: TokenCounter, texts: list[str]) -> np.ndarray:
    """Returns the lengths of texts in tokens, int, shape (len(texts),)."""
    return np.array(counter.count_batch(texts) if texts else [], dtype=np.int64)


def quality(verdicts: Iterable[Mapping[str, Any]] | None) -> float:
    """Returns 1 - the mean probability of the verdicts, each of which asks about a fault; NaN if not judged."""
    known = [verdict["probability"] for verdict in verdicts or () if verdict["probability"] is not None]
    return 1.0 - sum(known) / len(known) if known else float("nan")


def mentions_document(rules: Mapping[str, Any], instructions: Iterable[str]) -> np.ndarray:
    """Tells whether each instruction mentions "the text" or "the passage", by the phrases of the rules: bool."""
    phrases = compile_phrases("rules.refers_to_document", rules["refers_to_document"])
    return np.array([bool(phrases.search(text)) for text in instructions], dtype=bool)
