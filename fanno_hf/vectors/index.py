"""Retrieval: the k passages nearest to an instruction, by inner product.

Up to a size every passage is compared with every instruction, by FAISS or where it is not installed by numpy, with the
same order of the same passages; scores may differ in their last bits. Above it, with FAISS alone, passages are grouped into lists around centres,
and only the lists nearest to an instruction are read (an inverted file): as many as it takes to find, for a sample of the
instructions, the share of the true nearest passages that is asked for. That share is measured and told.
"""

import logging
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from fanno_hf.errors import needs_extra

logger = logging.getLogger(__name__)

_SAMPLE = 256  # queries whose true neighbours are looked up to measure the recall
_BLOCK = 65_536
_QUERIES = 256  # compared with every passage at a time where numpy does it
_TRAINED = 64  # passages for each list that its centre is found from


@dataclass(frozen=True)
class Found:
    """What a search found."""

    scores: np.ndarray  # cosines in [-1, 1]: float32, shape (n_queries, min(k, n_passages)), the nearest first
    indices: np.ndarray  # of the passages: int64, the same shape; -1 where an inverted file found fewer
    # share of the true nearest passages that were found, measured on a sample; 1.0 where all were compared
    recall: float


def search(
    passages: np.ndarray,
    queries: np.ndarray,
    k: int,
    *,
    exact_below: int = 100_000,
    least_recall: float = 0.95,
    random_seed: int = 0,
) -> Found:
    """Finds the nearest passages of each query.

    Args:
        passages: float32, shape (n_passages, dimension), rows of unit length; may lie on disk.
        queries: float32, shape (n_queries, dimension), rows of unit length.
        exact_below: from so many passages on, an inverted file is used.
        least_recall: the share of the true nearest passages it must find, in (0, 1].

    Raises:
        UserError: if an inverted file is needed and FAISS is not installed.
    """
    k = min(k, len(passages))
    if len(passages) < exact_below or not len(queries):
        return Found(*_exact(passages, queries, k), 1.0)
    if find_spec("faiss") is None:
        what = f"stages.respond.exact_below={exact_below}: retrieval among {len(passages):,} passages"
        raise needs_extra(what, "faiss-cpu", "local")
    index = _inverted_file(passages, random_seed)
    rng = np.random.default_rng(random_seed)
    sample = queries[np.sort(rng.choice(len(queries), min(_SAMPLE, len(queries)), replace=False))]
    _, truth = _exact(passages, sample, k)
    index.nprobe = 1
    while (recall := _recall(index.search(sample, k)[1], truth)) < least_recall and index.nprobe < index.nlist:
        index.nprobe = min(2 * index.nprobe, index.nlist)
    logger.info(
        "retrieval: %d of %d lists read for each query, recall@%d %.3f on %d queries",
        *(index.nprobe, index.nlist, k, recall, len(sample)),
    )
    return Found(*index.search(np.ascontiguousarray(queries), k), recall)


def _exact(passages: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    if len(queries) and find_spec("faiss") is not None:
        import faiss  # takes a second to import

        return faiss.knn(np.ascontiguousarray(queries), passages, k, metric=faiss.METRIC_INNER_PRODUCT)
    scores, indices = np.empty((len(queries), k), dtype=np.float32), np.empty((len(queries), k), dtype=np.int64)
    for start in range(0, len(queries), _QUERIES):
        for row, products in enumerate(queries[start : start + _QUERIES] @ passages.T, start):
            indices[row] = _largest(products, k)
            scores[row] = products[indices[row]]
    return scores, indices


def _largest(products: np.ndarray, k: int) -> np.ndarray:
    """Returns where the k largest are, in the order of FAISS: of equal ones the last leads.

    Its heap takes them one after another, and drops the first of the smallest for a larger one. So of those that equal
    the k-th largest only what is among the first k candidates got in, and the last of that stayed.
    """
    smallest = np.partition(products, -k)[-k]
    candidates = np.flatnonzero(products >= smallest)
    larger = candidates[products[candidates] > smallest]
    entered = candidates[:k][products[candidates[:k]] == smallest]
    found = np.concatenate([larger, entered[len(entered) - (k - len(larger)) :]])
    return found[np.lexsort((-found, -products[found]))]


def _inverted_file(passages: np.ndarray, random_seed: int):
    """Returns a FAISS index of the passages in about 4·sqrt(n) lists, as FAISS's guidelines say."""
    import faiss

    size, dimension = passages.shape
    lists = min(int(4 * size**0.5), max(1, size // 40))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = random_seed % 2**31
    rng = np.random.default_rng(random_seed)
    index.train(passages[np.sort(rng.choice(size, min(size, _TRAINED * lists), replace=False))])
    for start in range(0, size, _BLOCK):
        index.add(np.ascontiguousarray(passages[start : start + _BLOCK]))
    return index


def _recall(found: np.ndarray, truth: np.ndarray) -> float:
    hits = sum(len(np.intersect1d(row, true)) for row, true in zip(found, truth, strict=True))
    return hits / truth.size
