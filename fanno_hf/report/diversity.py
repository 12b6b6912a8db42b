"""Measures of how varied texts and vectors are, each with its source.

vendi_score of 33 equal rows  ->  1.0; of 33 orthogonal rows  ->  33.0
"""

from collections.abc import Sequence

import numpy as np


def distinct_n(texts: Sequence[Sequence[int]], n: int) -> float:
    """Returns the share of distinct n-grams among all n-grams of all texts, in (0, 1]; NaN where there is no n-gram.

    distinct-n of Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models", divided,
    as is now usual, by the number of n-grams instead of tokens, so that 1 means that nothing repeats. It falls as a
    set grows: compare sets of the same size only. Words are given as numbers; no n-gram spans two texts.
    """
    count, distinct = 0, set()
    for text in texts:
        grams = list(zip(*(text[place:] for place in range(n)), strict=False))  # they end with the shortest
        distinct.update(grams)
        count += len(grams)
    return len(distinct) / count if count else float("nan")


def entropy(counts: Sequence[float] | np.ndarray) -> float:
    """Returns Shannon's entropy -sum p ln p of counts, in nats, at least 0; zeros are ignored, no counts give 0."""
    counts = np.asarray(counts, dtype=np.float64)
    counts = counts[counts > 0]
    if not len(counts):
        return 0.0
    share = counts / counts.sum()
    return max(0.0, float(-(share * np.log(share)).sum()))


def mean_similarity(embeddings: np.ndarray) -> float:
    """Returns the mean cosine over all pairs of different rows, in linear time; NaN with fewer than two rows.

    With s the sum of the n rows x_i of unit length, sum_{i != j} x_i . x_j = s . s - sum_i x_i . x_i, so the mean is
    (|s|² - sum_i |x_i|²) / (n (n - 1)).
    """
    if len(embeddings) < 2:
        return float("nan")
    total = embeddings.sum(axis=0, dtype=np.float64)
    own = np.square(embeddings, dtype=np.float64).sum()
    return float((total @ total - own) / (len(embeddings) * (len(embeddings) - 1)))


def vendi_score(embeddings: np.ndarray) -> float:
    """Returns the effective number of different rows: 1 if all are equal, n if all are orthogonal; NaN without rows.

    Friedman & Dieng 2023, "The Vendi Score: A Diversity Evaluation Metric for Machine Learning": exp(-sum l ln l) over
    the eigenvalues l of K / n, where K = X X' is the cosine kernel, n x n. Its eigenvalues that are not zero are those
    of X' X (dimension x dimension), so the smaller of both is decomposed and the score is exact.
    """
    if not len(embeddings):
        return float("nan")
    rows = embeddings.astype(np.float64)
    moment = rows.T @ rows if len(rows) > rows.shape[1] else rows @ rows.T
    return float(np.exp(entropy(np.linalg.eigvalsh(moment / len(rows)))))
