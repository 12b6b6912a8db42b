"""Retrieval: the k documents nearest to an instruction, by exact inner product (FAISS IndexFlatIP)."""

import faiss
import numpy as np


class PassageIndex:
    """Passages by meaning.

    Args:
        embeddings: float32, shape (n_passages, dimension), rows of unit length.
    """

    def __init__(self, embeddings: np.ndarray):
        self._index = faiss.IndexFlatIP(embeddings.shape[1])
        self._index.add(np.ascontiguousarray(embeddings, dtype=np.float32))

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns (scores, indices), both of shape (n_queries, min(k, n_passages)), the nearest first.

        Scores are cosines in [-1, 1].
        """
        return self._index.search(np.ascontiguousarray(queries, dtype=np.float32), min(k, self._index.ntotal))
