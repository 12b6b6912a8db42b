"""The most similar old row of each new one: what a window of new rows costs is new x all, never all x all."""

import numpy as np


def nearest(
    new: np.ndarray, old: np.ndarray, block_size: int = 4096, *, itself: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the most similar old row of each new row: all float, of unit length and the same dimension.

    Args:
        itself: False where both are the same rows, and each looks for another one than itself.

    Returns:
        The index of the old row (int64, shape (n_new,); ties: the lowest) and its cosine similarity (float32, shape
        (n_new,)); -1 and -inf where there is no old row.
    """
    indices = np.full(len(new), -1, dtype=np.int64)
    similarities = np.full(len(new), -np.inf, dtype=np.float32)
    for start in range(0, len(new), block_size):
        rows = slice(start, start + block_size)
        for first in range(0, len(old), block_size):
            block = new[rows] @ old[first : first + block_size].T
            if not itself and start == first:
                np.fill_diagonal(block, -np.inf)
            best = block.argmax(axis=1)
            value = np.take_along_axis(block, best[:, None], axis=1)[:, 0]
            better = value > similarities[rows]
            indices[rows][better] = best[better] + first
            similarities[rows][better] = value[better]
    return indices, similarities
