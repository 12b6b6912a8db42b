"""Tiles multiplied by torch, with a sketch where one saves time. Importing this module imports torch.

40 tiles in a row, 384 numbers a row  ->  only the pairs that 96 numbers in bfloat16 leave open are multiplied in full
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from fanno_hf.communities.cosines import BORDER, Part, dots, numbers
from fanno_hf.communities.sketch import Sketch, as_tensor, bfloat16_cost, kinds, principal_axes
from fanno_hf.communities.tiles import FEW, Hits, Tiles

_FINISHING = 64  # a pair finished on its own takes the time of so many in a tile
_WORTHWHILE = 0.8  # of the time in full: what saves less is not used


class TorchTiles(Tiles):
    """Tiles multiplied by torch, after a sketch of the same rows; without one every similarity is computed."""

    def __init__(self, unit: np.ndarray, threshold: float, block_size: int, sketch: Sketch | None = None):
        super().__init__(unit, threshold, block_size)
        self.sketch = sketch
        self._bounds = torch.empty(0)

    def of(self, unit: np.ndarray) -> "TorchTiles":
        """As of `Tiles`."""
        sketch = None if self.sketch is None else Sketch(unit, self.sketch.kind)
        return TorchTiles(unit, self.threshold, self.block_size, sketch)

    def candidates(self, above: Part, across: Part) -> Hits:
        """As of `Tiles`."""
        found = self._sketched(above, across) if self.sketch is not None else None
        return super().candidates(above, across) if found is None else found

    def bounds(self, above: Part, across: Part) -> tuple[torch.Tensor, float]:
        """Returns the products of the sketches, and what they are at least where the threshold may be reached."""
        left, right = self.sketch.take(above), self.sketch.take(across)
        size = len(left) * len(right)
        if self._bounds.numel() < size or self._bounds.dtype != left.dtype:
            self._bounds = torch.empty(size, dtype=left.dtype)  # kept, as that of `Tiles`
        product = torch.mm(left, right.T, out=self._bounds[:size].view(len(left), len(right)))
        return product, self.sketch.limit(self.threshold - BORDER)

    def _sketched(self, above: Part, across: Part) -> Hits | None:
        """Returns the pairs that reach the threshold or its border, or None if the sketch leaves too many open."""
        bounds, limit = self.bounds(above, across)
        candidates = (bounds.amax(dim=1) >= limit).nonzero()[:, 0]
        if len(candidates) < len(bounds):
            bounds = bounds[candidates]
        values = bounds.float().numpy()
        found = Hits(candidates.numpy(), values >= limit, values)
        if np.count_nonzero(found.mask) > FEW:
            return None
        rows, columns = np.divmod(np.flatnonzero(found.mask), found.mask.shape[1])
        values = dots(self.unit, numbers(above, found.rows[rows]), numbers(across, columns))
        found.values[rows, columns] = values
        found.mask[rows, columns] = values >= self.threshold - BORDER
        return found

    def _multiply(self, left: np.ndarray, right: np.ndarray, product: np.ndarray) -> None:
        torch.mm(as_tensor(left), as_tensor(right).T, out=torch.from_numpy(product))


def best_sketch(unit: np.ndarray, threshold: float, block_size: int) -> Sketch | None:
    """Returns the sketch that saves most for these rows on this machine; none may.

    What it saves depends on the rows (do a few axes hold most of their length?), the threshold and the processor (does
    it multiply bfloat16?), so each kind is tried on rows spread over all. It changes the time only, never a result.
    """
    spread = np.linspace(0, len(unit) - 1, 3 * block_size).astype(np.int64)
    # Axes fit the rows they are made of better than others, so they are tried on others.
    axes = principal_axes(unit[spread[::3]])
    sample = unit[np.concatenate([spread[1::3], spread[2::3]])]
    halves = slice(0, block_size), slice(block_size, 2 * block_size)
    rate = bfloat16_cost(sample[:512])
    dtype, rate = (torch.bfloat16, rate) if rate < _WORTHWHILE else (torch.float32, 1.0)
    best, cheapest = None, _WORTHWHILE * unit.shape[1]  # in numbers of a row multiplied in float32
    trial = TorchTiles(sample, threshold, block_size)
    for kind in kinds(axes, dtype):
        trial.sketch = Sketch(sample, kind)
        bounds, limit = trial.bounds(*halves)
        left = int(torch.count_nonzero(bounds >= limit))
        size = unit.shape[1] if kind.axes is None else kind.axes.shape[1] + 1
        cost = rate * size + unit.shape[1] * _FINISHING * left / block_size**2
        if left <= FEW // 2 and cost < cheapest:
            best, cheapest = kind, cost
    return None if best is None else Sketch(unit, best)


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Lets torch use so many threads for a while; None leaves its setting."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
