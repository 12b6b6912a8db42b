"""Benchmarks: `python -m tests.benchmarks.<name>` prints one JSON line for each measure, ours and a peer in one run."""

import json
import statistics
from collections.abc import Callable


def report(
    name: str,
    size: int,
    ours: Callable[[], float],
    peer: Callable[[], float],
    *,
    limit: float,
    unit: str,
    pairs: int = 5,
    equal: bool = True,
) -> None:
    """Runs ours and the peer in turn, at least five times each, and prints the medians.

    Args:
        ours, peer: each returns one measurement in `unit`.
        limit: what ours must reach, in `unit`.
        equal: whether both gave the same output; checked by the caller before anything is timed.
    """
    measured = [(ours(), peer()) for _ in range(pairs)]
    our, other = (statistics.median(column) for column in zip(*measured, strict=True))
    line = {"name": name, "size": size, "ours": round(our, 4), "peer": round(other, 4)}
    line |= {"ratio": round(our / other, 3) if other else None, "limit": limit, "unit": unit, "equal": equal}
    print(json.dumps(line), flush=True)
