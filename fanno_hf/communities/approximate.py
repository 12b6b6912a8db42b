"""Similar rows among those that lie in the same cells: for more rows than can all be compared.

1,000,000 rows in 4,000 cells, each row compared with those of 8 cells  ->  their links, and the share that was found
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from fanno_hf.communities.cosines import unit_rows
from fanno_hf.communities.graph import weighted
from fanno_hf.communities.tiles import Tiles
from fanno_hf.communities.workers import Here, Workers
from fanno_hf.errors import needs_extra
from fanno_hf.progress_bar import ProgressBar

logger = logging.getLogger(__name__)

_Pair = tuple[np.ndarray, np.ndarray]

_SAMPLE_PER_CELL = 64  # rows that the centre of a cell is learnt from
_ROWS = 16_384  # rows that are given to FAISS, or compared with others, at a time
SPREAD = 131_072  # rows from which on others find cells and compare: fewer take a core some seconds


@dataclass(frozen=True)
class ApproximateNeighbours:
    """Links between similar rows, most of them."""

    graph: csr_matrix  # as of `link`, without the links that were missed
    recall: float  # share of the links of a sample of rows that are in the graph, in [0, 1]; 1 if they have none
    sampled_rows: int  # what the recall was measured on, by comparing them with every row
    sampled_links: int


def approximate_neighbours(
    embeddings: np.ndarray,
    threshold: float,
    *,
    cells: int | None = None,
    probes: int = 8,
    sample: int = 1000,
    block_size: int = 1024,
    threads: int | None = None,
    progress: bool = False,
    random_seed: int = 0,
    workers: Workers | None = None,
) -> ApproximateNeighbours:
    """Links rows whose similarity is at least the threshold, if one lies in one of the other's nearest cells.

    The cells are those of an inverted file (FAISS's k-means): a row lies in the nearest one, and is compared with all
    rows of the nearest few. No link is wrong, some are missing: with another number of threads a few others, because
    the products that FAISS learns the cells from may be rounded in another way.

    Args:
        cells: how many; None for 4 * sqrt(n_rows). One cell is exact.
        probes: cells that a row is compared with.
        sample: rows that the recall is measured on.
        workers: what looks for the cells of many rows, and compares them; None does it here.

    Raises:
        ValueError: if a row is all zeros or not finite.
        UserError: if faiss is not installed; one cell needs none.
    """
    with threadpool_limits(threads, user_api="blas"):
        unit = unit_rows(embeddings)
        workers = workers if workers and len(unit) >= SPREAD else Here()
        tiles = Tiles(unit, threshold, block_size)
        cells = min(cells or round(4 * len(unit) ** 0.5), max(1, len(unit) // _SAMPLE_PER_CELL))
        with _faiss_threads(cells, threads):
            nearest_cells = _nearest_cells(unit, cells, min(probes, cells), random_seed, workers)
        graph = _link_cells(tiles, nearest_cells, progress, workers)
        chosen = np.random.default_rng(random_seed).choice(len(unit), min(sample, len(unit)), replace=False)
        found, true = _count_links(tiles, graph, np.sort(chosen))
    recall = found / true if true else 1.0
    logger.info(
        "approximate neighbours: %.2f %% of the %d links of %d sampled rows were found (%d cells, %d of them probed)",
        *(100 * recall, true, len(chosen), cells, nearest_cells.shape[1]),
    )
    return ApproximateNeighbours(graph, recall, len(chosen), true)


@contextmanager
def _faiss_threads(cells: int, threads: int | None) -> Iterator[None]:
    """Lets FAISS use so many threads for a while; one cell needs none."""
    if cells <= 1:
        yield
        return
    try:
        import faiss  # takes a second to import
    except ModuleNotFoundError as error:
        raise needs_extra("stages.prescreen.communities.algorithm=approximate", "faiss-cpu", "local") from error
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads or before)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _nearest_cells(unit: np.ndarray, cells: int, probes: int, random_seed: int, workers: Workers) -> np.ndarray:
    """Returns the nearest cells of each row, its own first: int32, shape (n_rows, probes)."""
    found = np.zeros((len(unit), probes), dtype=np.int32)
    if cells <= 1:
        return found
    import faiss

    wanted = min(len(unit), cells * _SAMPLE_PER_CELL)
    sample = np.random.default_rng(random_seed).choice(len(unit), wanted, replace=False)
    means = faiss.Kmeans(unit.shape[1], cells, niter=10, seed=random_seed, spherical=True)
    means.train(unit[np.sort(sample)])
    centres = workers.put(means.centroids)
    parts = [slice(start, start + _ROWS) for start in range(0, len(unit), _ROWS)]
    for part, nearest in workers.each(find_cells, ((part, (centres, unit[part], probes)) for part in parts)):
        found[part] = nearest
    return found


def find_cells(centres: np.ndarray, rows: np.ndarray, probes: int) -> np.ndarray:
    """Returns the nearest cells of each row, the nearest first: int64, shape (n_rows, probes)."""
    import faiss

    index = faiss.IndexFlatIP(centres.shape[1])
    index.add(centres)
    return index.search(np.ascontiguousarray(rows), probes)[1]


def _link_cells(tiles: Tiles, nearest_cells: np.ndarray, progress: bool, workers: Workers) -> csr_matrix:
    """Compares the rows of each cell with the rows that have it among their nearest."""
    size, keys, groups = len(nearest_cells), [np.zeros(0, np.int64)], _groups(nearest_cells)
    pattern = workers.put(tiles.of(tiles.unit[:0]))
    found_in = workers.each(link_parts, (_call(pattern, tiles.unit, parts) for parts in groups))
    with ProgressBar("similarities", len(groups), "groups of cells", progress) as bar:
        for rows, ends in found_in:
            keys.append(rows[ends[0]] * size + rows[ends[1]])
            bar.update()
    keys = np.unique(np.concatenate(keys))  # most links are met from both ends
    return weighted(tiles.unit, *np.divmod(keys, max(1, size)))


def link_parts(pattern: Tiles, unit: np.ndarray, parts: list[_Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Compares rows of some cells with those that ask for them.

    Args:
        pattern: tiles of no rows, made like those that are wanted.
        unit: float32, shape (n_rows, dim), rows of unit length.
        parts: who asks, and who lies in the cell: rows of `unit`.

    Returns the rows at both ends of each link, the lower one first: int64, shape (n_links,) each.
    """
    tiles, size, keys = pattern.of(unit), len(unit), [np.zeros(0, np.int64)]
    for askers, members in parts:
        for above, across in product(*(_blocks(rows, tiles.block_size) for rows in (askers, members))):
            rows, columns = tiles.hits(above, across).pairs()
            rows, columns = above[rows], across[columns]
            other = rows != columns
            keys.append((np.minimum(rows, columns) * size + np.maximum(rows, columns))[other])
    return np.divmod(np.unique(np.concatenate(keys)), max(1, size))


def _call(pattern: Any, unit: np.ndarray, parts: list[_Pair]) -> tuple[np.ndarray, tuple]:
    """Returns which rows a call of `link_parts` gets, ascending, and the call."""
    rows = np.unique(np.concatenate([some for pair in parts for some in pair]))
    return rows, (pattern, unit[rows], [tuple(np.searchsorted(rows, some) for some in pair) for pair in parts])


def _groups(nearest_cells: np.ndarray) -> list[list[_Pair]]:
    """Returns who asks in each cell and who lies in it, as many cells together as have some ten thousand rows."""
    members, askers = _by_cell(nearest_cells[:, :1]), _by_cell(nearest_cells)
    groups, room = [], 0
    for cell in members:
        for pair in product(_blocks(askers[cell], _ROWS), _blocks(members[cell], _ROWS)):
            if room <= 0:
                groups.append([])
                room = 2 * _ROWS
            groups[-1].append(pair)
            room -= len(pair[0])
    return groups


def _by_cell(cells: np.ndarray) -> dict[int, np.ndarray]:
    """Returns the rows of each cell, ascending, from the cells of each row, shape (n_rows, n_cells_each)."""
    if not len(cells):
        return {}
    order = np.argsort(cells.ravel(), kind="stable")
    found, starts = np.unique(cells.ravel()[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order // cells.shape[1], starts[1:]), strict=True))


def _blocks(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _count_links(tiles: Tiles, graph: csr_matrix, rows: np.ndarray) -> tuple[int, int]:
    """Returns how many links the rows have in the graph, and how many in truth."""
    true = 0
    for above in _blocks(rows, tiles.block_size):
        for start in range(0, len(tiles.unit), tiles.block_size):
            hits = tiles.hits(above, slice(start, start + tiles.block_size))
            true += int(np.count_nonzero(hits.mask))
    return int(np.diff(graph.indptr)[rows].sum()), true - len(rows)  # less each row's similarity to itself
