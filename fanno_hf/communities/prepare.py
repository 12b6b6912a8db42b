"""Who multiplies the rows, and with how many threads.

3,000 rows  ->  numpy;  40,000 rows  ->  torch where it is installed, with a sketch if that saves time
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
from threadpoolctl import threadpool_limits

from fanno_hf.communities.tiles import Tiles

LARGE = 24  # tiles in a row from which on torch and a search for a sketch pay


@contextmanager
def prepared_tiles(unit: np.ndarray, threshold: float, block_size: int, threads: int | None) -> Iterator[Tiles]:
    """Gives tiles that multiply in the fastest way there is here; it changes the time only, never a result."""
    with threadpool_limits(threads, user_api="blas"):
        if len(unit) < LARGE * block_size or find_spec("torch") is None:
            yield Tiles(unit, threshold, block_size)
            return
        # torch takes a second or more to import
        from fanno_hf.communities.torch_tiles import TorchTiles, best_sketch, torch_threads

        with torch_threads(threads):
            yield TorchTiles(unit, threshold, block_size, best_sketch(unit, threshold, block_size))
