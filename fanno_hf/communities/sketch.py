"""A cheap upper bound of every similarity, so that most pairs never need the exact one.

384 numbers a row in float32  ->  96 in bfloat16, whose product is never smaller than the similarity less a slack
"""

import math
import time
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from fanno_hf.communities.cosines import Part

# Rounding to bfloat16 changes a number by at most 1/512 of it, so the product of two unit rows by at most 1/256; the
# hundredth more is for the sum in float32.
_SLACK = {torch.bfloat16: 1.01 / 256, torch.float32: 1e-5}
_SHARE = 1 / 6  # of the memory of the rows, that heads may take
_AXES = (31, 63, 95, 127)  # with the tail they make sizes that processors multiply well
_CHUNK = 256  # rows rotated in float64 at a time


class Kind(NamedTuple):
    """How rows are made small: the type of their numbers and, unless None, the dimensions to turn them to."""

    dtype: torch.dtype
    axes: np.ndarray | None


class Sketch:
    """Shorter rows that bound the similarities of full ones.

    A row x is turned to the principal axes and cut into head and tail. By Cauchy and Schwarz
    x·y = head(x)·head(y) + tail(x)·tail(y) <= [head(x), |tail(x)|] · [head(y), |tail(y)|],
    which is a product of as many numbers as there are axes, and one more.

    Args:
        kind: with axes, float64, shape (dim, n_axes), orthonormal columns, the heads of all rows are held; without,
            rows are rounded when they are needed.
    """

    def __init__(self, unit: np.ndarray, kind: Kind):
        self._unit, self.kind = unit, kind

    @cached_property
    def _heads(self) -> torch.Tensor:  # when they are needed: not where others compare
        return _heads(self._unit, self.kind)

    def take(self, part: Part) -> torch.Tensor:
        """Returns the sketches of some rows."""
        return as_tensor(self._unit[part]).to(self.kind.dtype) if self.kind.axes is None else self._heads[part]

    def limit(self, threshold: float) -> float:
        """Returns what the product of two sketches reaches if the similarity of their rows is at least `threshold`.

        The product itself is rounded too. Rounding keeps order, so rounding the limit makes up for it.
        """
        return float(torch.tensor(threshold - _SLACK[self.kind.dtype], dtype=torch.float64).to(self.kind.dtype))


def as_tensor(rows: np.ndarray) -> torch.Tensor:
    """Returns the rows as a tensor, copied only where they are read-only, which torch does not know."""
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def principal_axes(rows: np.ndarray) -> np.ndarray:
    """Returns the axes that hold most of the rows' length, those that hold most first: float64, shape (dim, dim)."""
    return np.linalg.eigh((rows.T @ rows).astype(np.float64))[1][:, ::-1]


def kinds(axes: np.ndarray, dtype: torch.dtype) -> list[Kind]:
    """Returns the kinds of sketches worth a try; `axes`: float64, shape (dim, dim), the most important first."""
    most = 4 * len(axes) * _SHARE / dtype.itemsize
    turned = [Kind(dtype, axes[:, :size]) for size in _AXES if size + 1 <= most]
    return turned if dtype == torch.float32 else [Kind(dtype, None), *turned]


def bfloat16_cost(rows: np.ndarray) -> float:
    """Returns how long a product in bfloat16 takes, as a multiple of the same in float32; above 1 on old processors."""
    best = dict.fromkeys(_SLACK, math.inf)
    for dtype in list(_SLACK) * 5:
        sketch = torch.from_numpy(rows).to(dtype)
        started = time.perf_counter()
        torch.mm(sketch, sketch.T)
        best[dtype] = min(best[dtype], time.perf_counter() - started)
    return best[torch.bfloat16] / best[torch.float32]


def _heads(unit: np.ndarray, kind: Kind) -> torch.Tensor:
    heads = torch.empty((len(unit), kind.axes.shape[1] + 1), dtype=kind.dtype)
    for start in range(0, len(unit), _CHUNK):
        rows = unit[start : start + _CHUNK].astype(np.float64)
        head = rows @ kind.axes
        tail = np.einsum("ij,ij->i", rows, rows) - np.einsum("ij,ij->i", head, head)
        head = np.column_stack([head, np.sqrt(np.maximum(tail, 0))])
        heads[start : start + _CHUNK] = torch.from_numpy(head)
    return heads
