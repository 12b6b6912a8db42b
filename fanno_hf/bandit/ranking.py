"""Who has which rank by upper confidence bound, draw after draw, without ranking the whole pool each time.

rewards [0.9, 0.1, 0.5], pulls [4, 0, 0], ranks [[0], [0], [0]]  ->  [[2], [1], [2]]
"""

import math
from bisect import bisect_left, insort
from itertools import chain

import numpy as np


def follow_ranks(
    rewards: np.ndarray, pulls: np.ndarray, ranks: np.ndarray, exploration: float, top: int
) -> np.ndarray:
    """Returns whom the rule draws if draw k takes those at the ranks `ranks[k]` by value.

    Args:
        rewards: float64, shape (n,), finite.
        pulls: int64, shape (n,), before the first draw.
        ranks: int64, shape (num_draws, size), of at least one, different in a row, each below `top`.
        exploration: above 0.
        top: at most n.

    Returns:
        int64, shape (num_draws, size); what ranking the whole pool at each draw by
        `fanno_hf.bandit.draw.ucb_values` (ties: lowest index) gives.
    """
    draws, size = np.empty_like(ranks), ranks.shape[1]
    # More draws for one ranking of the pool let more instructions change places, the fewer the larger the pool.
    step = max(32, len(rewards) // 50)
    for start in range(0, len(ranks), step):
        part = ranks[start : start + step].tolist()
        ranking = _Ranking(rewards, pulls, exploration, top, len(part), size)
        block = np.array([ranking.draw(row) for row in part])
        draws[start : start + step] = block
        pulls = pulls + np.bincount(block.ravel(), minlength=len(pulls))
    return draws


class _Ranking:
    """The instructions that a block of draws can reach, in order of a key that only their own pulls change.

    The key is the value (negative, to ascend) as of the T in the middle of the block. Where sqrt(2 ln T) differs from
    that by d, the value does by `exploration * d / sqrt(pulls + 1)`: much the same for all. Two instructions can have
    changed places only if their keys differ by no more than the range of this over the pulls there are, the margin.
    So who has a rank by value has a key within the margin of the key at this rank, and all beyond this stretch are on
    the side they seem to be. Only in the stretch are values computed, as published, once for all of equal reward and
    pulls: those never change places, the lowest index is first.

    Others are left out. Let `reach` be `top` plus all that is drawn before the last draw. Of any `reach` instructions at
    least `top` are undrawn at every draw, so nobody is drawn who is behind them by more than the margin, whether from
    the start or after a pull, nor who comes after `reach` others of equal reward and pulls.
    """

    def __init__(
        self, rewards: np.ndarray, pulls: np.ndarray, exploration: float, top: int, num_draws: int, size: int
    ) -> None:
        self.exploration, self.total = exploration, len(rewards) + int(pulls.sum())
        before_last = size * (num_draws - 1)
        reach, last = top + before_last, self.total + before_last
        self.bonus = 2 * math.log((self.total + last) // 2)
        self.root = math.sqrt(self.bonus)
        self.slack = 1e-9 * max(1.0, float(np.abs(rewards).max()), exploration * self.root)  # far above any rounding
        keys = -rewards - exploration * np.sqrt(self.bonus / (pulls + 1))  # ascending, for bisect
        drift = max(self.root - math.sqrt(2 * math.log(self.total)), math.sqrt(2 * math.log(last)) - self.root)
        margin = exploration * drift / math.sqrt(1 + int(pulls.min())) + self.slack  # whatever the most pulls will be
        self.limit = np.partition(keys, reach - 1)[reach - 1] + margin if reach < len(keys) else math.inf
        found = np.flatnonzero(keys <= self.limit)
        found = found[np.lexsort((pulls[found], -rewards[found], keys[found]))]
        if len(found) > 2 * reach:
            found = found[_places(rewards[found], pulls[found]) < reach]
        self.least, self.most = int(pulls[found].min()), int(pulls[found].max())
        columns = (keys[found], -rewards[found], pulls[found], found)
        self.entries: list[tuple] = list(zip(*(column.tolist() for column in columns), strict=True))
        self.entries.append((math.inf,))  # a neighbour for the last

    def draw(self, ranks: list[int]) -> list[int]:
        """Returns the indices at these ranks and counts a pull for each."""
        entries, exploration, bonus = self.entries, self.exploration, 2 * math.log(self.total)
        spread = exploration / math.sqrt(1 + self.least) - exploration / math.sqrt(1 + self.most)
        margin = spread * abs(math.sqrt(bonus) - self.root) + self.slack
        positions = [self._position(rank, margin, bonus) for rank in ranks]
        drawn = [entries[position] for position in positions]
        for position in sorted(positions, reverse=True):
            del entries[position]
        for _, cost, pulls, index in drawn:
            key = cost - exploration * math.sqrt(self.bonus / (pulls + 2))
            if key <= self.limit:
                insort(entries, (key, cost, pulls + 1, index))
                self.most = max(self.most, pulls + 1)
        self.total += len(ranks)
        return [entry[3] for entry in drawn]

    def _position(self, rank: int, margin: float, bonus: float) -> int:
        """Returns where in `entries` the one is that has this rank by value now."""
        entries, key = self.entries, self.entries[rank][0]
        if entries[rank - 1][0] < key - margin and entries[rank + 1][0] > key + margin:
            return rank
        low, high = bisect_left(entries, (key - margin,)), bisect_left(entries, (key + margin,))
        if entries[low][:3] == entries[high - 1][:3]:
            return rank
        alike: dict[float, list[range]] = {}  # minus the value now -> the positions of equal reward and pulls
        start = low
        while start < high:
            first, cost, pulls, _ = entries[start]
            end = start + 1
            if entries[end][0] == first:
                end = bisect_left(entries, (first, cost, pulls, math.inf), start, high)
            alike.setdefault(cost - self.exploration * math.sqrt(bonus / (pulls + 1)), []).append(range(start, end))
            start = end
        for value in sorted(alike):
            count = sum(map(len, alike[value]))
            if rank < low + count:
                break
            low += count
        if len(alike[value]) == 1:
            return alike[value][0][rank - low]
        return sorted(chain(*alike[value]), key=lambda position: entries[position][3])[rank - low]


def _places(rewards: np.ndarray, pulls: np.ndarray) -> np.ndarray:
    """Returns the place of each in its run of equal rewards and pulls, from 0."""
    starts = np.flatnonzero(np.r_[True, (rewards[1:] != rewards[:-1]) | (pulls[1:] != pulls[:-1])])
    return np.arange(len(rewards)) - np.repeat(starts, np.diff(np.r_[starts, len(rewards)]))
