"""Finds texts that repeat an earlier text, exactly or nearly.

before  ["The cat sat on the mat today.", "A dog barked.", "the cat sat on  the mat TODAY", "The cat sat on the mat."]
after   [None, None, (0, 1.0), (0, 0.8)]     None is kept; (0, 0.8) repeats text 0, at a similarity of 0.8

Near-duplicates are found in two steps. Candidate pairs share a MinHash band (Broder 1997; rensa's R-MinHash): one at
the threshold is missed with a probability of at most 5 % (1 % with the defaults), a closer one more rarely. Candidates
are then compared by their true Jaccard similarity, and only with texts that are kept: n copies of a template cost n
comparisons, and no list of pairs is built. (n texts just less alike than the threshold are all kept, and cost n² / 2.)
"""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from rensa import RMinHash

from fanno_hf.segment import words

_CHUNK = 4096  # texts sketched at a time; bounds the Python integers alive at once
_BLOCK = 256  # candidates compared at a time
_MISS_RATE = 0.05


def normalise(text: str) -> str:
    """Returns the form in which exact duplicates are equal: NFKC, case folded, runs of whitespace one space.

    >>> normalise(" Ｆｕｌｌ  Straße\\n")
    'full strasse'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shingles(text: str, ngram: int = 3) -> set[str]:
    """Returns the word n-grams of a normalised text, punctuation left out.

    Each character of a script without spaces is a word. A text of fewer than `ngram` words is one shingle, the whole
    of it.

    >>> sorted(shingles("The cat sat, too.", ngram=3))
    ['cat sat too', 'the cat sat']

    Raises:
        ValueError: if `ngram` is less than 1.
    """
    if ngram < 1:
        raise ValueError(f"ngram must be at least 1 word, got {ngram}")
    text = normalise(text)
    found = words(text)
    if len(found) < ngram:
        return {" ".join(found) or text}  # a text of punctuation alone still differs from others
    return set(map(" ".join, zip(*(found[i:] for i in range(ngram)), strict=False)))


def find_exact_duplicates(texts: Iterable[str]) -> list[int | None]:
    """Returns for each text the index of the first text it equals once normalised, or None if it is that first one."""
    first: dict[bytes, int] = {}
    found: list[int | None] = []
    for index, text in enumerate(texts):
        original = first.setdefault(hashlib.blake2b(normalise(text).encode(), digest_size=16).digest(), index)
        found.append(None if original == index else original)
    return found


def find_near_duplicates(
    texts: Sequence[str], threshold: float = 0.7, ngram: int = 3, num_perm: int = 128, seed: int = 0
) -> list[tuple[int, float] | None]:
    """Finds the texts to drop so that no two of those kept are near-duplicates.

    Texts are taken in order. One is dropped only if its Jaccard similarity to an earlier text that is itself KEPT
    reaches the threshold; the first such text is the one it repeats. So in a chain A ~ B ~ C where A and C differ, B
    goes and C stays: union-find over the pairs would drop C for a likeness it does not have.

    Args:
        texts: the texts.
        threshold: Jaccard similarity of the shingle sets from which a text is a near-duplicate, in (0, 1].
        ngram: words per shingle, at least 1.
        num_perm: MinHash values per text, at least 1; more find more pairs at low thresholds.
        seed: of the hash functions, in [0, 2**64).

    Returns:
        For each text None if it is kept, else the index of the kept text it repeats and their Jaccard similarity.

    Raises:
        ValueError: if an argument is out of range, or `num_perm` too small for the threshold.
    """
    _check(threshold, ngram, num_perm, seed)
    hashes, keys = _sketch(texts, ngram, num_perm, seed, _bands(threshold, num_perm))
    buckets_of = _shared_buckets(keys)
    members, size = _number([hashes[index] for index in buckets_of])
    numbers, marks = dict(zip(buckets_of, members, strict=True)), np.zeros(size, dtype=bool)
    kept_in: dict[int, list[int]] = defaultdict(list)  # bucket -> its kept texts
    found: list[tuple[int, float] | None] = [None] * len(texts)
    for index, buckets in buckets_of.items():
        candidates = sorted(set().union(*(kept_in[bucket] for bucket in buckets)))
        found[index] = _first_match(numbers, index, candidates, threshold, marks)
        if found[index] is None:
            for bucket in buckets:
                kept_in[bucket].append(index)
    return found


def _check(threshold: float, ngram: int, num_perm: int, seed: int) -> None:
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is a Jaccard similarity above 0 and at most 1, got {threshold}")
    if ngram < 1:
        raise ValueError(f"ngram must be at least 1 word, got {ngram}")
    if num_perm < 1:
        raise ValueError(f"num_perm must be at least 1, got {num_perm}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be in [0, 2**64), got {seed}")


def _bands(threshold: float, num_perm: int) -> tuple[int, int]:
    """Returns (bands, values per band) that miss a pair at the threshold with a probability of at most 5 %.

    miss = (1 - threshold**rows)**bands, with bands = num_perm // rows (Leskovec, Rajaraman, Ullman: Mining of Massive
    Datasets, 3.4.2). Of the bands sure enough the longest are taken: they bring the fewest pairs below the threshold.
    """
    sure = [rows for rows in range(1, num_perm + 1) if (1 - threshold**rows) ** (num_perm // rows) <= _MISS_RATE]
    if not sure:
        raise ValueError(f"num_perm={num_perm} is too few to find pairs at a similarity of {threshold}; raise either")
    return num_perm // max(sure), max(sure)


def _sketch(
    texts: Sequence[str], ngram: int, num_perm: int, seed: int, bands: tuple[int, int]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns each text's distinct shingle hashes (uint64) and its band keys (uint64, shape (n_texts, n_bands))."""
    hashes: list[np.ndarray] = []
    keys = np.zeros((len(texts), bands[0]), dtype=np.uint64)
    for start in range(0, len(texts), _CHUNK):
        chunk = RMinHash.hash_token_sets([shingles(text, ngram) for text in texts[start : start + _CHUNK]])
        rows = RMinHash.digest_matrix_from_token_hash_sets(chunk, num_perm, seed).to_rows()
        values = np.array(rows, dtype=np.uint64)[:, : bands[0] * bands[1]].reshape(len(chunk), *bands)
        part = keys[start : start + _CHUNK]
        for column in range(bands[1]):  # two bands with one key would cost a comparison, no more
            part[:] = part * np.uint64(0x9E3779B97F4A7C15) + values[:, :, column]
        hashes += [np.unique(np.array(row, dtype=np.uint64)) for row in chunk]
    return hashes, keys


def _shared_buckets(keys: np.ndarray) -> dict[int, list[int]]:
    """Returns, in text order, the buckets a text shares with another; a bucket is all texts with one key in a band."""
    buckets: dict[int, list[int]] = defaultdict(list)
    size = len(keys)
    for band in range(keys.shape[1]):
        _, bucket, counts = np.unique(keys[:, band], return_inverse=True, return_counts=True)
        shared = np.flatnonzero(counts[bucket] > 1)
        for index, name in zip(shared.tolist(), (bucket[shared] + band * size).tolist(), strict=True):
            buckets[index].append(name)
    return dict(sorted(buckets.items()))


def _number(hashes: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Returns the same sets with their members numbered from 0 (int64), and how many numbers there are."""
    if not hashes:
        return [], 0
    distinct, numbers = np.unique(np.concatenate(hashes), return_inverse=True)
    return np.split(numbers, np.cumsum([len(row) for row in hashes])[:-1]), len(distinct)


def _first_match(
    numbers: dict[int, np.ndarray], index: int, candidates: list[int], threshold: float, marks: np.ndarray
) -> tuple[int, float] | None:
    """Returns the first candidate whose Jaccard similarity with the text reaches the threshold, and that similarity.

    Args:
        numbers: the shingles of each text, as numbers below `len(marks)`.
        index: the text.
        candidates: the texts to compare it with.
        threshold: in (0, 1].
        marks: all False, before and after; scratch space to tell which shingles the text has.
    """
    mine = numbers[index]
    marks[mine] = True
    match = None
    for start in range(0, len(candidates), _BLOCK):
        block = candidates[start : start + _BLOCK]
        sizes = np.array([len(numbers[other]) for other in block])
        has = marks[np.concatenate([numbers[other] for other in block])]
        common = np.add.reduceat(has, np.cumsum(sizes) - sizes, dtype=np.int64)
        similarity = common / (len(mine) + sizes - common)
        reached = np.flatnonzero(similarity >= threshold)
        if len(reached):
            match = block[reached[0]], float(similarity[reached[0]])
            break
    marks[mine] = False
    return match
