"""Which pairs of rows reach a threshold, one tile of similarities at a time.

rows 0..1023 against rows 1024..2047  ->  Hits: who is similar to whom, decided in float64 at the border
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from fanno_hf.communities.rows import BORDER, NOISE, cosine_table, cosines, dots
from fanno_hf.communities.sketch import Part, Sketch, as_tensor, bfloat16_cost, kinds, principal_axes

_FEW = 4096  # pairs of a tile that are finished each on its own; with more, the whole tile is cheaper
_FINISHING = 64  # a pair finished on its own takes the time of so many in a tile
_WORTHWHILE = 0.8  # of the time in full: what saves less is not used
LARGE = 24  # tiles in a row from which on looking for a sketch pays
_STRIP = 128  # rows of a tile held in float64 at a time


@dataclass(frozen=True)
class Hits:
    """Pairs of a tile that reach the threshold; valid until the next tile is computed.

    Attributes:
        rows: rows of the tile with a candidate, int64, ascending, shape (n_rows,).
        mask: which columns each of them reaches: bool, shape (n_rows, n_columns).
        values: similarities where the mask is true: float32, of the same shape.
    """

    rows: np.ndarray
    mask: np.ndarray
    values: np.ndarray

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns row indices, column indices and similarities, by row and then by column."""
        rows, columns = np.divmod(np.flatnonzero(self.mask), self.mask.shape[1])
        return self.rows[rows], columns, self.values[rows, columns]


class Tiles:
    """Similarities of rows to one another, thresholded.

    Args:
        unit: float32, shape (n_rows, dim), rows of unit length.
        threshold: cosine from which two rows are linked, in [-1, 1].
        block_size: the most rows and columns of a tile.
        sketch: of the same rows; None computes every similarity.
    """

    def __init__(self, unit: np.ndarray, threshold: float, block_size: int, sketch: Sketch | None = None):
        self.unit, self.threshold, self.block_size = unit, threshold, block_size
        self.sketch = sketch
        self._buffers: dict[torch.dtype, torch.Tensor] = {}

    def upper_triangle(self, progress: bool) -> Iterator[tuple[int, int, Hits]]:
        """Yields (first row, first column, hits) of each tile on or above the diagonal; similarity is symmetric."""
        starts = range(0, len(self.unit), self.block_size)
        count = len(starts) * (len(starts) + 1) // 2
        with tqdm(total=count, desc="similarities", unit="tile", disable=not progress) as bar:
            for top in starts:
                above = slice(top, top + self.block_size)
                for left in starts[top // self.block_size :]:
                    yield top, left, self.hits(above, slice(left, left + self.block_size))
                    bar.update()

    def hits(self, above: Part, across: Part) -> Hits:
        """Returns which of the rows `above` reach the threshold with which of the rows `across`."""
        found = self._sketched(above, across) if self.sketch is not None else None
        if found is None:
            product = self._product(as_tensor(self.unit[above]), as_tensor(self.unit[across]))
            found = _at_least(product, self.threshold - BORDER)
        self._decide(above, across, found)
        return found

    def bounds(self, above: Part, across: Part) -> tuple[torch.Tensor, float]:
        """Returns the products of the sketches, and what they are at least where the threshold may be reached."""
        product = self._product(self.sketch.take(above), self.sketch.take(across))
        return product, self.sketch.limit(self.threshold - BORDER)

    def _sketched(self, above: Part, across: Part) -> Hits | None:
        """Returns the pairs that reach the threshold or its border, or None if the sketch leaves too many open."""
        found = _at_least(*self.bounds(above, across))
        if np.count_nonzero(found.mask) > _FEW:
            return None
        rows, columns = np.divmod(np.flatnonzero(found.mask), found.mask.shape[1])
        values = dots(self.unit, _numbers(above, found.rows[rows]), _numbers(across, columns))
        found.values[rows, columns] = values
        found.mask[rows, columns] = values >= self.threshold - BORDER
        return found

    def _product(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """Multiplies into memory that is kept: the system takes longer to hand out a tile's than to scan it."""
        size = len(left) * len(right)
        if left.dtype not in self._buffers or self._buffers[left.dtype].numel() < size:
            self._buffers[left.dtype] = torch.empty(size, dtype=left.dtype)
        return torch.mm(left, right.T, out=self._buffers[left.dtype][:size].view(len(left), len(right)))

    def _decide(self, above: Part, across: Part, found: Hits) -> None:
        """Decides the pairs at the border in float64, and corrects mask and values in place."""
        unsure = found.mask & (found.values < self.threshold + BORDER)
        if np.count_nonzero(unsure) <= _FEW:
            rows, columns = np.divmod(np.flatnonzero(unsure), unsure.shape[1])
            exact = cosines(self.unit, _numbers(above, found.rows[rows]), _numbers(across, columns))
            found.values[rows, columns] = exact
            found.mask[rows, columns] = exact >= self.threshold - NOISE
            return
        for start in range(0, len(unsure), _STRIP):  # equal rows at a threshold of 1: hardly any pair is clear
            part = slice(start, start + _STRIP)
            exact = cosine_table(self.unit[_numbers(above, found.rows[part])], self.unit[across])
            np.copyto(found.values[part], exact, where=unsure[part], casting="same_kind")
            np.copyto(found.mask[part], exact >= self.threshold - NOISE, where=unsure[part])


def prepare_tiles(unit: np.ndarray, threshold: float, block_size: int) -> Tiles:
    """Returns tiles with the sketch that saves most for these rows on this machine; none may.

    What it saves depends on the rows (do a few axes hold most of their length?), the threshold and the processor (does
    it multiply bfloat16?), so each kind is tried on rows spread over all. It changes the time only, never a result.
    """
    if len(unit) < LARGE * block_size:
        return Tiles(unit, threshold, block_size)
    spread = np.linspace(0, len(unit) - 1, 3 * block_size).astype(np.int64)
    # Axes fit the rows they are made of better than others, so they are tried on others.
    axes = principal_axes(unit[spread[::3]])
    sample = unit[np.concatenate([spread[1::3], spread[2::3]])]
    halves = slice(0, block_size), slice(block_size, 2 * block_size)
    rate = bfloat16_cost(sample[:512])
    dtype, rate = (torch.bfloat16, rate) if rate < _WORTHWHILE else (torch.float32, 1.0)
    best, cheapest = None, _WORTHWHILE * unit.shape[1]  # in numbers of a row multiplied in float32
    trial = Tiles(sample, threshold, block_size)
    for kind in kinds(axes, dtype):
        trial.sketch = Sketch(sample, kind)
        bounds, limit = trial.bounds(*halves)
        left = int(torch.count_nonzero(bounds >= limit))
        size = unit.shape[1] if kind.axes is None else kind.axes.shape[1] + 1
        cost = rate * size + unit.shape[1] * _FINISHING * left / block_size**2
        if left <= _FEW // 2 and cost < cheapest:
            best, cheapest = kind, cost
    return Tiles(unit, threshold, block_size, None if best is None else Sketch(unit, best))


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Lets torch use so many threads for a while; None leaves its setting."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _numbers(part: Part, positions: np.ndarray) -> np.ndarray:
    """Returns which rows the positions in a part of them are."""
    return part.start + positions if isinstance(part, slice) else part[positions]


def _at_least(product: torch.Tensor, limit: float) -> Hits:
    """Returns where the product reaches the limit; the maxima of the rows tell which ones need a second look."""
    rows = (product.amax(dim=1) >= limit).nonzero()[:, 0]
    if len(rows) < len(product):
        product = product[rows]
    values = product.float().numpy()
    return Hits(rows.numpy(), values >= limit, values)
