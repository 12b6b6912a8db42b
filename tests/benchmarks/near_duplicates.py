"""Near duplicates against datasketch's MinHashLSH and bare rensa, what is found, and the memory it takes.

Documents of 100 words drawn by Zipf's law; one in ten is a copy of another with up to five words changed. `--quick`
takes fewer documents.
"""

import subprocess
import sys
from functools import partial

import numpy as np
from datasketch import MinHash, MinHashLSH
from rensa import RMinHash

from fanno_hf.texts.minhash import signatures
from fanno_hf.texts.near_duplicates import find_near_duplicates
from fanno_hf.texts.repeat import Repeat
from fanno_hf.texts.shingles import hash_shingles
from tests.benchmarks import RATIO, added_bytes, cpu_timed, once, report, start
from tests.texts.word_ngrams import shingles

WORDS, NUM_PERM, THRESHOLD = 100, 128, 0.7
BANDS = (32, 4)  # ours at this threshold; datasketch would choose bands that miss more
Found = list[Repeat | None]


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
        similar = (Repeat(other, jaccard(mine, sets[other]), False) for other in sorted(lsh.query(sketch)))
        found.append(next((match for match in similar if match.similarity >= THRESHOLD), None))
        if found[-1] is None:
            lsh.insert(index, sketch)
    return found


def sketch_by_datasketch(tokens: set[str]) -> MinHash:
    sketch = MinHash(num_perm=NUM_PERM, seed=1)
    sketch.update_batch([token.encode() for token in tokens])
    return sketch


def jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def measure_signatures(count: int) -> None:
    """Of the same token sets, as hashes; datasketch hashes strings itself, with sha1."""
    texts, _ = plant(count)
    hashes, offsets = hash_shingles(texts, 3)
    sets = [shingles(text) for text in texts]

    def bare() -> np.ndarray:
        flat = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), NUM_PERM, 0)
        return np.array(flat.to_rows(), dtype=np.uint32)

    ours = partial(signatures, hashes, offsets, NUM_PERM, 0)
    datasketch = lambda: [sketch_by_datasketch(tokens) for tokens in sets]  # noqa: E731
    equal = np.array_equal(ours(), bare())
    for name, peer, limit in (("rensa", bare, 1 / 0.8), ("datasketch_strings", datasketch, 1 / 20)):
        same = {"limit": limit, "unit": f"s of CPU{RATIO}", "equal": equal}
        report(f"signatures_against_{name}", count, cpu_timed(ours), cpu_timed(peer), **same)


def measure_end_to_end(count: int, pairs: int) -> None:
    """Speed, whether both find the same, and how many of the planted copies ours finds."""
    texts, planted = plant(count)
    # the peer takes a minute: the outputs that are compared are those of timed runs
    outputs: dict[str, Found] = {}
    ours = lambda: outputs.update(ours=find_near_duplicates(texts))  # noqa: E731
    peer = lambda: outputs.update(peer=find_by_datasketch(texts))  # noqa: E731
    seconds = {"ours": [], "peer": []}
    for _ in range(pairs):
        seconds["ours"].append(cpu_timed(ours)())
        seconds["peer"].append(cpu_timed(peer)())
    same = {"equal": outputs["ours"] == outputs["peer"], "pairs": pairs}
    taken = (iter(each).__next__ for each in seconds.values())
    report("near_duplicates", count, *taken, limit=1 / 10, unit=f"s of CPU{RATIO}", **same)
    near = [pair for pair in planted if jaccard(*(shingles(texts[i]) for i in pair)) >= THRESHOLD]
    share = sum(outputs["ours"][later] is not None for _, later in near) / len(near)
    once("planted_found", len(near), share, limit=1.0, unit="share")


def print_bytes_per_text(count: int) -> None:
    """In a fresh process: what is added to its memory, at most, while near-duplicates are found."""
    texts, _ = plant(count)
    find_near_duplicates(texts[:100])
    print(added_bytes(lambda: find_near_duplicates(texts)) / count)


def main(quick: bool) -> None:
    measure_signatures(2_000 if quick else 10_000)
    measure_end_to_end(5_000 if quick else 100_000, pairs=1 if quick else 3)
    for count in (10_000, 20_000) if quick else (100_000, 200_000):
        command = [sys.executable, "-m", "tests.benchmarks.near_duplicates", "--memory", str(count)]
        added = lambda command=command: float(subprocess.check_output(command))  # noqa: E731
        report("near_duplicates_memory", count, added, unit="bytes/text", pairs=3)


if __name__ == "__main__":
    if "--memory" in sys.argv:
        print_bytes_per_text(int(sys.argv[-1]))
    else:
        start(main)
