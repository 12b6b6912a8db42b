"""Which pairs of rows reach a threshold, one tile of similarities at a time.

rows 0..1023 against rows 1024..2047  ->  Hits: who is similar to whom, decided in float64 at the border
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fanno_hf.communities.cosines import BORDER, NOISE, Part, cosine_table, cosines, numbers
from fanno_hf.progress_bar import ProgressBar

FEW = 4096  # pairs of a tile that are finished each on its own; with more, the whole tile is cheaper
_STRIP = 128  # rows of a tile held in float64 at a time


@dataclass(frozen=True)
class Hits:
    """Pairs of a tile that reach the threshold; valid until the next tile is computed."""

    rows: np.ndarray  # rows of the tile with a candidate, int64, ascending, shape (n_rows,)
    mask: np.ndarray  # which columns each of them reaches: bool, shape (n_rows, n_columns)
    # similarities where the mask is true, rounded as the product rounds them: float32, of the same shape
    values: np.ndarray

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns row and column indices, by row and then by column."""
        rows, columns = np.divmod(np.flatnonzero(self.mask), self.mask.shape[1])
        return self.rows[rows], columns


class Tiles:
    """Similarities of rows to one another, thresholded; multiplied by numpy.

    Args:
        unit: float32, shape (n_rows, dim), rows of unit length.
        threshold: cosine from which two rows are linked, in [-1, 1].
        block_size: the most rows and columns of a tile.
    """

    def __init__(self, unit: np.ndarray, threshold: float, block_size: int):
        self.unit, self.threshold, self.block_size = unit, threshold, block_size
        self._buffer = np.empty(0, dtype=np.float32)

    def of(self, unit: np.ndarray) -> "Tiles":
        """Returns tiles of other rows, multiplied in the same way."""
        return Tiles(unit, self.threshold, self.block_size)

    def upper_triangle(self, progress: bool) -> Iterator[tuple[int, int, Hits]]:
        """Yields (first row, first column, hits) of each tile on or above the diagonal; similarity is symmetric."""
        starts = range(0, len(self.unit), self.block_size)
        count = len(starts) * (len(starts) + 1) // 2
        with ProgressBar("similarities", count, "tiles", progress) as bar:
            for top in starts:
                above = slice(top, top + self.block_size)
                for left in starts[top // self.block_size :]:
                    yield top, left, self.hits(above, slice(left, left + self.block_size))
                    bar.update()

    def oblong(self, rows: int) -> Iterator[tuple[int, int, Hits]]:
        """Yields the same of each tile of the first so many rows with the others."""
        for top in range(0, rows, self.block_size):
            above = slice(top, min(top + self.block_size, rows))
            for left in range(rows, len(self.unit), self.block_size):
                yield top, left, self.hits(above, slice(left, left + self.block_size))

    def hits(self, above: Part, across: Part) -> Hits:
        """Returns which of the rows `above` reach the threshold with which of the rows `across`."""
        found = self.candidates(above, across)
        self._decide(above, across, found)
        return found

    def candidates(self, above: Part, across: Part) -> Hits:
        """Returns the pairs that reach the threshold or its border, by their similarity in float32."""
        product, limit = self._product(above, across), self.threshold - BORDER
        rows = np.flatnonzero(product.max(axis=1) >= limit)  # few rows need a second look
        if len(rows) < len(product):
            product = product[rows]
        return Hits(rows, product >= limit, product)

    def _product(self, above: Part, across: Part) -> np.ndarray:
        """Multiplies into memory that is kept: the system takes longer to hand out a tile's than to scan it."""
        left, right = self.unit[above], self.unit[across]
        size = len(left) * len(right)
        if self._buffer.size < size:
            self._buffer = np.empty(size, dtype=np.float32)
        product = self._buffer[:size].reshape(len(left), len(right))
        self._multiply(left, right, product)
        return product

    def _multiply(self, left: np.ndarray, right: np.ndarray, product: np.ndarray) -> None:
        """Writes the similarity of every row on the left with every row on the right into `product`."""
        np.matmul(left, right.T, out=product)

    def _decide(self, above: Part, across: Part, found: Hits) -> None:
        """Decides the pairs at the border in float64, and corrects the mask in place."""
        unsure = found.mask & (found.values < self.threshold + BORDER)
        if np.count_nonzero(unsure) <= FEW:
            rows, columns = np.divmod(np.flatnonzero(unsure), unsure.shape[1])
            exact = cosines(self.unit, numbers(above, found.rows[rows]), numbers(across, columns))
            found.mask[rows, columns] = exact >= self.threshold - NOISE
            return
        for start in range(0, len(unsure), _STRIP):  # equal rows at a threshold of 1: hardly any pair is clear
            part = slice(start, start + _STRIP)
            exact = cosine_table(self.unit[numbers(above, found.rows[part])], self.unit[across])
            np.copyto(found.mask[part], exact >= self.threshold - NOISE, where=unsure[part])
