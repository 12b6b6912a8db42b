"""Groups embeddings into communities, picks one row of each, and finds nearest rows.

before  embeddings of ["Mosses have no roots.", "Tax is due in May.", "Moss has no root."]
after   detect_communities(embeddings, threshold=0.7) == [[0, 2], [1]]      the centre of each community comes first
"""

from collections.abc import Iterator, Sequence

import numpy as np

# float32 products of unit rows are off by about 1e-6: pairs this near the threshold are decided in float64.
_BORDER = 1e-5
_REFINED = 16_384  # pairs multiplied in float64 at a time
_PAIRS = 4_000_000  # neighbour pairs held at a time


def detect_communities(
    embeddings: np.ndarray, threshold: float = 0.7, min_size: int = 1, block_size: int = 1024
) -> list[list[int]]:
    """Finds the communities that `sentence_transformers.util.community_detection` (version 6.2) finds.

    N(i) is the rows whose cosine similarity to row i is at least the threshold, i among them. Rows are taken by
    falling |N(i)| (ties: lowest index). One that no community holds yet is the centre of a new one: what is left of
    N(i), if at least `min_size` rows are.

    Memory is O(n_rows * dim + block_size²), however many neighbours there are: one pass counts |N(i)| over the upper
    triangle of the similarities, a second one expands the centres only. Pairs within 1e-5 of the threshold are decided
    in float64, so no rounding changes who is in.

    Args:
        embeddings: float, shape (n_rows, dim); rows need not be of unit length.
        threshold: cosine similarity from which two rows are neighbours, in [-1, 1].
        min_size: the fewest members of a community, its centre included; 1 keeps rows without neighbours.
        block_size: rows and columns of similarities computed at a time.

    Returns:
        Lists of row indices, largest first (ties: in the order found), no row in two of them. The centre leads, the
        others follow by falling similarity to it (ties: lowest index).

    Raises:
        ValueError: if an argument is out of range, or a row is all zeros or not finite.
    """
    _check(threshold, min_size, block_size)
    unit = _unit_rows(embeddings)
    counts = _count_neighbours(unit, threshold, block_size)
    free = np.ones(len(unit), dtype=bool)
    communities = []
    for centre, members in _neighbourhoods(unit, counts, free, threshold, min_size, block_size):
        members = members[free[members]]
        if free[centre] and len(members) >= min_size:
            free[members] = False
            communities.append([centre, *members[members != centre].tolist()])
    return sorted(communities, key=len, reverse=True)


def representatives(communities: Sequence[Sequence[int]], priority: np.ndarray) -> list[int]:
    """Returns, in ascending order, the member of each community with the highest priority (ties: the lowest index).

    Args:
        communities: row indices; none of them empty.
        priority: shape (n_rows,), higher is better.
    """
    return sorted(min(members, key=lambda row: (-priority[row], row)) for members in communities)


def nearest(new: np.ndarray, old: np.ndarray, block_size: int = 4096) -> tuple[np.ndarray, np.ndarray]:
    """Finds the most similar old row of each new row.

    Args:
        new: float, shape (n_new, dim), rows of unit length.
        old: float, shape (n_old, dim), rows of unit length; may be empty.
        block_size: rows of each compared at a time; memory is O(block_size²).

    Returns:
        The index of the old row (int64, shape (n_new,); ties: the lowest) and its cosine similarity (float32, shape
        (n_new,)); -1 and -inf where there is no old row.

    Raises:
        ValueError: if the arrays are not two-dimensional or their dimensions differ.
    """
    indices = np.full(len(new), -1, dtype=np.int64)
    similarities = np.full(len(new), -np.inf, dtype=np.float32)
    if len(new) == 0 or len(old) == 0:
        return indices, similarities
    if new.ndim != 2 or old.ndim != 2 or new.shape[1] != old.shape[1]:
        raise ValueError(f"new and old embeddings must have rows of the same size, got {new.shape} and {old.shape}")
    for start in range(0, len(new), block_size):
        rows = slice(start, start + block_size)
        for first in range(0, len(old), block_size):
            block = new[rows] @ old[first : first + block_size].T
            best = block.argmax(axis=1)
            value = np.take_along_axis(block, best[:, None], axis=1)[:, 0]
            better = value > similarities[rows]
            indices[rows][better] = best[better] + first
            similarities[rows][better] = value[better]
    return indices, similarities


def _check(threshold: float, min_size: int, block_size: int) -> None:
    if not -1 <= threshold <= 1:
        raise ValueError(f"threshold is a cosine similarity in [-1, 1], got {threshold}")
    if min_size < 1:
        raise ValueError(f"min_size must be at least 1 row, got {min_size}")
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1 row, got {block_size}")


def _unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Returns the rows divided by their length: float32, shape (n_rows, dim)."""
    embeddings = np.asarray(embeddings, dtype=np.float32)
    if len(embeddings) == 0:
        return np.zeros((0, 1), dtype=np.float32)
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings must have shape (n_rows, dim), got {embeddings.shape}")
    lengths = np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings, dtype=np.float64))
    for bad, what in ((~np.isfinite(lengths), "is not finite"), (lengths == 0, "is all zeros")):
        if bad.any():
            raise ValueError(f"row {bad.argmax()} of the embeddings {what} ({bad.sum()} such); embed its text again")
    return embeddings / lengths.astype(np.float32)[:, None]


def _count_neighbours(unit: np.ndarray, threshold: float, block_size: int) -> np.ndarray:
    """Returns |N(i)| for each row: int64, shape (n_rows,)."""
    counts = np.zeros(len(unit), dtype=np.int64)
    for top in range(0, len(unit), block_size):
        above = unit[top : top + block_size]
        for left in range(top, len(unit), block_size):
            across = unit[left : left + block_size]
            rows, columns, _ = _pairs(above, across, threshold)
            counts[top : top + block_size] += np.bincount(rows, minlength=len(above))
            if left > top:  # similarity is symmetric: this tile stands for its mirror image too
                counts[left : left + block_size] += np.bincount(columns, minlength=len(across))
    return counts


def _pairs(above: np.ndarray, across: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns where `above @ across.T` reaches the threshold: row indices, column indices, similarities (float32)."""
    product = (above @ across.T).ravel()
    found = np.flatnonzero(product >= threshold - _BORDER)
    rows, columns = np.divmod(found, len(across))
    similarities = product[found]
    border = np.flatnonzero(similarities < threshold + _BORDER)
    keep = np.ones(len(found), dtype=bool)
    for start in range(0, len(border), _REFINED):
        part = border[start : start + _REFINED]
        a, b = above[rows[part]].astype(np.float64), across[columns[part]].astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b))
        # Equal rows must pass a threshold of 1, and float64 has noise of its own.
        keep[part] = np.einsum("ij,ij->i", a, b) / lengths >= threshold - 1e-12
    return rows[keep], columns[keep], similarities[keep]


def _neighbourhoods(
    unit: np.ndarray, counts: np.ndarray, free: np.ndarray, threshold: float, min_size: int, block_size: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each row that may be a centre, in the order of the greedy, with N(row), by falling similarity.

    Rows that are not `free` are left out, as far as known when a batch of rows starts: the caller clears `free`
    between two rows and has to look again. Batches are small, since one row often takes the rows right after it.
    """
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] >= min_size]
    while len(order := order[free[order]]):
        if counts[order[0]] == 1:  # and so have all that follow: nothing to multiply
            yield from ((row, np.array([row])) for row in order.tolist())
            return
        batch = order[: max(1, block_size // 8)]
        batch = batch[counts[batch] > 1]
        batch = batch[: max(1, np.searchsorted(np.cumsum(counts[batch]), _PAIRS))]
        order = order[len(batch) :]
        yield from _expand(unit, batch, np.flatnonzero(free & (counts > 1)), threshold, block_size)


def _expand(
    unit: np.ndarray, batch: np.ndarray, columns: np.ndarray, threshold: float, block_size: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each row of the batch with those of `columns` that are its neighbours, by falling similarity."""
    above, tiles = unit[batch], []
    for start in range(0, len(columns), block_size):
        tile = columns[start : start + block_size]
        rows, found, similarities = _pairs(above, unit[tile], threshold)
        tiles.append((rows, tile[found], similarities))
    rows, found, similarities = map(np.concatenate, zip(*tiles, strict=True))
    by_row = np.lexsort((found, -similarities, rows))
    bounds = np.searchsorted(rows[by_row], np.arange(1, len(batch)))
    yield from zip(batch.tolist(), np.split(found[by_row], bounds), strict=True)
