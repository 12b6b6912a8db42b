"""Rows that can be compared: checked, float32, of unit length.

[[3, 4], [0, 2]]  ->  [[0.6, 0.8], [0, 1]]
"""

import numpy as np

Part = slice | np.ndarray  # some of the rows: a range of them, or their indices

# float32 products of unit rows are off by about 1e-6: pairs this near the threshold are decided in float64.
BORDER = 1e-5
NOISE = 1e-12  # of float64: equal rows must reach a threshold of 1
_UNIT = 1e-6  # rows whose length is this near 1 are taken as they are
_CHUNK = 128  # rows or pairs looked at together: more leave the processor's cache and take three times as long


def unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Returns the rows divided by their length: float32, shape (n_rows, dim).

    Rows that are float32 and of unit length already are returned as they are, without a copy: an array mapped from a
    file stays on the disk.

    Raises:
        ValueError: if the array is not two-dimensional, or a row is all zeros or not finite.
    """
    embeddings = np.asarray(embeddings, dtype=np.float32)
    if len(embeddings) == 0:
        return np.zeros((0, 1), dtype=np.float32)
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings must have shape (n_rows, dim), got {embeddings.shape}")
    lengths = np.empty(len(embeddings))
    for start in range(0, len(embeddings), _CHUNK):
        part = embeddings[start : start + _CHUNK].astype(np.float64)
        lengths[start : start + _CHUNK] = np.sqrt(np.einsum("ij,ij->i", part, part))
    for bad, what in ((~np.isfinite(lengths), "is not finite"), (lengths == 0, "is all zeros")):
        if bad.any():
            raise ValueError(f"row {bad.argmax()} of the embeddings {what} ({bad.sum()} such); embed its text again")
    if np.abs(lengths - 1).max() <= _UNIT:
        return embeddings
    return embeddings / lengths.astype(np.float32)[:, None]


def numbers(part: Part, positions: np.ndarray) -> np.ndarray:
    """Returns which rows the positions in a part of them are."""
    return part.start + positions if isinstance(part, slice) else part[positions]


def dots(unit: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns the product of each pair of rows: float32, shape (n_pairs,)."""
    found = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        np.einsum("ij,ij->i", unit[rows[part]], unit[columns[part]], out=found[part])
    return found


def cosines(unit: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns the cosine similarity of each pair of rows, with their true lengths: float64, shape (n_pairs,).

    The value of a pair does not depend on the others, so equal rows are equally similar to a third one.
    """
    found = np.empty(len(rows))
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        a, b = unit[rows[part]].astype(np.float64), unit[columns[part]].astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b))
        found[part] = np.einsum("ij,ij->i", a, b) / lengths
    return found


def cosine_table(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns the cosine similarity of every row of `left` with every row of `right`: float64, shape (n, m)."""
    left, right = left.astype(np.float64), right.astype(np.float64)
    lengths = np.outer(np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1))
    return np.divide(left @ right.T, lengths, out=lengths)
