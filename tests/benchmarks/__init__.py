"""Benchmarks: `python -m tests.benchmarks.<name>` prints one JSON line for each measure, ours and a peer in one run."""

import json
import logging
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

RATIO = "; the limit is for the ratio"


def report(
    name: str,
    size: int,
    ours: Callable[[], float],
    peer: Callable[[], float] | None = None,
    *,
    limit: float | None = None,
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


def once(name: str, size: int, value: float, **options) -> None:
    """Prints a value that is measured once and has no peer."""
    report(name, size, lambda: value, pairs=1, **options)


def timed(work: Callable[..., object], *given, clock: Callable[[], float] = time.perf_counter) -> Callable[[], float]:
    """A measure: the seconds that `work(*given)` takes."""

    def measure() -> float:
        started = clock()
        work(*given)
        return clock() - started

    return measure


cpu_timed = partial(timed, clock=time.process_time)
"""The same in CPU seconds of this process: others on the machine do not count."""


def added_bytes(work: Callable[[], object]) -> int:
    """How far the resident memory of this process rises while `work` is done."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = _resident("VmRSS")
    work()
    return _resident("VmHWM") - before


def _resident(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


def start(main: Callable[[bool], None]) -> None:
    """Calls `main(quick)` without a word from the libraries; `--quick` asks for small sizes."""
    import datasets

    logging.getLogger("fanno_hf").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    main("--quick" in sys.argv[1:])
