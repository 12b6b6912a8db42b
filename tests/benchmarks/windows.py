"""One window of 200 new instructions against a pool of 20,000, and against recomputing everything.

`--quick` takes a smaller pool.
"""

from functools import partial

import numpy as np

from fanno_hf.communities import detect_communities
from fanno_hf.instructing.distinct import find_near_repeats
from fanno_hf.texts.repeat import Repeat
from tests.benchmarks import RATIO, report, start, timed
from tests.benchmarks.communities import sparse_rows
from tests.communities import threshold_graph

WINDOW = 200
THRESHOLD = 0.7
Repeats = list[Repeat | None]


def pool_and_window(size: int) -> tuple[np.ndarray, np.ndarray]:
    """So many rows that do not repeat one another, as those of a pool, and new ones of which some repeat them."""
    rows = sparse_rows(2 * size)
    centres = sorted(members[0] for members in detect_communities(rows, THRESHOLD))
    others = np.setdiff1d(np.arange(len(rows)), centres[:size])
    return rows[centres[:size]], rows[np.random.default_rng(0).choice(others, WINDOW, replace=False)]


def from_all_rows(new: np.ndarray, quality: np.ndarray, pool: np.ndarray) -> Repeats:
    """The same function without a pool: its rows are simply the best ones."""
    everything = np.concatenate([pool, new])
    return find_near_repeats(everything, np.concatenate([np.full(len(pool), np.inf), quality]), THRESHOLD)[len(pool) :]


def from_graph(new: np.ndarray, quality: np.ndarray, pool: np.ndarray) -> Repeats:
    """From the graph of all rows, by tiles and with all that makes it fast."""
    graph = threshold_graph(np.concatenate([pool, new]), THRESHOLD)
    kept = np.arange(len(pool) + len(new)) < len(pool)
    found: Repeats = [None] * len(new)
    for row in np.argsort(-quality, kind="stable").tolist():
        ends = slice(*graph.indptr[len(pool) + row : len(pool) + row + 2])
        others, similarities = graph.indices[ends], graph.data[ends]
        if kept[others].any():
            best = np.argmax(np.where(kept[others], similarities, -2))
            found[row] = Repeat.at(int(others[best]), float(similarities[best]), len(pool))
        kept[len(pool) + row] = found[row] is None
    return found


def same(ours: Repeats, peer: Repeats) -> bool:
    """Whether the same rows repeat others, at least as similar ones in the peer: it prefers the window's to the pool's."""
    pairs = list(zip(ours, peer, strict=True))
    return all((a is None) == (b is None) for a, b in pairs) and all(
        b.similarity > a.similarity - 1e-5 for a, b in pairs if a
    )


def main(quick: bool) -> None:
    size = 5_000 if quick else 20_000
    pool, new = pool_and_window(size)
    quality = np.random.default_rng(0).random(WINDOW)
    window = partial(find_near_repeats, new, quality, THRESHOLD, pool)
    found = window()
    assert None in found and any(found), "nothing to tell apart"
    # The peers take seconds each: three pairs. From the graph there is no limit: 50 times is what the number of
    # products alone allows, and the graph does not compute all of them.
    for peer, limit in ((from_all_rows, 1 / 50), (from_graph, None)):
        again = partial(peer, new, quality, pool)
        same_rows = {"pairs": 3, "equal": same(found, again()), "limit": None if quick else limit}
        report(f"window_{peer.__name__}", size, timed(window), timed(again), unit=f"s{RATIO}", **same_rows)


if __name__ == "__main__":
    start(main)
