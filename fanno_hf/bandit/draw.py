"""Draws the counterexamples of each prompt by upper confidence bound over the instructions so far.

before  rewards [0.9, 0.1, 0.5], pulls [4, 0, 0], three draws of one counterexample
after   draws [[2], [1], [2]], pulls [4, 1, 2]     high rewards are drawn often, the others get their turn

A draw ranks the n instructions by their upper confidence bound, `reward + exploration * sqrt(2 ln T / (pulls + 1))` with
T = n + all pulls (FANNO, arXiv 2408.01323; UCB1, Auer et al. 2002; ties: lowest index). It takes some of the best
`max(counterexamples, floor(n * top_fraction))` at random and counts a pull for each, which the next draw sees. No draw
needs the teacher, so all draws of a window are made before its first request.
"""

from heapq import heappop, heappush

import numpy as np

from fanno_hf.bandit.ranking import follow_ranks
from fanno_hf.errors import UserError


def normalise_rewards(raw: np.ndarray) -> np.ndarray:
    """Returns `(raw - min) / (max - min)` as float64 in [0, 1]; 0.5 where all are equal or a value is not finite."""
    raw = np.asarray(raw, dtype=np.float64)
    known = raw[np.isfinite(raw)]
    rewards = np.full(raw.shape, 0.5)
    if len(known) and known.max() > known.min():
        rewards[np.isfinite(raw)] = (known - known.min()) / (known.max() - known.min())
    return rewards


def draw_window(
    rewards: np.ndarray,
    pulls: np.ndarray,
    num_draws: int,
    *,
    counterexamples: int = 3,
    exploration: float = 3.0,
    top_fraction: float = 0.05,
    policy: str = "ucb",
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the counterexamples of a window of `num_draws` documents, one draw for each.

    Args:
        rewards: shape (n,), finite; see `normalise_rewards`.
        counterexamples: instructions in a draw; a pool of fewer gives all it has.
        top_fraction: share of the pool a draw chooses from, in (0, 1]; for "ucb" and "greedy".
        policy: "ucb" as above; "greedy", the same without exploration; "random", uniform over the pool;
            "round_robin", the least pulled (ties: lowest index); "thompson", the highest of one sample for each
            from `N(reward, exploration**2 / (pulls + 1))` (Agrawal and Goyal 2013, arXiv 1209.3353, have exploration 1).

    Returns:
        The draws, int64 indices of shape (num_draws, min(counterexamples, n)), and the new pulls, int64 of shape (n,).
        Raises UserError where pulls are below 0, as in a damaged file of seeds.
    """
    rewards, pulls = np.asarray(rewards, dtype=np.float64), np.array(pulls, dtype=np.int64)
    if (pulls < 0).any():
        raise UserError(f"an instruction has {pulls.min()} pulls: its row is damaged, run stage=seed again")
    size = min(counterexamples, len(rewards))
    top = max(size, int(len(rewards) * top_fraction + 1e-9))  # floor, but 100 * 0.29 is 28.999…
    if not size or not num_draws:
        draws = np.empty((num_draws, size), dtype=np.int64)
    elif policy == "random":
        draws = draw_ranks(num_draws, size, len(rewards), rng)
    elif policy == "round_robin":
        draws = _take_turns(pulls, num_draws, size)
    elif policy == "thompson":
        draws = _sample(rewards, pulls, num_draws, size, exploration, rng)
    else:
        draws = draw_ranks(num_draws, size, top, rng)
        if policy == "greedy" or exploration == 0:  # no pull changes a value
            draws = _best(rewards, top)[draws]
        else:
            draws = follow_ranks(rewards, pulls, draws, exploration, top)
    return draws, pulls + np.bincount(draws.ravel(), minlength=len(pulls))


def draw_ranks(num_draws: int, size: int, top: int, rng: np.random.Generator) -> np.ndarray:
    """Draws `size` of `range(top)` without replacement, `num_draws` times; every ordered choice is equally likely.

    The original method of Fisher and Yates (Statistical Tables, 1938): draw t, strike out the t-th of those left. Rows
    use the generator in order, so two calls give the rows of one. Returns int64, shape (num_draws, size), where size is
    at most `top`.
    """
    ranks = rng.integers(0, np.arange(top, top - size, -1), size=(num_draws, size))
    for column in range(1, size):
        # ascending: each rank struck out at or below it moves it up by one
        for struck in np.sort(ranks[:, :column], axis=1).T:
            ranks[:, column] += ranks[:, column] >= struck
    return ranks


def pulls_histogram(pulls: np.ndarray) -> dict[int, int]:
    """Returns how many instructions were pulled how often: pulls -> instructions, by ascending pulls."""
    levels, counts = np.unique(np.asarray(pulls, dtype=np.int64), return_counts=True)
    return dict(zip(levels.tolist(), counts.tolist(), strict=True))


def least_pulled_share(draws: np.ndarray, pulls: np.ndarray) -> float:
    """Returns the share, in [0, 1], of a window's counterexamples which, when drawn, had as few pulls as any of the pool.

    Near 1 the rewards hardly matter; 0.0 where nothing was drawn. `draws` are those of `draw_window`, `pulls` those before.
    """
    draws, now, found = np.asarray(draws), np.array(pulls), 0
    if not draws.size:
        return 0.0
    for draw in draws:
        found += int(np.count_nonzero(now[draw] == now.min()))
        now[draw] += 1
    return found / draws.size


def _take_turns(pulls: np.ndarray, num_draws: int, size: int) -> np.ndarray:
    order = np.argsort(pulls, kind="stable")[: num_draws * size]  # no other is reached; sorted, so a heap
    heap = list(zip(pulls[order].tolist(), order.tolist(), strict=True))
    draws = []
    for _ in range(num_draws):
        drawn = [heappop(heap) for _ in range(size)]  # before any goes back: no draw has one twice
        for count, index in drawn:
            heappush(heap, (count + 1, index))
        draws.append([index for _, index in drawn])
    return np.array(draws, dtype=np.int64)


def _sample(
    rewards: np.ndarray, pulls: np.ndarray, num_draws: int, size: int, exploration: float, rng: np.random.Generator
) -> np.ndarray:
    draws, pulls = np.empty((num_draws, size), dtype=np.int64), pulls.copy()
    for draw in draws:
        draw[:] = _best(rewards + exploration / np.sqrt(pulls + 1) * rng.standard_normal(len(rewards)), size)
        pulls[draw] += 1
    return draws


def _best(values: np.ndarray, top: int) -> np.ndarray:
    """Returns the indices of the `top` highest values, highest first (ties: lowest index); sorts only those."""
    least = np.partition(values, len(values) - top)[len(values) - top]
    candidates = np.flatnonzero(values >= least)
    return candidates[np.argsort(-values[candidates], kind="stable")][:top]
