"""Communities and the graph of similar rows: against sentence-transformers and FAISS, in time, memory and output.

`--quick` takes fewer rows and cases. `--memory` is how this file measures one call in a process of its own.
"""

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import torch
from scipy.sparse import csr_matrix
from sentence_transformers.util import community_detection

from fanno_hf.communities import detect_communities
from tests.benchmarks import RATIO, added_bytes, once, report, start, timed
from tests.communities import threshold_graph

THRESHOLD = 0.7
THREADS = 2
DIM = 384
Communities = list[list[int]]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def sparse_rows(size: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    """Half of the rows in clusters of about five (cosine 0.8 to one another), half anywhere; in random order."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, size // 10), dim)).astype(np.float32)
    rows = rng.standard_normal((size, dim), dtype=np.float32)
    clustered = np.flatnonzero(rng.random(size) < 0.5)
    rows[clustered] *= 0.5
    rows[clustered] += centres[rng.integers(0, len(centres), len(clustered))]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def dense_rows(size: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    """Rows around five points 30 degrees apart on an arc: each is linked to its own point's and the next ones', 52 %.

    Cosines are near 0.91, 0.79 and 0.45, so no pair is near 0.7.
    """
    rng = np.random.default_rng(seed)
    angles = np.radians(30) * rng.integers(0, 5, size)
    rows = rng.standard_normal((size, dim), dtype=np.float32) * np.float32((0.1 / dim) ** 0.5)
    rows[:, 0] += np.cos(angles)
    rows[:, 1] += np.sin(angles)
    return unit(rows)


def scattered_rows(size: int, dim: int, seed: int) -> np.ndarray:
    """Rows around some points, not of unit length."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(1 + size // 6, dim))
    noise = (0.2, 0.6, 1.2)[seed % 3]
    return (centres[rng.integers(0, len(centres), size)] + noise * rng.normal(size=(size, dim))).astype(np.float32)


def sign_rows(size: int, dim: int, seed: int) -> np.ndarray:
    """Rows of +1 and -1: any share of the pairs can be linked without one near the threshold, and ties abound."""
    return np.random.default_rng(seed).choice(np.float32([-1, 1]), size=(size, dim))


def clear_threshold(rows: np.ndarray, linked: float) -> float | None:
    """Returns a threshold that about so large a share of the pairs reach, none within 1e-5 of it; None if none is."""
    if len(rows) < 2:
        return THRESHOLD
    rows = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    similarities = np.sort((rows @ rows.T)[np.triu_indices(len(rows), 1)])
    similarities = np.concatenate([[-1.0], similarities[np.abs(similarities) < 1 - 4e-5], [1.0]])
    gaps = np.flatnonzero(np.diff(similarities) > 4e-5)
    nearest = gaps[np.argmin(np.abs(gaps - (1 - linked) * len(similarities)))] if len(gaps) else None
    return None if nearest is None else float(similarities[nearest : nearest + 2].mean())


def same_but_for_ties(rows: np.ndarray, ours: Communities, theirs: Communities, tie: float = 1e-6) -> bool:
    """Whether the lists differ at most in the order of members that are equally similar to the centre.

    torch.topk leaves the order of equal values open.
    """
    if [(row[0], sorted(row)) for row in ours] != [(row[0], sorted(row)) for row in theirs]:
        return False
    rows = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return all(
        np.abs((rows[mine] - rows[other]) @ rows[mine[0]]).max() < tie
        for mine, other in zip(ours, theirs, strict=True)
    )


def cases(count: int) -> list[tuple[np.ndarray, float, int]]:
    """Rows, threshold and min_size of so many cases: 0 to 2,000 rows, from hardly any pair linked to half of them."""
    found, seed = [], 0
    while len(found) < count:
        rng = np.random.default_rng([1, seed])
        size, dim = int(rng.integers(0, 2001)), int(rng.choice([16, 48, 384]))
        kind = (sign_rows, scattered_rows, dense_rows, sparse_rows)[seed % 4]
        size = size if kind is not scattered_rows else size // 8  # more of them leave no gap between similarities
        rows = kind(size, dim, seed) if size else np.zeros((0, dim), dtype=np.float32)
        if seed % 3 == 0:
            rows[size // 2 : size // 2 + size // 4] = rows[: size // 4]  # exact copies: ties
        threshold = clear_threshold(rows, float(rng.choice([0.001, 0.01, 0.1, 0.5])))
        if threshold is not None:
            found.append((rows, threshold, (1, 2, 5)[seed % 5 % 3]))
        seed += 1
    return found


def compare_cases(count: int) -> None:
    """Prints how many cases give the same lists, to the letter and but for the order of ties."""
    literal = tied = 0
    for rows, threshold, min_size in cases(count):
        ours = detect_communities(rows, threshold, min_size)
        theirs = community_detection(rows, threshold=threshold, min_community_size=min_size)
        literal += ours == theirs
        tied += ours == theirs or same_but_for_ties(rows, ours, theirs)
    once("identical_lists", count, tied, limit=count, unit="cases identical but for the order of ties")
    once("identical_to_the_letter", count, literal, unit="cases")


def by_sentence_transformers(rows: np.ndarray) -> Communities:
    return community_detection(rows, threshold=THRESHOLD, min_community_size=1)


def compare_speed(name: str, rows: np.ndarray, limit: float | None) -> None:
    """Prints the seconds of ours and sentence-transformers, which takes 20 s and more for many rows: three pairs."""
    ours, peer = partial(detect_communities, rows, THRESHOLD), partial(by_sentence_transformers, rows)
    # The peer sorts by float32, off by 6e-7 at 384 numbers: of 12,000 members some 1.2e-6 apart are swapped.
    same = {"equal": same_but_for_ties(rows, ours(), peer(), tie=2e-6), "pairs": 3}
    report(name, len(rows), timed(ours), timed(peer), limit=limit, unit=f"s{RATIO}", **same)


def range_search(rows: np.ndarray) -> csr_matrix:
    """The same graph from FAISS, which takes what is strictly above the radius."""
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    bounds, values, columns = index.range_search(rows, np.nextafter(np.float32(THRESHOLD), np.float32(-np.inf)))
    graph = csr_matrix((values, columns, bounds.astype(np.int64)), shape=(len(rows), len(rows)))
    graph.sort_indices()
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph


def compare_graph(rows: np.ndarray, limit: float | None) -> None:
    ours, peer = partial(threshold_graph, rows, THRESHOLD), partial(range_search, rows)
    mine, other = ours(), peer()
    equal = (mine.indptr == other.indptr).all() and (mine.indices == other.indices).all()
    equal = bool(equal and np.abs(mine.data - other.data).max() < 1e-5)
    report("threshold_graph", len(rows), timed(ours), timed(peer), limit=limit, unit=f"s{RATIO}", equal=equal)


def peak_bytes(who: str, path: Path) -> int:
    """Peak of the resident memory of one call, less what was there before it, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.communities", "--memory", who, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def measure_memory(who: str, path: str) -> None:
    # the libraries' own memory, whatever the rows: threads, work buffers, compiled kernels, those of a sketch included
    if who == "ours":
        work = partial(detect_communities, threshold=THRESHOLD)
        work(sparse_rows(7_000), block_size=256)
    else:
        work = by_sentence_transformers
        work(sparse_rows(7_000))
    rows = np.load(path, mmap_mode="r")
    print(added_bytes(lambda: work(rows)))


def compare_memory(quick: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        size = 4_000 if quick else 20_000
        np.save(path, dense_rows(size))
        ours, peer = (lambda who=who: peak_bytes(who, path) / 1e6 for who in ("ours", "sentence-transformers"))
        # A third of a minute each, and memory hardly varies: one pair tells as much as five.
        report("dense_memory", size, ours, peer, limit=None if quick else 0.2, unit=f"MB{RATIO}", pairs=1)
        for name, make in (("sparse", sparse_rows), ("dense", dense_rows)):
            for size in (5_000, 10_000) if quick else (20_000, 40_000, 80_000):
                np.save(path, make(size))
                # some runs of one and the same call count 25 MB more, for a reason not found: the median of three
                share = lambda size=size: peak_bytes("ours", path) / (size * DIM * 4)  # noqa: E731
                limit = None if quick else 1.5
                report(f"memory_{name}", size, share, limit=limit, unit="of the rows' bytes", pairs=3)


def main(quick: bool) -> None:
    torch.set_num_threads(THREADS)
    faiss.omp_set_num_threads(THREADS)
    compare_cases(20 if quick else 200)
    size = 5_000 if quick else 40_000
    compare_speed("sparse", sparse_rows(size), None if quick else 0.333)
    compare_graph(sparse_rows(size), None if quick else 0.667)
    compare_speed("dense", dense_rows(size // 2), None if quick else 0.2)
    compare_memory(quick)


if __name__ == "__main__":
    if "--memory" in sys.argv[1:]:
        measure_memory(*sys.argv[2:])
    else:
        start(main)
