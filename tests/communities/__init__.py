"""Rows to find communities in."""

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from fanno_hf.communities import approximate, links
from fanno_hf.communities.cosines import unit_rows
from fanno_hf.communities.graph import link
from fanno_hf.communities.prepare import prepared_tiles
from fanno_hf.communities.workers import Call, Here


def clustered(rng: np.random.Generator, size: int, dim: int, centres: int, noise: float) -> np.ndarray:
    """Rows scattered around some centres, not of unit length; float32."""
    centre = rng.normal(size=(centres, dim))[rng.integers(0, centres, size)]
    return (centre + noise * rng.normal(size=(size, dim))).astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def decaying(size: int, dim: int = 384, seed: int = 1) -> np.ndarray:
    """Unit rows of which a few axes hold most of the length, as those of language models."""
    rows = clustered(np.random.default_rng(seed), size, dim, size // 5, 0.5) / np.sqrt(np.arange(1, dim + 1))
    return unit(rows).astype(np.float32)


def clear_threshold(rows: np.ndarray, wanted: float) -> float:
    """Returns a threshold just above `wanted` with no pair within 1e-5, so that float32 rounding decides nothing."""
    rows = unit(rows.astype(np.float64))
    gaps = np.sort(np.concatenate([[wanted], (rows @ rows.T).ravel(), [1.1]]))
    gaps = gaps[gaps >= wanted]
    start = gaps[np.argmax(np.diff(gaps) > 4e-5)]
    return start + 2e-5


def planted(sizes: tuple[int, ...], dim: int = 64, seed: int = 0) -> tuple[np.ndarray, list[set[int]]]:
    """Unit rows in clusters far from one another (cosine about 0.9 within one, 0 between two), mixed; and the clusters."""
    rng = np.random.default_rng(seed)
    cluster = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = np.eye(len(sizes), dim)[cluster] + 0.04 * rng.normal(size=(len(cluster), dim))
    return unit(rows).astype(np.float32), [
        set(np.flatnonzero(cluster == number).tolist()) for number in range(len(sizes))
    ]


def threshold_graph(rows: np.ndarray, threshold: float, block_size: int = 1024) -> csr_matrix:
    """Returns the graph of all rows, made as `detect_communities` makes it."""
    with prepared_tiles(unit_rows(rows), threshold, block_size, None) as tiles:
        return link(tiles, progress=False)


def compare_in_blocks(monkeypatch: pytest.MonkeyPatch, most: int, rows: int) -> None:
    """Lets workers compare from the first row on: blocks of `most` rows, and `rows` at a time for cells."""
    for module, name, value in ((links, "_MOST", most), (links, "_LEAST", 10), (approximate, "_ROWS", rows)):
        monkeypatch.setattr(module, name, value)
    for module in (links, approximate):
        monkeypatch.setattr(module, "SPREAD", 1)


class Elsewhere(Here):
    """Workers as other processes are: they get copies, a few calls at a time, and are not done in order."""

    cores = 3

    def __init__(self):
        self.put_values: list[Any] = []
        self.calls: list[tuple[str, tuple]] = []

    def put(self, value: Any) -> Any:
        """Returns a copy."""
        self.put_values.append(deepcopy(value))
        return self.put_values[-1]

    def each(self, function: Callable, calls: Iterable[Call]) -> Iterator[tuple[Any, Any]]:
        """Yields what the function gives, the last of a few calls first."""
        calls = iter(calls)
        while some := list(islice(calls, 2 * self.cores)):
            for key, given in reversed(some):
                self.calls.append((function.__name__, given))
                yield key, function(*deepcopy(given))
