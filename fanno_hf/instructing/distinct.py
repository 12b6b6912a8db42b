"""Instructions that mean the same as a better one.

"How do mosses drink?" (quality 0.9), "In which way do mosses drink?" (0.7)  ->  the second repeats the first
"""

import numpy as np

from fanno_hf.communities import nearest


def find_near_repeats(
    embeddings: np.ndarray, quality: np.ndarray, threshold: float, pool: np.ndarray | None = None
) -> list[tuple[int, float] | None]:
    """For each row, the better row it repeats.

    Rows are taken best first; a row is kept unless it is at least `threshold` similar to a row that was kept before it,
    or to a row of the pool.

    Args:
        embeddings: float32, shape (n, dimension), rows of unit length.
        quality: shape (n,), higher is better; among equals the earlier row is better.
        threshold: cosine in [-1, 1] from which on two instructions are the same.
        pool: float32, shape (m, dimension): rows that stay in any case.

    Returns:
        None for a kept row, else (index, similarity); the index counts the pool first: `i < m` is a row of the pool,
        `i - m` a row of `embeddings`.
    """
    pool = embeddings[:0] if pool is None else pool
    found: list[tuple[int, float] | None] = [None] * len(embeddings)
    pool_index, pool_similarity = nearest(embeddings, pool)
    kept: list[int] = []
    kept_rows = np.empty_like(embeddings)
    for row in np.argsort(-np.asarray(quality, dtype=np.float64), kind="stable"):
        if pool_similarity[row] >= threshold:
            found[row] = (int(pool_index[row]), float(pool_similarity[row]))
            continue
        similarity = kept_rows[: len(kept)] @ embeddings[row]
        best = int(np.argmax(similarity)) if kept else -1
        if kept and similarity[best] >= threshold:
            found[row] = (len(pool) + kept[best], float(similarity[best]))
            continue
        kept_rows[len(kept)] = embeddings[row]
        kept.append(int(row))
    return found
