"""Finds the instructions at given ranks by upper confidence bound, draw after draw, without ranking the whole pool.

rewards [0.9, 0.1, 0.5], pulls [4, 0, 0], ranks [[0], [0], [0]]  ->  [[2], [1], [2]]
"""

import math
from bisect import bisect_left, insort
from itertools import chain

import numpy as np


def follow_ranks(
    rewards: np.ndarray, pulls: np.ndarray, ranks: np.ndarray, exploration: float, top: int
) -> np.ndarray:
    """Returns the instructions drawn if draw k takes those at `ranks[k]` by value, 0 being the highest.

    Args:
        rewards, pulls: float64 and int64, shape (n,); finite, before the first draw.
        ranks: int64, shape (num_draws, size), not empty; distinct in a row, each below `top`, which is at most n.
        exploration: above 0.

    Returns:
        int64, shape (num_draws, size): the same as ranking the whole pool at each draw, see `fanno_hf.bandit.draw`.
    """
    draws, size = np.empty_like(ranks), ranks.shape[1]
    # In longer blocks more instructions change places; in larger pools fewer.
    step = max(32, len(rewards) // 50)
    for start in range(0, len(ranks), step):
        part = ranks[start : start + step].tolist()
        ranking = _Ranking(rewards, pulls, exploration, top, len(part), size)
        block = np.array([ranking.draw(row) for row in part])
        draws[start : start + step] = block
        pulls = pulls + np.bincount(block.ravel(), minlength=len(pulls))
    return draws


class _Ranking:
    """The instructions that a block of draws can reach, sorted by a key that changes with their own pulls only.

    The key is the negative value at the T in the middle of the block. Where sqrt(2 ln T) differs from its value there
    by d, a value differs by `exploration * d / sqrt(pulls + 1)`, about the same for all instructions. The margin is the
    range of this term over the pulls in the pool: two instructions whose keys differ by more cannot have changed places.
    So the instruction at a rank has a key within the margin of the key at that position, and all outside this stretch
    are on their right side. Exact values are computed inside the stretch only, once for all of equal reward and pulls:
    those never change places, and the lowest index is first.

    Instructions out of reach are left out. Let `reach` be `top` plus the number drawn before the last draw. Of any
    `reach` instructions at least `top` are undrawn at every draw. So an instruction is never drawn if its key is more
    than the margin behind theirs, from the start or after a pull, or if `reach` others of equal reward and pulls come
    before it.
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
        margin = exploration * drift / math.sqrt(1 + int(pulls.min())) + self.slack  # holds for any number of pulls
        self.limit = np.partition(keys, reach - 1)[reach - 1] + margin if reach < len(keys) else math.inf
        found = np.flatnonzero(keys <= self.limit)
        found = found[np.lexsort((pulls[found], -rewards[found], keys[found]))]
        if len(found) > 2 * reach:
            found = found[_places(rewards[found], pulls[found]) < reach]
        self.least, self.most = int(pulls[found].min()), int(pulls[found].max())
        columns = (keys[found], -rewards[found], pulls[found], found)
        self.entries: list[tuple] = list(zip(*(column.tolist() for column in columns), strict=True))
        self.entries.append((math.inf,))  # so that the last one has a neighbour

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
        """Returns the position in `entries` of the instruction that has this rank by value now."""
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
    """Returns the position of each in its run of equal rewards and pulls, from 0."""
    starts = np.flatnonzero(np.r_[True, (rewards[1:] != rewards[:-1]) | (pulls[1:] != pulls[:-1])])
    return np.arange(len(rewards)) - np.repeat(starts, np.diff(np.r_[starts, len(rewards)]))
