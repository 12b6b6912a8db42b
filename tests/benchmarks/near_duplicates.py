"""Near duplicates against datasketch's MinHashLSH and bare rensa, what is found, and the memory it takes.

Documents of 100 words drawn by Zipf's law; one in ten is a copy of another with up to five words changed. `--quick`
takes fewer documents.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from datasketch import MinHash, MinHashLSH
from rensa import RMinHash

from fanno_hf.texts.minhash import signatures
from fanno_hf.texts.near_duplicates import find_near_duplicates
from fanno_hf.texts.shingles import hash_shingles
from tests.benchmarks import report
from tests.texts.word_ngrams import shingles

WORDS, NUM_PERM, THRESHOLD = 100, 128, 0.7
BANDS = (32, 4)  # ours at this threshold; datasketch would choose bands that miss more
Found = list[tuple[int, float] | None]


def plant(count: int, seed: int = 0) -> tuple[list[str], list[tuple[int, int]]]:
    """Documents in random order, and the pairs (earlier, later) of a document and its copy."""
    rng = np.random.default_rng(seed)
    letters = "".join(map(chr, range(ord("a"), ord("z") + 1)))
    vocabulary = np.array(
        [*{"".join(rng.choice(list(letters), 2 + i % 9)): None for i in range(30_000)}], dtype=object
    )
    share = 1 / np.arange(1, len(vocabulary) + 1)
    drawn = rng.choice(len(vocabulary), size=(count, WORDS), p=share / share.sum()).astype(np.uint16)
    originals = rng.choice(count - count // 10, count // 10, replace=False)
    for copy, original in enumerate(originals, count - count // 10):
        drawn[copy] = drawn[original]
        changed = rng.choice(WORDS, rng.integers(0, 6), replace=False)
        drawn[copy, changed] = rng.integers(0, len(vocabulary), len(changed))
    order = rng.permutation(count)
    place = np.argsort(order)
    pairs = [(place[original], place[copy]) for copy, original in enumerate(originals, count - count // 10)]
    texts = [" ".join(vocabulary[drawn[row]]).capitalize() + "." for row in order]
    return texts, [(int(min(pair)), int(max(pair))) for pair in pairs]


def find_by_datasketch(texts: list[str]) -> Found:
    """The same rule: insert what is kept, query, compare by true Jaccard similarity in the order of the texts."""
    lsh = MinHashLSH(params=BANDS, num_perm=NUM_PERM)
    sets: list[set[str]] = []
    found: Found = []
    for index, text in enumerate(texts):
        sets.append(mine := shingles(text))
        sketch = sketch_by_datasketch(mine)
        similarities = (
            (other, len(mine & sets[other]) / len(mine | sets[other])) for other in sorted(lsh.query(sketch))
        )
        found.append(next((match for match in similarities if match[1] >= THRESHOLD), None))
        if found[-1] is None:
            lsh.insert(index, sketch)
    return found


def sketch_by_datasketch(tokens: set[str]) -> MinHash:
    sketch = MinHash(num_perm=NUM_PERM, seed=1)
    sketch.update_batch([token.encode() for token in tokens])
    return sketch


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds: other processes on the machine do not count."""
    started = time.process_time()
    run()
    return time.process_time() - started


def measure_signatures(count: int) -> None:
    """Of the same token sets, as hashes where no other form is named; datasketch hashes strings itself, with sha1."""
    texts, _ = plant(count)
    hashes, offsets = hash_shingles(texts, 3)
    hashed = np.split(hashes, offsets[1:-1])
    sets = [shingles(text) for text in texts]

    def bare() -> np.ndarray:
        flat = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), NUM_PERM, 0)
        return np.array(flat.to_rows(), dtype=np.uint32)

    def datasketch_hashed() -> list[MinHash]:
        empty = MinHash(num_perm=NUM_PERM, seed=1, hashfunc=lambda token: token & 0xFFFFFFFF)
        sketches = [empty.copy() for _ in hashed]
        for sketch, tokens in zip(sketches, hashed, strict=True):
            sketch.update_batch(tokens.tolist())
        return sketches

    ours = lambda: signatures(hashes, offsets, NUM_PERM, 0)  # noqa: E731
    ours_from_texts = lambda: signatures(*hash_shingles(texts, 3), NUM_PERM, 0)  # noqa: E731
    equal = np.array_equal(ours(), bare())
    for name, run, peer, limit in (
        ("signatures_against_rensa", ours, bare, 0.8),
        ("signatures_against_datasketch_strings", ours, lambda: [sketch_by_datasketch(tokens) for tokens in sets], 20),
        ("signatures_against_datasketch_hashed", ours, datasketch_hashed, None),
        ("signatures_from_texts", ours_from_texts, lambda: [sketch_by_datasketch(shingles(x)) for x in texts], None),
        (
            "signatures_from_texts_against_rensa",
            ours_from_texts,
            lambda: np.array(RMinHash.digest_matrix_from_token_sets(map(shingles, texts), NUM_PERM, 0).to_rows()),
            None,
        ),
    ):
        rate = lambda run=run: count / seconds(run)  # noqa: E731
        peer_rate = lambda peer=peer: count / seconds(peer)  # noqa: E731
        report(name, count, rate, peer_rate, limit=limit, unit="texts/s, limit on the ratio", equal=equal)


def measure_end_to_end(count: int, pairs: int) -> None:
    """Speed, whether both find the same, and how many of the planted copies ours finds."""
    texts, planted = plant(count)
    outputs: dict[str, Found] = {}
    timings: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(pairs):  # the peer takes a minute: the outputs that are compared are those of timed runs
        for name, find in (("ours", find_near_duplicates), ("peer", find_by_datasketch)):
            timings[name].append(seconds(lambda name=name, find=find: outputs.update({name: find(texts)})))
    equal = outputs["ours"] == outputs["peer"]
    ours, peer = (iter(timings[name]) for name in ("ours", "peer"))
    rate, peer_rate = (lambda: count / next(ours)), (lambda: count / next(peer))
    report(
        "near_duplicates",
        count,
        rate,
        peer_rate,
        limit=10,
        unit="texts/s, limit on the ratio",
        pairs=pairs,
        equal=equal,
    )

    near = [pair for pair in planted if jaccard(texts[pair[0]], texts[pair[1]]) >= THRESHOLD]
    share = sum(outputs["ours"][later] is not None for _, later in near) / len(near)
    report("planted_found", len(near), lambda: share, None, limit=1.0, unit="share", pairs=1, equal=equal)


def jaccard(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def print_bytes_per_text(count: int) -> None:
    """In a fresh process: what is added to its memory, at most, while near-duplicates are found."""
    texts, _ = plant(count)
    find_near_duplicates(texts[:100])
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak so far is that of making the texts
    before = peak_bytes()
    find_near_duplicates(texts)
    print((peak_bytes() - before) / count)


def peak_bytes() -> int:
    """The most memory this process ever had, or since its peak was reset."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def measure_memory(count: int) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.near_duplicates", "--memory", str(count)]
    run = lambda: float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: E731
    added = statistics.median(run() for _ in range(3))
    report("near_duplicates_memory", count, lambda: added, None, limit=None, unit="bytes/text", pairs=1)


def main(quick: bool) -> None:
    measure_signatures(2_000 if quick else 10_000)
    measure_end_to_end(5_000 if quick else 100_000, pairs=1 if quick else 3)
    for count in (10_000, 20_000) if quick else (100_000, 200_000):
        measure_memory(count)


if __name__ == "__main__":
    if "--memory" in sys.argv:
        print_bytes_per_text(int(sys.argv[-1]))
    else:
        main("--quick" in sys.argv[1:])
