"""Groups embeddings into communities and picks one row of each.

| algorithm | communities | memory beside the rows |
|---|---|---|
| fast | those of `sentence_transformers.util.community_detection` 6.2: N(i) is the rows whose similarity to row i is at least the threshold, i among them; rows are taken by falling size of N(i) (ties: lowest index), and one that no community holds yet is the centre of a new one: what is left of N(i) | O(n_rows * dim) |
| louvain, leiden | of scikit-network, weighted by similarity, on the graph of pairs that reach the threshold | + 12 bytes a link |
| components | connected components of that graph: each member is similar to some other one | + 12 bytes a link |
| approximate | as `fast`, without the links that `approximate_neighbours` misses; logs the share it found | + 12 bytes a link |

All but `approximate` compare every row with every other one; pairs within 1e-5 of the threshold are decided in
float64, so neither rounding nor the number of threads changes who is in.
"""

from collections.abc import Sequence

import numpy as np

from fanno_hf.communities.approximate import approximate_neighbours
from fanno_hf.communities.cosines import unit_rows
from fanno_hf.communities.graph import link, partition
from fanno_hf.communities.greedy import as_lists, greedy, greedy_on_graph
from fanno_hf.communities.prepare import prepared_tiles
from fanno_hf.communities.workers import Workers


def detect_communities(
    embeddings: np.ndarray,
    threshold: float = 0.7,
    min_size: int = 1,
    algorithm: str = "fast",
    *,
    block_size: int = 1024,
    threads: int | None = None,
    progress: bool = False,
    random_seed: int = 0,
    workers: Workers | None = None,
) -> list[list[int]]:
    """Finds communities of similar rows: lists of row indices, no row in two of them, in the order of `as_lists`.

    Args:
        embeddings: float, shape (n_rows, dim), of any length; float32 rows of unit length are not copied.
        threshold: cosine similarity from which two rows are neighbours, in [-1, 1]; above 0 for louvain and leiden.
        min_size: the fewest members of a community, its centre included; 1 keeps rows without neighbours.
        block_size: rows and columns of similarities computed at a time.
        threads: of the matrix product; None leaves the settings of numpy and torch.
        workers: what compares many rows elsewhere; None does it here. The communities are the same.

    Raises:
        ValueError: if a row is all zeros or not finite.
        UserError: if `approximate` needs faiss and it is not installed.
    """
    unit = unit_rows(embeddings)
    if algorithm == "approximate":
        how = {"block_size": block_size, "threads": threads, "progress": progress, "workers": workers}
        found = approximate_neighbours(unit, threshold, random_seed=random_seed, **how)
        return as_lists(unit, greedy_on_graph(found.graph, min_size), np.diff(found.graph.indptr))
    with prepared_tiles(unit, threshold, block_size, threads) as tiles:
        if algorithm == "fast":
            centre_of, counts = greedy(tiles, min_size, progress, workers)
        else:
            graph = link(tiles, progress, workers)
            centre_of, counts = partition(graph, algorithm, min_size, random_seed), np.diff(graph.indptr)
    return as_lists(unit, centre_of, counts)


def representatives(communities: Sequence[Sequence[int]], priority: np.ndarray) -> list[int]:
    """Returns, ascending, the member of each community with the highest priority, of shape (n_rows,); ties: the first."""
    return sorted(min(members, key=lambda row: (-priority[row], row)) for members in communities)
