"""Benchmarks: `python -m tests.benchmarks.<name>` prints one JSON line for each measure, ours and a peer in one run."""

import json
import statistics
from collections.abc import Callable


def report(
    name: str,
    size: int,
    ours: Callable[[], float],
    peer: Callable[[], float] | None,
    *,
    limit: float | None,
    unit: str,
    pairs: int = 5,
    equal: bool = True,
) -> None:
    """Runs ours and the peer in turn and prints the medians.

    Args:
        ours, peer: each returns one measurement in `unit`; None where no peer can do it at all.
        pairs: how often; fewer than five where a single measurement takes a minute of waiting.
        limit: what ours must reach, in `unit`.
        equal: whether both gave the same output; checked by the caller before anything is timed.
    """
    measured = [(ours(), peer() if peer else None) for _ in range(pairs)]
    our, other = (None if None in column else statistics.median(column) for column in zip(*measured, strict=True))
    line = {"name": name, "size": size, "ours": round(our, 4), "peer": None if other is None else round(other, 4)}
    line |= {"ratio": round(our / other, 3) if other else None, "limit": limit, "unit": unit, "equal": equal}
    print(json.dumps(line), flush=True)
