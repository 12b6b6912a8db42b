"""Finds texts that repeat an earlier text, exactly or nearly.

before  ["The cat sat on the mat today.", "A dog barked.", "the cat sat on  the mat TODAY", "The cat sat on the mat."]
after   [None, None, (0, 1.0), (0, 0.8)]     None is kept; (0, 0.8) repeats text 0, at a similarity of 0.8

Near-duplicates are found in three steps, each for those that the one before has left. Candidate pairs share a MinHash
band (Broder 1997; rensa's R-MinHash): one at the threshold is missed with a probability of at most 2 in 10,000, a closer
one more rarely. Most share one by chance, as the many texts of a large set do: their signatures tell. The others are
compared by their true Jaccard similarity, and only with texts that are kept: n copies of a template cost n comparisons,
and no list of pairs is built. (n texts just below the threshold are all kept, and cost n² / 2.)

The first step takes 4 bytes a band for each text (128 with the defaults), the second a byte a MinHash value, the third the
shingles of kept texts that resemble another, both for one batch of texts that share buckets. Texts and signatures are read
as they are needed, so they may stay on disk.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from fanno_hf.progress_bar import ProgressBar
from fanno_hf.texts.minhash import (
    ALONE,
    TOGETHER,
    band_keys,
    choose_bands,
    least_agreement,
    low_bytes,
    name_buckets,
    signatures,
    split_batches,
)
from fanno_hf.texts.repeat import Repeat
from fanno_hf.texts.shingles import hash_shingles, normalise

Sources = tuple[Sequence[str], Sequence[str]]  # the texts that are kept anyway, and those that are looked at


class Sketches(NamedTuple):
    """What n texts are compared by before their words are."""

    keys: np.ndarray  # of their bands: uint32, shape (n_bands, n); used up
    sizes: np.ndarray  # how many shingles each has: int64, shape (n,)
    signatures: Callable[[np.ndarray], np.ndarray]  # of m of them, by ascending indices: uint8, shape (m, num_perm)


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
        sketches: what `sketch` says of `against` and `texts`, where it is known already.

    Raises:
        ValueError: if `num_perm` is too small for the threshold.
    """
    sources, fixed = (against, texts), len(against)
    buckets, sizes, signed = sketches or _sketch_all(sources, threshold, ngram, num_perm, seed, progress)
    name_buckets(buckets, fixed)
    batches = split_batches(buckets, sizes)
    found: dict[int, tuple[int, float]] = {}
    with _bar("compare", sum(map(len, batches)), progress) as bar:
        for members in batches:
            found |= _compare(sources, members, buckets[:, members], signed(members), threshold, ngram)
            bar.update(len(members))
    places = range(fixed, fixed + len(texts))
    return [Repeat.at(*found[place], fixed) if place in found else None for place in places]


def _bar(what: str, total: int, progress: bool) -> ProgressBar:
    return ProgressBar(f"near duplicates: {what}", total, "texts", progress)


def sketch(
    texts: Sequence[str], threshold: float, ngram: int, num_perm: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns of each text the keys of its bands: uint32, shape (n, n_bands); how many shingles it has: int64, shape (n,); and its
    signature, of which the low bytes do: uint8, shape (n, num_perm).

    Two texts that may be near-duplicates share a key. Arguments and errors are those of `find_near_duplicates`.
    """
    bands = choose_bands(threshold, num_perm)
    keys, sizes = np.empty((len(texts), bands[0]), dtype=np.uint32), np.empty(len(texts), dtype=np.int64)
    signed = np.empty((len(texts), num_perm), dtype=np.uint8)
    for first in range(0, len(texts), TOGETHER):
        hashes, offsets = hash_shingles(texts[first : first + TOGETHER], ngram)
        part = slice(first, first + len(offsets) - 1)
        values = signatures(hashes, offsets, num_perm, seed)
        keys[part], signed[part] = band_keys(values, bands), low_bytes(values)
        sizes[part] = np.diff(offsets)
    return keys, sizes, signed


def _sketch_all(sources: Sources, threshold: float, ngram: int, num_perm: int, seed: int, progress: bool) -> Sketches:
    total = sum(map(len, sources))
    keys = np.empty((choose_bands(threshold, num_perm)[0], total), dtype=np.uint32)
    sizes, signed = np.empty(total, dtype=np.int64), np.empty((total, num_perm), dtype=np.uint8)
    with _bar("sketch", total, progress) as bar:
        for start, chunk in _read(sources):
            part = slice(start, start + len(chunk))
            mine, sizes[part], signed[part] = sketch(chunk, threshold, ngram, num_perm, seed)
            keys[:, part] = mine.T
            bar.update(len(chunk))
    return Sketches(keys, sizes, signed.__getitem__)


def _read(sources: Sources) -> Iterator[tuple[int, list[str]]]:
    """Yields the texts of one source after another, a slice at a time, each with the index of its first text."""
    base = 0
    for source in sources:
        for start in range(0, len(source), READ):
            yield base + start, source[start : start + READ]
        base += len(source)


def _compare(
    sources: Sources, members: np.ndarray, buckets: np.ndarray, signed: np.ndarray, threshold: float, ngram: int
) -> dict[int, tuple[int, float]]:
    """Returns, for each of `members` that repeats a kept text, the index of that text and their similarity.

    Args:
        members: indices of texts, ascending.
        buckets: theirs, shape (n_bands, n_members).
        signed: their signatures, shape (n_members, num_perm).
    """
    found: dict[int, tuple[int, float]] = {}
    kept_in: dict[int, list[int]] = defaultdict(list)  # bucket -> the places of its kept texts among the members
    bases = np.arange(len(buckets), dtype=np.uint64) << np.uint64(32)  # so that buckets of different bands differ
    least = least_agreement(threshold, signed.shape[1])
    shingles, marks = _Shingles(sources, ngram), np.zeros(2**16, dtype=bool)
    for place, (index, column) in enumerate(zip(members.tolist(), buckets.T, strict=True)):
        names = (column + bases)[column != ALONE].tolist()
        if index >= len(sources[0]):
            sharing = sorted(set(chain.from_iterable(kept_in[name] for name in names if name in kept_in)))
            alike = _alike(signed[place], signed, sharing, least)
            match = _first_match(index, members[alike].tolist(), shingles, threshold, marks) if alike else None
            if match is not None:
                found[index] = match
                del shingles[index]  # nothing is compared with it any more
                continue
        for name in names:
            kept_in[name].append(place)
    return found


def _alike(mine: np.ndarray, signed: np.ndarray, places: list[int], least: int) -> list[int]:
    """Returns those of some places whose signatures have at least so many values of this one."""
    if not places:
        return []
    agreeing = (signed[places] == mine).sum(axis=1)
    return [place for place, count in zip(places, agreeing.tolist(), strict=True) if count >= least]


class _Shingles(dict[int, np.ndarray]):
    """The shingles of texts that resemble another, by index: their hashes, each once, ascending. Made when they are asked for: of each
    text that is looked at, in their order, and of texts before it.
    """

    def __init__(self, sources: Sources, ngram: int):
        super().__init__()
        self._sources, self._ngram = sources, ngram
        self._start, self._slice = 0, list[str]()  # what was read last, from the text of this index on

    def __missing__(self, index: int) -> np.ndarray:
        hashes = np.sort(hash_shingles([self._text(index)], self._ngram)[0])
        self[index] = hashes[np.append(True, hashes[1:] != hashes[:-1])]
        return self[index]

    def _text(self, index: int) -> str:
        against, texts = self._sources
        source, place = (against, index) if index < len(against) else (texts, index - len(against))
        if index < self._start:
            return source[place : place + 1][0]
        if index >= self._start + len(self._slice):
            first = place - place % READ
            self._start, self._slice = index - place + first, source[first : first + READ]
        return self._slice[index - self._start]


def _first_match(
    index: int, candidates: list[int], shingles: _Shingles, threshold: float, marks: np.ndarray
) -> tuple[int, float] | None:
    """Returns the first candidate whose Jaccard similarity with a text reaches the threshold, and that similarity.

    `marks` is scratch space, shape (2**16,), all False before and after: the first 16 bits of the text's shingles, which
    bound how many a candidate can share with it.
    """
    mine = shingles[index]
    marks[mine >> np.uint64(48)] = True
    match = None
    for start in range(0, len(candidates), _BLOCK):
        block = [shingles[other] for other in candidates[start : start + _BLOCK]]
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
