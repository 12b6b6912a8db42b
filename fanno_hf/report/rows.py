"""What the report measures and draws: an instruction data set as parallel columns.

("Explain how mosses drink.", "", "Mosses have no roots …", 6 tokens, 41 tokens, quality 0.97, round 2, …)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measured:
    """An instruction data set as the report measures and draws it: ours, or another set beside it.

    Attributes:
        name: what the reader calls it.
        instructions: without the input.
        inputs: "" where there is none.
        responses: as they are in the set.
        instruction_tokens: int, shape (n,).
        response_tokens: int, shape (n,).
        embeddings: float32, shape (n, dimension), rows of unit length, of instruction and input; None: not embedded.
        quality: float64, shape (n,), 1 - mean probability of the fault verdicts, in [0, 1]; NaN where nothing judged.
        rounds: int, shape (n,), 0 for seeds, then the window of augment; None for another set.
        finish_reasons: why the teacher stopped, one a row; None for another set.
        tags: "task_type", "characteristic", "style" -> one name a row; None for another set.
        mentions_document: bool, shape (n,): the instruction speaks of "the text", "the passage".
        of: rows of the whole set, of which these are a sample (n == of: all).
    """

    name: str
    instructions: Sequence[str]
    inputs: Sequence[str]
    responses: Sequence[str]
    instruction_tokens: np.ndarray
    response_tokens: np.ndarray
    embeddings: np.ndarray | None
    quality: np.ndarray
    rounds: np.ndarray | None
    finish_reasons: Sequence[str] | None
    tags: Mapping[str, Sequence[str]] | None
    mentions_document: np.ndarray
    of: int


@dataclass(frozen=True)
class StageFigures:
    """One group of bars in the funnel, and one line in the table of tokens, time and cost."""

    name: str
    rows_in: int
    kept: int
    rejected: Mapping[str, int]
    requests: int
    from_journal: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: float | None
