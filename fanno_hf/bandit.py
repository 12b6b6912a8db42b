"""Chooses the counterexamples shown in each prompt: an upper-confidence-bound bandit over the instructions so far.

before  rewards [0.9, 0.1, 0.5], pulls [4, 0, 0], three draws of one counterexample
after   draws [[2], [1], [2]], pulls [4, 1, 2]     rewarded ones come often, neglected ones get their turn

A draw ranks the n instructions by `ucb_values` (ties: lowest index), takes some of the best
`max(counterexamples, floor(n * top_fraction))` at random and counts a pull for each, which the next draw sees. Nothing
in it needs the teacher, so all draws of a window of documents are made before its first request.
"""

from typing import Any

import numpy as np

POLICIES = ("ucb", "random")


def normalise_rewards(raw: np.ndarray) -> np.ndarray:
    """Returns `(raw - min) / (max - min)` as float64 in [0, 1]; 0.5 where all are equal or a value is not finite."""
    raw = np.asarray(raw, dtype=np.float64)
    known = raw[np.isfinite(raw)]
    rewards = np.full(raw.shape, 0.5)
    if len(known) and known.max() > known.min():
        rewards[np.isfinite(raw)] = (known - known.min()) / (known.max() - known.min())
    return rewards


def ucb_values(rewards: np.ndarray, pulls: np.ndarray, exploration: float) -> np.ndarray:
    """Returns the upper confidence bound of each instruction (FANNO, arXiv 2408.01323; UCB1, Auer et al. 2002).

    `values[i] = rewards[i] + exploration * sqrt(2 ln N / (pulls[i] + 1))`, N = number of instructions + all pulls.

    Args:
        rewards: shape (n,), usually in [0, 1].
        pulls: shape (n,), how often each was drawn.
        exploration: weight of the second term, 0 or more. With rewards in [0, 1], 3 is close to drawing each in turn.

    Returns:
        float64, shape (n,).
    """
    rewards, pulls = np.asarray(rewards, dtype=np.float64), np.asarray(pulls)
    total = max(1, len(rewards) + int(pulls.sum()))
    return rewards + exploration * np.sqrt(2 * np.log(total) / (pulls + 1))


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
    """Draws the counterexamples of a window of documents, one draw for each.

    Args:
        rewards: shape (n,), finite; see `normalise_rewards`.
        pulls: integers, shape (n,), how often each was drawn before; not changed.
        num_draws: documents in the window.
        counterexamples: instructions in a draw; a pool of fewer gives all it has.
        exploration: weight of the neglected against the rewarding, 0 or more.
        top_fraction: share of the pool a draw chooses from, in (0, 1].
        policy: "ucb", or "random" to draw from the whole pool alike.
        rng: source of all randomness.

    Returns:
        The draws, int64 indices of shape (num_draws, min(counterexamples, n)), and the new pulls, int64 of shape (n,).

    Raises:
        ValueError: if an argument is out of range.
    """
    rewards, pulls = np.asarray(rewards, dtype=np.float64), np.array(pulls, dtype=np.int64)
    _check(rewards, pulls, num_draws, counterexamples, exploration, top_fraction, policy)
    size = min(counterexamples, len(rewards))
    top = max(size, int(len(rewards) * top_fraction + 1e-9))  # floor, but 100 * 0.29 is 28.999…
    draws = np.empty((num_draws, size), dtype=np.int64)
    for draw in draws if size else ():
        pool = np.arange(len(rewards)) if policy == "random" else _best(ucb_values(rewards, pulls, exploration), top)
        draw[:] = pool[rng.choice(len(pool), size, replace=False)]
        pulls[draw] += 1
    return draws, pulls


def effective_spread(pulls: np.ndarray) -> dict[str, Any]:
    """Returns how evenly a pool was drawn: `min`, `median` and `max` pulls, and `never_pulled`, a share in [0, 1]."""
    pulls = np.asarray(pulls)
    if len(pulls) == 0:
        return {"min": 0, "median": 0.0, "max": 0, "never_pulled": 0.0}
    return {
        "min": int(pulls.min()),
        "median": float(np.median(pulls)),
        "max": int(pulls.max()),
        "never_pulled": float(np.mean(pulls == 0)),
    }


def _best(values: np.ndarray, top: int) -> np.ndarray:
    """Returns the indices of the `top` highest values, highest first (ties: lowest index); sorts only those."""
    least = np.partition(values, len(values) - top)[len(values) - top]
    candidates = np.flatnonzero(values >= least)
    return candidates[np.argsort(-values[candidates], kind="stable")][:top]


def _check(
    rewards: np.ndarray,
    pulls: np.ndarray,
    num_draws: int,
    counterexamples: int,
    exploration: float,
    top_fraction: float,
    policy: str,
) -> None:
    if rewards.ndim != 1 or rewards.shape != pulls.shape:
        raise ValueError(
            f"rewards and pulls need one number per instruction, got shapes {rewards.shape} and {pulls.shape}"
        )
    if not np.isfinite(rewards).all():
        raise ValueError(f"rewards must be finite, got {rewards[~np.isfinite(rewards)][0]}; see normalise_rewards")
    if (pulls < 0).any():
        raise ValueError(f"pulls must be 0 or more, got {pulls.min()}")
    if num_draws < 0:
        raise ValueError(f"num_draws must be 0 or more, got {num_draws}")
    if counterexamples < 0:
        raise ValueError(f"counterexamples must be 0 or more, got {counterexamples}")
    if not 0 <= exploration < np.inf:
        raise ValueError(f"exploration must be finite and 0 or more, got {exploration}")
    if not 0 < top_fraction <= 1:
        raise ValueError(f"top_fraction must be above 0 and at most 1, got {top_fraction}")
    if policy not in POLICIES:
        raise ValueError(f"policy must be one of {', '.join(POLICIES)}, got '{policy}'")
