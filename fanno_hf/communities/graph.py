"""The graph of similar rows, and the communities scikit-network finds in it.

[[1, 0], [0.8, 0.6], [0, 1]], threshold 0.7  ->  one link: 0 and 1, at 0.8
"""

import ctypes
import math

import numpy as np
from scipy.sparse import csr_matrix

from fanno_hf.communities.cosines import dots
from fanno_hf.communities.links import all_links
from fanno_hf.communities.tiles import Tiles
from fanno_hf.communities.workers import Workers


def link(tiles: Tiles, progress: bool, workers: Workers | None = None) -> csr_matrix:
    """Links the rows of the tiles whose cosine similarity is at least the threshold.

    Returns similarities, float32, shape (n_rows, n_rows); symmetric, indices sorted, no row linked to itself. Twelve
    bytes of memory for each link and direction.
    """
    return weighted(tiles.unit, *all_links(tiles, math.inf, progress, workers).pairs())


def weighted(unit: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> csr_matrix:
    """Returns the graph of links that are given in one direction, with the similarity of each.

    It is computed pair by pair: what a product of many rows rounds to depends on who multiplies.
    """
    return symmetric(rows, columns, dots(unit, rows, columns), len(unit))


def symmetric(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, size: int) -> csr_matrix:
    """Returns the graph of links that are given in one direction: shape (size, size)."""
    ends = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    graph = csr_matrix((np.tile(values, 2), ends), shape=(size, size))
    graph.sort_indices()
    return graph


def partition(graph: csr_matrix, algorithm: str, min_size: int, random_seed: int) -> np.ndarray:
    """Finds communities with scikit-network: "louvain", "leiden" (both by similarity, random_seed decides ties) or "components".

    Returns the row that leads each row's community: the one with most neighbours; of those the one most similar to all of
    its neighbours together, then the first. -1 for communities below `min_size`; shape (n_rows,).
    """
    labels = np.arange(graph.shape[0]) if graph.nnz == 0 else _labels(graph, algorithm, random_seed)
    weights = np.asarray(graph.sum(axis=1), dtype=np.float64)[:, 0]
    order = np.lexsort((-weights, -np.diff(graph.indptr), labels))
    firsts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    sizes = np.diff(firsts, append=len(order))
    leaders = np.where(sizes >= min_size, order[firsts], -1)
    centre_of = np.empty(len(order), dtype=np.int64)
    centre_of[order] = np.repeat(leaders, sizes)
    return centre_of


def _labels(graph: csr_matrix, algorithm: str, random_seed: int) -> np.ndarray:
    from sknetwork.clustering import Leiden, Louvain  # takes a second to import
    from sknetwork.topology import get_connected_components

    if algorithm == "components":
        return get_connected_components(graph)
    ctypes.CDLL(None).srand(random_seed)  # Leiden draws from the C library's generator, whatever its random_state
    model = {"louvain": Louvain, "leiden": Leiden}[algorithm]
    return model(random_state=random_seed).fit_predict(graph)
