"""Links between similar rows, each pair of rows compared once: here, or in blocks by other processes.

100,000 rows, 16 cores  ->  12 blocks of rows, 78 pairs of them, each compared by a process; the links come back
"""

import math
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fanno_hf.communities.tiles import Hits, Tiles
from fanno_hf.communities.workers import Workers
from fanno_hf.progress_bar import ProgressBar

LINK = 24  # bytes that a link takes at most while the graph is made of it
_LINK_IN_TILE = 128  # the same while it is taken from its tile
SPREAD = 16_384  # rows from which on others compare them: fewer take a core about a second
_MOST, _LEAST = 32_768, 4_096  # rows of a block: two of them take a core some seconds, or at least a tenth of one


class Found(NamedTuple):
    """What comparing some rows gave: |N(i)| of each, and the links between them unless they are too many."""

    counts: np.ndarray  # int64, shape (n_rows,)
    ends: tuple[np.ndarray, np.ndarray] | None  # the rows at both ends, int32, shape (n_links,) each


class Links:
    """How many neighbours rows have and, as long as there is memory for them, which.

    Links are kept in one direction. They are appended to two blocks of memory that grow: small arrays kept between the
    large ones of the tiles would tear the heap into pieces, which took a fifth of the memory of the rows.

    Args:
        size: n_rows.
        memory: bytes for the links; if they need more, they are only counted.
    """

    def __init__(self, size: int, memory: float = math.inf):
        self.counts = np.zeros(size, dtype=np.int64)  # |N(i)|, row i included
        self.memory = memory  # what is left of it; below 0 no link is kept
        self._ends = array("i"), array("i")

    @property
    def are_kept(self) -> bool:
        """Whether `pairs` has them all."""
        return self.memory >= 0

    def add(self, top: int, left: int, hits: Hits) -> None:
        """Adds the hits of a tile that starts at row `top` and column `left`."""
        self.counts[top + hits.rows] += np.count_nonzero(hits.mask, axis=1)
        if left > top:  # similarity is symmetric: this tile stands for its mirror image too
            self.counts[left : left + hits.mask.shape[1]] += np.count_nonzero(hits.mask, axis=0)
        found = np.count_nonzero(hits.mask)
        if self._keeps(found if left > top else found / 2, _LINK_IN_TILE * found):
            rows, columns = hits.pairs()
            rows, columns = top + rows, left + columns
            once = slice(None) if left > top else rows < columns  # a tile on the diagonal has each pair twice
            self._append(rows[once], columns[once])

    def add_found(self, numbers: np.ndarray, found: Found) -> None:
        """Adds what was found among some rows; `numbers` says which they are, shape (n_rows,)."""
        self.counts[numbers] += found.counts
        if self._keeps(math.inf if found.ends is None else len(found.ends[0])):
            self._append(*(numbers[end] for end in found.ends))

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the rows at both ends of what was added."""
        return np.asarray(self._ends[0]), np.asarray(self._ends[1])

    def _keeps(self, count: float, meanwhile: int = 0) -> bool:
        """Returns whether so many more links are kept, which need so many bytes `meanwhile`; if not, none is any more."""
        self.memory -= 2 * LINK * count
        if not self.memory >= meanwhile:  # also where it is no number: too many of too many
            self.memory, self._ends = -1, (array("i"), array("i"))
        return self.are_kept

    def _append(self, *found: np.ndarray) -> None:
        for ends, rows in zip(self._ends, found, strict=True):
            ends.frombytes(rows.astype(np.intc).tobytes())


def all_links(tiles: Tiles, memory: float, progress: bool, workers: Workers | None) -> Links:
    """Compares every row of the tiles with every other one.

    Args:
        memory: as of `Links`: that of this process, whoever compares.
    """
    links = Links(len(tiles.unit), memory)
    if workers is None or len(tiles.unit) < SPREAD:
        for top, left, hits in tiles.upper_triangle(progress):
            links.add(top, left, hits)
        return links
    bounds = _bounds(len(tiles.unit), workers.cores)
    count = len(bounds) * (len(bounds) + 1) // 2
    found_in = workers.each(link_blocks, _block_pairs(tiles, bounds, links, workers))
    with ProgressBar("similarities", count, "blocks", progress) as bar:
        for numbers, found in found_in:
            links.add_found(np.concatenate([np.arange(*block) for block in numbers]), found)
            bar.update()
    return links


def link_blocks(pattern: Tiles, memory: float, *blocks: np.ndarray) -> Found:
    """Compares the rows of one block with one another, or those of two with each other's.

    Args:
        pattern: tiles of no rows, made like those that are wanted.
        memory: as of `Links`.
        blocks: float32, shape (n_rows, dim), rows of unit length; they are numbered through.
    """
    tiles = pattern.of(np.concatenate(blocks))
    links = Links(len(tiles.unit), memory)
    for top, left, hits in tiles.upper_triangle(False) if len(blocks) == 1 else tiles.oblong(len(blocks[0])):
        links.add(top, left, hits)
    return Found(links.counts, links.pairs() if links.are_kept else None)


def _bounds(size: int, cores: int) -> list[tuple[int, int]]:
    """Returns the first row of each block and the one after its last: four pairs of blocks a core, or large blocks."""
    rows = min(_MOST, max(_LEAST, math.ceil(size / math.sqrt(8 * cores))))
    return list(pairwise([*range(0, size, rows), size]))


def _block_pairs(tiles: Tiles, bounds: list[tuple[int, int]], links: Links, workers: Workers) -> Iterator:
    """Yields the calls of `link_blocks`. Each block is put once, when it is first needed, and let go when it is not any more;
    a call is told how much memory is left at the moment."""
    pattern, there = workers.put(tiles.of(tiles.unit[:0])), {}
    for place, above in enumerate(bounds):
        for across in bounds[place:]:
            pair = [above] if across == above else [above, across]
            for block in pair:
                if block not in there:
                    there[block] = workers.put(tiles.unit[slice(*block)])
            yield pair, (pattern, links.memory, *(there[block] for block in pair))
        del there[above]
