"""Finds sets that may be similar without comparing all pairs: by MinHash signatures, cut into bands.

Sets A, B and C, two bands of two values: A = [7 1 | 4 9], B = [7 1 | 4 2], C = [3 1 | 4 2]  ->  A and B share a bucket
of the first band, B and C one of the second: the three are one batch, in which A is never compared with C.
"""

from itertools import chain

import numpy as np
from rensa import RMinHash
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import bdtr

from fanno_hf.texts.shingles import MULTIPLIER

# sets sketched at a time: rensa starts threads from 256 on (32, if RENSA_DOC_PAR_BATCH_SIZE says so), and a forked process would
# wait forever for those of its parent
TOGETHER = 31
ALONE = np.uint32(2**32 - 1)  # the bucket of a set that shares none
BATCH = 2**23  # members of the sets compared at a time: 64 MB
_MISS_RATE, _UNLIKE = 2e-4, 1e-6


def choose_bands(threshold: float, num_perm: int) -> tuple[int, int]:
    """Returns (bands, values per band) that miss a pair at the threshold with a probability of at most 2 in 10,000.

    miss = (1 - threshold**rows)**bands, with bands = num_perm // rows (Leskovec, Rajaraman, Ullman: Mining of Massive
    Datasets, 3.4.2). Of the bands that miss as little, the longest are taken: they propose the fewest other pairs.

    Raises:
        ValueError: no bands miss as little.
    """
    sure = [rows for rows in range(1, num_perm + 1) if (1 - threshold**rows) ** (num_perm // rows) <= _MISS_RATE]
    if not sure:
        raise ValueError(f"num_perm={num_perm} is too few to find pairs at a similarity of {threshold}; raise either")
    return num_perm // max(sure), max(sure)


def signatures(hashes: np.ndarray, offsets: np.ndarray, num_perm: int, seed: int) -> np.ndarray:
    """Returns the MinHash signatures of sets of hashes, uint32, shape (n, num_perm).

    Two sets agree in a value with a probability of their Jaccard similarity.

    Args:
        hashes: uint64; members may occur more than once.
        offsets: int64, shape (n + 1,): set i is hashes[offsets[i] : offsets[i + 1]].
    """
    result = np.empty((len(offsets) - 1, num_perm), dtype=np.uint32)
    for start in range(0, len(result), TOGETHER):
        part = offsets[start : start + TOGETHER + 1]
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            hashes[part[0] : part[-1]], (part - part[0]).astype(np.uint64), num_perm, seed
        )
        values = np.fromiter(chain.from_iterable(matrix.to_rows()), dtype=np.uint32, count=(len(part) - 1) * num_perm)
        result[start : start + TOGETHER] = values.reshape(-1, num_perm)
    return result


def band_keys(values: np.ndarray, bands: tuple[int, int]) -> np.ndarray:
    """Returns a key for each band of each signature: uint32, shape (n, n_bands)."""
    values = values[:, : bands[0] * bands[1]].reshape(len(values), *bands).astype(np.uint64)
    keys = np.zeros(values.shape[:2], dtype=np.uint64)
    for column in range(bands[1]):
        keys = (keys + values[:, :, column]) * MULTIPLIER
        keys ^= keys >> np.uint64(32)
    return keys.astype(np.uint32)  # two bands with the same key only cost a comparison


def low_bytes(values: np.ndarray) -> np.ndarray:
    """Returns the low byte of each value of signatures: uint8, of the same shape (b-bit minwise hashing, Li and König 2010).

    Two sets agree in a byte with a probability of their Jaccard similarity s, and by chance: s + (1 - s) / 256.
    """
    return values.astype(np.uint8)


def least_agreement(threshold: float, num_perm: int) -> int:
    """Returns the bytes in which two signatures agree at least if the sets are as similar as the threshold.

    A pair at the threshold agrees in fewer with a probability of at most one in a million, by the binomial distribution; where the
    bands alone miss 2 in 10,000, that is nothing.
    """
    return next(count for count in range(num_perm + 1) if bdtr(count, num_perm, threshold) > _UNLIKE)


def name_buckets(keys: np.ndarray, fixed: int) -> None:
    """Replaces each band key by the index of the first text that has it, or `ALONE`.

    Keys are uint32, shape (n_bands, n_texts), fewer than 2**32 - 1 texts, of which the first `fixed` are kept anyway: a
    bucket of these alone does not count.
    """
    for row in keys if keys.size else ():
        # one sort of key and index together is several times faster than an argsort, and keeps the texts in order
        packed = np.sort((row.astype(np.uint64) << np.uint64(32)) | np.arange(len(row), dtype=np.uint64))
        members, key = packed.astype(np.uint32), packed >> np.uint64(32)
        ends = np.append(np.flatnonzero(key[1:] != key[:-1]) + 1, len(key))
        starts = np.append(0, ends[:-1])
        is_shared = (ends - starts > 1) & (members[ends - 1] >= fixed)
        names = np.where(is_shared, members[starts], ALONE)
        row[members] = np.repeat(names, ends - starts)


def split_batches(buckets: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    """Returns the texts that share a bucket, in batches that share none: their indices, in ascending order.

    Texts linked by shared buckets, directly or through others, are in one batch. Without the last such group it has
    fewer than `BATCH` shingles.
    """
    active = np.flatnonzero((buckets != ALONE).any(axis=0))
    position = np.zeros(len(sizes), dtype=np.int64)
    position[active] = np.arange(len(active))
    labels, count = np.arange(len(active)), len(active)
    for row in buckets:  # band by band, so that the edges of one band alone are in memory
        members = np.flatnonzero(row[active] != ALONE)
        firsts = position[row[active[members]]]
        links = coo_array((np.ones(len(members), bool), (labels[members], labels[firsts])), shape=(count, count))
        count, merged = connected_components(links, directed=False) if count else (0, labels)
        labels = merged[labels]
    weights = np.bincount(labels, weights=sizes[active], minlength=count).astype(np.int64)
    batch = ((np.cumsum(weights) - weights) // BATCH)[labels]
    order = np.argsort(batch, kind="stable")
    cuts = np.flatnonzero(np.diff(batch[order])) + 1
    return [active[part] for part in np.split(order, cuts)] if len(active) else []
