"""The rewards of the bandit: what makes an instruction worth showing as a counterexample.

{"novelty": [0.1, 0.9, 0.5], "quality": [0.7, 0.8, 0.2]}, weights {"novelty": 1, "quality": 1}  ->  [0.42, 1.0, 0.25]
"""

from collections.abc import Mapping

import numpy as np

from fanno_hf.bandit.draw import normalise_rewards
from fanno_hf.vectors.nearest import nearest

BLOCK = 1_024  # new rows compared with one another at a time; the first call brings all seeds


def mix(parts: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    """Returns the mean of the parts by weights above 0, each normalised to [0, 1] first (see `normalise_rewards`).

    float64, shape (n,), in [0, 1]; for a single part this is the published reward.
    """
    return sum(weight * normalise_rewards(parts[name]) for name, weight in weights.items()) / sum(weights.values())


def acceptance(accepted: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """Returns the estimated share of accepted instructions among those made with each counterexample.

    `(accepted + 1) / (tried + 2)`, of integers of shape (n,); Laplace's rule of succession: 0.5 where none was tried yet.
    """
    return (np.asarray(accepted) + 1.0) / (np.asarray(tried) + 2.0)


class Nearest:
    """The similarity of each row of a growing set to the nearest other one; only new rows are compared.

    `similarities` are float32, shape (n,), cosines in [-1, 1]; -1 while there is no other row.
    """

    def __init__(self):
        self.similarities = np.empty(0, dtype=np.float32)

    def add(self, old: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Adds `new` rows (float32, shape (m, dimension)) to the `old` ones, all of unit length.

        Returns the similarity of each new row to the nearest old one, float32, shape (m,); -1 where there is none.
        """
        to_old = np.maximum(nearest(new, old)[1], -1.0)
        to_new = np.maximum(nearest(old, new)[1], -1.0)
        among = np.full(len(new), -1.0, dtype=np.float32)
        for start in range(0, len(new), BLOCK):
            block = new[start : start + BLOCK] @ new.T
            np.fill_diagonal(block[:, start:], -1.0)
            among[start : start + BLOCK] = block.max(axis=1)
        known = np.maximum(self.similarities, to_new)
        self.similarities = np.concatenate([known, np.maximum(to_old, among)]).astype(np.float32)
        return to_old
