"""Finds texts that repeat an earlier text, exactly or nearly.

before  ["The cat sat on the mat today.", "A dog barked.", "the cat sat on  the mat TODAY", "The cat sat on the mat."]
after   [None, None, (0, 1.0), (0, 0.8)]     None is kept; (0, 0.8) repeats text 0, at a similarity of 0.8

Near-duplicates are found in two passes. Candidate pairs share a MinHash band (Broder 1997; rensa's R-MinHash): one at
the threshold is missed with a probability of at most 2 in 10,000, a closer one more rarely. Candidates are then
compared by their true Jaccard similarity, and only with texts that are kept: n copies of a template cost n comparisons,
and no list of pairs is built. (n texts just below the threshold are all kept, and cost n² / 2.)

The first pass takes 4 bytes a band for each text (128 with the defaults), the second the shingles of one batch of kept
texts that share buckets. Texts are read in slices, so they may stay on disk.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from tqdm import tqdm

from fanno_hf.texts.minhash import ALONE, TOGETHER, band_keys, choose_bands, name_buckets, signatures, split_batches
from fanno_hf.texts.repeat import Repeat
from fanno_hf.texts.shingles import hash_shingles, normalise

Sources = tuple[Sequence[str], Sequence[str]]  # the texts that are kept anyway, and those that are looked at

Sketches = tuple[np.ndarray, np.ndarray]  # band keys, and how many shingles there are

READ = 4096  # texts read at a time
_BLOCK = 256  # candidates compared at a time


def find_exact_duplicates(
    texts: Sequence[str], against: Sequence[str] = (), keys: np.ndarray | None = None
) -> list[Repeat | None]:
    """Finds for each text the first one it equals once normalised; None where it is the first of its kind.

    Texts of `against` are kept anyway and come before `texts` (`Repeat.in_pool`). Each is a list, or anything else that
    has a length and slices, such as a column of a data set.

    Args:
        keys: of `exact_keys` for `against` and `texts`, where they are known already.
    """
    if keys is None:
        keys = np.concatenate(
            [np.zeros((0, 2), np.uint64), *(exact_keys(part) for _, part in _read((against, texts)))]
        )
    order = np.lexsort(keys.T)  # stable: of equal texts the first comes first
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    first = np.empty_like(order)
    first[order] = order[np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))]
    fixed = len(against)
    return [None if first[i] == i else Repeat.at(int(first[i]), 1.0, fixed) for i in range(fixed, len(first))]


def exact_keys(texts: Sequence[str]) -> np.ndarray:
    """Returns a key of each text, the same for those that are equal once normalised: uint64, shape (n, 2)."""
    encoded = (normalise(text).encode("utf-8", "surrogatepass") for text in texts)
    joined = b"".join(hashlib.blake2b(text, digest_size=16).digest() for text in encoded)
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 2)


def find_near_duplicates(
    texts: Sequence[str],
    threshold: float = 0.7,
    ngram: int = 3,
    num_perm: int = 128,
    seed: int = 0,
    against: Sequence[str] = (),
    progress: bool = False,
    sketches: Sketches | None = None,
) -> list[Repeat | None]:
    """Finds the texts to drop so that no two of those kept are near-duplicates.

    Texts are taken in order. One is dropped only if its Jaccard similarity to an earlier text that is itself KEPT
    reaches the threshold; it repeats the first such text. In a chain A ~ B ~ C where A and C differ, B is dropped and
    C is kept; union-find over the pairs would drop C too. Returns for each text None if it is kept, else the kept text
    that it repeats (`in_pool`: a text of `against`) and their Jaccard similarity.

    Args:
        threshold: Jaccard similarity of the shingle sets from which a text is a near-duplicate, in (0, 1].
        ngram: words per shingle, at least 1.
        num_perm: MinHash values per text. At thresholds below 0.6 more of them make longer bands, and so
            fewer needless comparisons.
        against: texts that are kept anyway; they come before `texts` and are not compared with one another.
        sketches: what `sketch` says of `against` and `texts`, where it is known already: the keys, turned (shape (n_bands, n)) and
            used up, and the sizes.

    Raises:
        ValueError: if `num_perm` is too small for the threshold.
    """
    sources, fixed = (against, texts), len(against)
    buckets, sizes = sketches or _sketch_all(sources, threshold, ngram, num_perm, seed, progress)
    name_buckets(buckets, fixed)
    batches = split_batches(buckets, sizes)
    found: dict[int, tuple[int, float]] = {}
    with _bar("compare", sum(map(len, batches)), progress) as bar:
        for members in batches:
            found |= _compare(sources, members, buckets, threshold, ngram)
            bar.update(len(members))
    places = range(fixed, fixed + len(texts))
    return [Repeat.at(*found[place], fixed) if place in found else None for place in places]


def _bar(what: str, total: int, progress: bool) -> tqdm:
    return tqdm(desc=f"near duplicates: {what}", total=total, unit=" texts", leave=False, disable=not progress)


def sketch(texts: Sequence[str], threshold: float, ngram: int, num_perm: int, seed: int) -> Sketches:
    """Returns the keys of each text: uint32, shape (n, n_bands), and how many shingles it has: int64, shape (n,).

    Two texts that may be near-duplicates share a key. Arguments and errors are those of `find_near_duplicates`.
    """
    bands = choose_bands(threshold, num_perm)
    keys, sizes = np.empty((len(texts), bands[0]), dtype=np.uint32), np.empty(len(texts), dtype=np.int64)
    for first in range(0, len(texts), TOGETHER):
        hashes, offsets = hash_shingles(texts[first : first + TOGETHER], ngram)
        part = slice(first, first + len(offsets) - 1)
        keys[part] = band_keys(signatures(hashes, offsets, num_perm, seed), bands)
        sizes[part] = np.diff(offsets)
    return keys, sizes


def _sketch_all(sources: Sources, threshold: float, ngram: int, num_perm: int, seed: int, progress: bool) -> Sketches:
    total = sum(map(len, sources))
    keys = np.empty((choose_bands(threshold, num_perm)[0], total), dtype=np.uint32)
    sizes = np.empty(total, dtype=np.int64)
    with _bar("sketch", total, progress) as bar:
        for start, chunk in _read(sources):
            part = slice(start, start + len(chunk))
            mine, sizes[part] = sketch(chunk, threshold, ngram, num_perm, seed)
            keys[:, part] = mine.T
            bar.update(len(chunk))
    return keys, sizes


def _read(sources: Sources) -> Iterator[tuple[int, list[str]]]:
    """Yields the texts of one source after another, a slice at a time, each with the index of its first text."""
    base = 0
    for source in sources:
        for start in range(0, len(source), READ):
            yield base + start, source[start : start + READ]
        base += len(source)


def _compare(
    sources: Sources, members: np.ndarray, buckets: np.ndarray, threshold: float, ngram: int
) -> dict[int, tuple[int, float]]:
    """Returns, for each of `members` that repeats a kept text, the index of that text and their similarity."""
    found: dict[int, tuple[int, float]] = {}
    kept: dict[int, np.ndarray] = {}
    kept_in: dict[int, list[int]] = defaultdict(list)  # bucket -> its kept texts
    bases = np.arange(len(buckets), dtype=np.uint64) << np.uint64(32)  # so that buckets of different bands differ
    marks = np.zeros(2**16, dtype=bool)
    for start, chunk in _read(sources):
        mine = members[slice(*np.searchsorted(members, [start, start + len(chunk)]))].tolist()
        if not mine:
            continue
        for index, hashes in zip(mine, _shingle_sets([chunk[i - start] for i in mine], ngram), strict=True):
            column = buckets[:, index]
            names = (column + bases)[column != ALONE].tolist()
            if index >= len(sources[0]):
                candidates = sorted(set(chain.from_iterable(kept_in[name] for name in names if name in kept_in)))
                match = _first_match(hashes, candidates, kept, threshold, marks)
                if match is not None:
                    found[index] = match
                    continue
            kept[index] = hashes
            for name in names:
                kept_in[name].append(index)
    return found


def _shingle_sets(texts: list[str], ngram: int) -> Iterator[np.ndarray]:
    for start in range(0, len(texts), TOGETHER):
        hashes, offsets = hash_shingles(texts[start : start + TOGETHER], ngram)
        yield from (np.unique(hashes[begin:end]) for begin, end in zip(offsets[:-1], offsets[1:], strict=True))


def _first_match(
    mine: np.ndarray, candidates: list[int], kept: dict[int, np.ndarray], threshold: float, marks: np.ndarray
) -> tuple[int, float] | None:
    """Returns the first candidate whose Jaccard similarity with a text reaches the threshold, and that similarity.

    `marks` is scratch space, shape (2**16,), all False before and after: the first 16 bits of the text's shingles, which
    bound how many a candidate can share with it.
    """
    marks[mine >> np.uint64(48)] = True
    match = None
    for start in range(0, len(candidates), _BLOCK):
        block = [kept[other] for other in candidates[start : start + _BLOCK]]
        sizes = np.array([len(other) for other in block])
        marked = marks[np.concatenate(block) >> np.uint64(48)]
        most = np.add.reduceat(marked, np.cumsum(sizes) - sizes, dtype=np.int64)
        for i in np.flatnonzero(most / (len(mine) + sizes - most) >= threshold).tolist():
            common = len(np.intersect1d(mine, block[i], assume_unique=True))
            similarity = common / (len(mine) + len(block[i]) - common)
            if similarity >= threshold:
                match = candidates[start + i], similarity
                break
        if match:
            break
    marks[mine >> np.uint64(48)] = False
    return match
