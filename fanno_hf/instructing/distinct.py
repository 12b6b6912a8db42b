"""Instructions held against their documents and one another: what is off topic or repeats a better one leaves.

"How do mosses drink?" (verdicts 0.1), "In which way do mosses drink?" (0.3)  ->  the second repeats the first
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.columns import Reason, full_text
from fanno_hf.settings import Instructing
from fanno_hf.steps.funnel import Funnel
from fanno_hf.texts.language import language_of
from fanno_hf.texts.repeat import Repeat
from fanno_hf.vectors.nearest import nearest
from fanno_hf.vectors.store import EmbeddingStore

_EQUAL = 1.0 - 1e-6  # cosine from which on two embeddings are of the same text


def embed_ahead(rows: Dataset, embedder: EmbeddingStore, settings: Instructing) -> None:
    """Embeds what `keep_distinct` will compare, so that it is done while other rows are at the teacher."""
    embedder.encode([full_text(row) for row in rows])
    if settings.min_relevance is not None:
        embedder.encode(list(rows["text"]))


def keep_distinct(
    rows: Dataset,
    funnel: Funnel,
    embedder: EmbeddingStore,
    settings: Instructing,
    pool_embeddings: np.ndarray | None = None,
    pool_texts: Sequence[str] = (),
) -> tuple[Dataset, np.ndarray]:
    """Drops instructions that have nothing to do with their document, or mean the same as a better one or as one of the
    pool (exact repeats included).

    Better: the lower mean of its verdicts (each the probability of a fault), then the longer one.

    Args:
        rows: with instruction, input, verdicts, and their document as `text`.
        pool_embeddings: float32, shape (pool, dimension): instructions that stay in any case.
        pool_texts: the same instructions as texts, for the reasons.

    Returns:
        The rows that are left and their embeddings, float32, shape (rows, dimension).
    """
    embeddings = embedder.encode([full_text(row) for row in rows])
    if not len(rows):
        return rows, embeddings
    if settings.min_relevance is not None:
        relevance = np.einsum("ij,ij->i", embeddings, embedder.encode(list(rows["text"])))
        judged = [_is_known(row, settings.relevance_languages) for row in rows]
        on_topic = (relevance >= settings.min_relevance) | ~np.array(judged)
        reasons: list[Reason | None] = [
            None if near else ("off_topic", f"similarity {similarity:.3f}")
            for near, similarity in zip(on_topic, relevance, strict=True)
        ]
        rows, embeddings = funnel.drop(rows, reasons, "relevance"), embeddings[on_topic]
    threshold = _EQUAL if settings.near_repeat_threshold is None else settings.near_repeat_threshold
    quality = np.array([_quality(row) for row in rows])
    repeats = find_near_repeats(embeddings, quality, threshold, pool_embeddings)
    texts = rows["instruction"]
    reasons = [None if repeat is None else _reason(repeat, pool_texts, texts) for repeat in repeats]
    kept = np.array([repeat is None for repeat in repeats], dtype=bool)
    return funnel.drop(rows, reasons, "near repeats"), embeddings[kept]


def _is_known(row: Mapping[str, Any], languages: Sequence[str] | None) -> bool:
    """Whether instruction and document are in languages that the embedder knows: it cannot compare others."""
    return languages is None or all(language_of(text) in languages for text in (full_text(row), row["text"]))


def _reason(repeat: Repeat, pool_texts: Sequence[str], texts: Sequence[str]) -> Reason | None:
    other = (pool_texts if repeat.in_pool else texts)[repeat.of]
    return "near_repeat", f"similarity {repeat.similarity:.3f} to: {other[:100]}"


def _quality(row: Mapping[str, Any]) -> float:
    verdicts = row.get("verdicts") or []
    known = [verdict["probability"] for verdict in verdicts if verdict["probability"] is not None]
    # at most 1e-4 for length: it only decides between equal verdicts
    return -(sum(known) / len(known) if known else 0.5) + 1e-7 * min(len(row["instruction"]), 1000)


def find_near_repeats(
    embeddings: np.ndarray, quality: np.ndarray, threshold: float, pool: np.ndarray | None = None
) -> list[Repeat | None]:
    """Finds, for each row, the better row that it repeats; None for a row that is kept.

    Rows are taken best first; a row is kept unless it is at least `threshold` similar to a row that was kept before it,
    or to a row of the pool.

    Args:
        embeddings: float32, shape (n, dimension), rows of unit length.
        quality: shape (n,), higher is better; among equals the earlier row is better.
        threshold: cosine in [-1, 1] from which on two instructions are the same.
        pool: float32, shape (m, dimension): rows that stay in any case.
    """
    pool = embeddings[:0] if pool is None else pool
    found: list[Repeat | None] = [None] * len(embeddings)
    pool_index, pool_similarity = nearest(embeddings, pool)
    kept: list[int] = []
    kept_rows = np.empty_like(embeddings)
    for row in np.argsort(-np.asarray(quality, dtype=np.float64), kind="stable"):
        if pool_similarity[row] >= threshold:
            found[row] = Repeat(int(pool_index[row]), float(pool_similarity[row]), in_pool=True)
            continue
        similarity = kept_rows[: len(kept)] @ embeddings[row]
        best = int(np.argmax(similarity)) if kept else -1
        if kept and similarity[best] >= threshold:
            found[row] = Repeat(kept[best], float(similarity[best]), in_pool=False)
            continue
        kept_rows[len(kept)] = embeddings[row]
        kept.append(int(row))
    return found
