"""Takes communities one after another, the rows with the most neighbours first.

neighbours 0: 1, 2   1: 0   2: 0, 3   3: 2   4: none   ->   centre_of == [0, 0, 0, 3, 4]
"""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_matrix

from fanno_hf.communities.cosines import cosines
from fanno_hf.communities.graph import symmetric
from fanno_hf.communities.links import all_links
from fanno_hf.communities.tiles import Tiles
from fanno_hf.communities.workers import Workers

BATCH = 64  # rows whose neighbours are looked up together


def greedy(
    tiles: Tiles, min_size: int, progress: bool, workers: Workers | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the communities of `sentence_transformers.util.community_detection`.

    Links are kept while they need less than a quarter of the memory of the rows. If there are more, they are only
    counted, and the neighbours of centres are looked up again, by this process: O(n_rows * dim) memory, however many
    links there are.

    Returns the centre of each row's community, -1 for none, and |N(i)|, row i included: int64, shape (n_rows,) each.
    """
    size, dim = tiles.unit.shape
    links = all_links(tiles, size * dim, progress, workers)
    counts = links.counts
    if links.are_kept:
        rows, columns = links.pairs()
        return greedy_on_graph(symmetric(rows, columns, np.ones(len(rows), dtype=bool), size), min_size), counts
    centre_of = np.full(len(counts), -1)
    for centre, members in _look_up(tiles, counts, centre_of, min_size):
        _take(centre_of, centre, members, min_size)
    return _with_loners(centre_of, min_size), counts


def greedy_on_graph(links: csr_matrix, min_size: int) -> np.ndarray:
    """Returns the centre of each row's community, -1 for none; links are symmetric, without those to oneself."""
    counts = np.diff(links.indptr) + 1
    centre_of = np.full(len(counts), -1)
    for centre in _order(counts, min_size).tolist():
        if centre_of[centre] < 0:
            neighbours = links.indices[links.indptr[centre] : links.indptr[centre + 1]]
            _take(centre_of, centre, np.append(neighbours, centre), min_size)
    return _with_loners(centre_of, min_size)


def as_lists(unit: np.ndarray, centre_of: np.ndarray, counts: np.ndarray) -> list[list[int]]:
    """Writes communities as lists of rows, the largest first; of equal size the one whose centre has most neighbours
    is first, then the one with the lowest centre. The centre leads (for louvain, leiden and components the member with
    most neighbours), the others follow by falling similarity to it (ties: lowest index).

    `centre_of` is the row that leads each row's community, -1 for none, shape (n_rows,), like `counts` of neighbours.
    """
    members = np.flatnonzero(centre_of >= 0)
    centres = centre_of[members]
    sizes = np.bincount(centres, minlength=len(centre_of))[centres]
    similarities = cosines(unit, members, centres).round(7)  # rows in float32 say no more; ties go by index
    order = np.lexsort((members, -similarities, members != centres, centres, -counts[centres], -sizes))
    bounds = np.flatnonzero(np.diff(centres[order])) + 1
    return [rows.tolist() for rows in np.split(members[order], bounds) if len(rows)]


def _order(counts: np.ndarray, min_size: int) -> np.ndarray:
    """Returns rows that may be centres, the one with most neighbours first; loners need no turn."""
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] >= max(2, min_size)]


def _take(centre_of: np.ndarray, centre: int, members: np.ndarray, min_size: int) -> None:
    """Gives the centre those of its neighbours, itself among them, that are free, if both it and enough of them are."""
    members = members[centre_of[members] < 0]
    if centre_of[centre] < 0 and len(members) >= min_size:
        centre_of[members] = centre


def _with_loners(centre_of: np.ndarray, min_size: int) -> np.ndarray:
    """What is free at last has no free neighbour: each is a community of one, if that is enough."""
    return np.where(centre_of < 0, np.arange(len(centre_of)), centre_of) if min_size == 1 else centre_of


def _look_up(
    tiles: Tiles, counts: np.ndarray, centre_of: np.ndarray, min_size: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each row that may be a centre, in the order of the greedy, with its neighbours.

    Rows that `centre_of` gives to a centre are left out, as far as known when a batch of rows starts: the caller
    changes it between two rows and has to look again. Batches are small: one row often takes those right after it.
    """
    order = _order(counts, min_size)
    while len(order := order[centre_of[order] < 0]):
        batch, order = order[:BATCH], order[BATCH:]
        columns = np.flatnonzero((centre_of < 0) & (counts > 1))
        mask = np.zeros((len(batch), len(columns)), dtype=bool)
        for start in range(0, len(columns), tiles.block_size):
            hits = tiles.hits(batch, columns[start : start + tiles.block_size])
            mask[hits.rows, start : start + tiles.block_size] = hits.mask
        yield from ((centre, columns[linked]) for centre, linked in zip(batch.tolist(), mask, strict=True))
