"""From judgements in both orders to the figures of a model against a reference.

    P(first shown is better) 0.9 with the model first, 0.2 with it second  ->  the model is preferred by 0.85, in both orders: a win

- weighted win rate: the mean of that preference over all instructions, as AlpacaEval 2 weighs a judge's one token;
- length-controlled win rate: logit(preference) = a + b x tanh(d / std(d)), d = characters of the model's answer less those of the
  reference's; the rate is the prediction at d = 0. It is the minimal formula of arXiv 2404.04475, without the difficulty of each
  instruction, which is known of its own 805 alone, and without its term for a gamed baseline.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Interval = tuple[float, float]

_RIDGE = 1e-2  # keeps a fit finite where a model always wins
_STEPS, _LONGEST_STEP = 60, 4.0  # of Newton's method
_LEVEL = (2.5, 97.5)  # percentiles between which 95 % of the samples lie


@dataclass(frozen=True)
class Judgement:
    """One instruction: what the judge said in both orders, and the lengths of the two answers."""

    model_first: float | None  # P(first shown is better) where the model's answer stands first; None: undecided
    model_second: float | None  # the same where the reference's stands first
    model_length: int  # characters
    reference_length: int

    @property
    def preference(self) -> float | None:
        """P(the model's answer is better), the mean of both orders; None where one of them is undecided."""
        if self.model_first is None or self.model_second is None:
            return None
        return (self.model_first + 1.0 - self.model_second) / 2

    @property
    def outcome(self) -> float | None:
        """1 for a win in both orders, 0 for a loss in both, else 0.5: a tie; None where it is undecided."""
        if self.preference is None:
            return None
        first, second = self.model_first - 0.5, 0.5 - self.model_second  # above 0: for the model
        return 1.0 if first > 0 and second > 0 else 0.0 if first < 0 and second < 0 else 0.5


@dataclass(frozen=True)
class WinRate:
    """The figures of one model against a reference; rates are in [0, 1], None where nothing was decided."""

    instructions: int  # that were judged
    undecided: int  # of them, those without a verdict in one of the orders
    wins: int
    ties: int  # the two orders name different answers, or both say neither
    losses: int
    disagreeing: float | None  # share of instructions for which the two orders name different answers
    weighted: float | None
    weighted_interval: Interval | None
    discrete: float | None  # wins, and ties by half
    discrete_interval: Interval | None
    length_controlled: float | None
    length_controlled_interval: Interval | None
    first_place: float | None  # share of judgements that the answer shown first won; 0.5 where order has no effect
    length_difference: float | None  # characters, mean


def win_rate(judgements: Sequence[Judgement], seed: Sequence[int], samples: int) -> WinRate:
    """Returns the figures of a model; `samples` are drawn for each interval, by numpy's generator seeded with `seed`."""
    decided = [one for one in judgements if one.preference is not None]
    preferences = np.array([one.preference for one in decided])
    outcomes = np.array([one.outcome for one in decided])
    differences = np.array([one.model_length - one.reference_length for one in decided], dtype=float)
    firsts = [p for one in judgements for p in (one.model_first, one.model_second) if p is not None]
    names = [_disagree(one) for one in decided]
    controlled = length_controlled(preferences, differences)
    return WinRate(
        instructions=len(judgements),
        undecided=len(judgements) - len(decided),
        wins=int(np.sum(outcomes == 1.0)),
        ties=int(np.sum(outcomes == 0.5)),
        losses=int(np.sum(outcomes == 0.0)),
        disagreeing=_mean(names),
        weighted=_mean(preferences),
        weighted_interval=interval(len(decided), weighted_mean(preferences), seed, samples),
        discrete=_mean(outcomes),
        discrete_interval=interval(len(decided), weighted_mean(outcomes), seed, samples),
        length_controlled=controlled(np.ones((1, len(decided))))[0].item() if decided else None,
        length_controlled_interval=interval(len(decided), controlled, seed, samples),
        first_place=_mean([(np.sign(p - 0.5) + 1) / 2 for p in firsts]),
        length_difference=_mean(differences),
    )


def _disagree(one: Judgement) -> bool:
    """Whether both orders prefer whatever stands in the same place."""
    return (one.model_first - 0.5) * (one.model_second - 0.5) > 0


def _mean(values: Sequence[float] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


Statistic = Callable[[np.ndarray], np.ndarray]
"""From how often each row counts, shape (samples, rows), to a figure for each sample."""


def weighted_mean(values: Sequence[float] | np.ndarray) -> Statistic:
    """Returns the statistic that is the mean of a value for each row."""
    numbers = np.asarray(values, dtype=float)
    return lambda weights: weights @ numbers / weights.sum(axis=1)


def interval(rows: int, statistic: Statistic, seed: Sequence[int], samples: int) -> Interval | None:
    """Returns the 95 % percentile interval of a statistic by bootstrap over rows; None without rows or samples."""
    if not rows or not samples:
        return None
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1.0 / rows), size=samples)
    low, high = np.percentile(statistic(drawn.astype(float)), _LEVEL)
    return float(low), float(high)


def length_controlled(preferences: np.ndarray, differences: np.ndarray) -> Statistic:
    """Returns the statistic that is the length-controlled win rate: the prediction of the fit where lengths are equal.

    Args:
        preferences: float64, shape (rows,), in [0, 1].
        differences: float64, shape (rows,), characters.
    """
    spread = float(np.std(differences)) if len(differences) else 0.0
    scaled = np.tanh(differences / spread) if spread > 0 else np.zeros(len(differences))
    return lambda weights: _sigmoid(_fit(scaled, preferences, weights)[:, 0])


def _fit(x: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fits p ~ sigmoid(a + b x) to fractions, once for each row of `weights`; returns (a, b), shape (samples, 2).

    Newton's method on the weighted log-likelihood with a small ridge; the two by two system is solved by hand.
    """
    a, b = np.zeros(len(weights)), np.zeros(len(weights))
    for _ in range(_STEPS):
        predicted = _sigmoid(a[:, None] + b[:, None] * x)
        residual, curvature = weights * (p - predicted), weights * predicted * (1 - predicted)
        slope_a, slope_b = residual.sum(axis=1) - _RIDGE * a, residual @ x - _RIDGE * b
        aa, ab, bb = curvature.sum(axis=1) + _RIDGE, curvature @ x, curvature @ (x * x) + _RIDGE
        determinant = aa * bb - ab * ab
        step_a = np.clip((bb * slope_a - ab * slope_b) / determinant, -_LONGEST_STEP, _LONGEST_STEP)
        step_b = np.clip((aa * slope_b - ab * slope_a) / determinant, -_LONGEST_STEP, _LONGEST_STEP)
        a, b = a + step_a, b + step_b
        if max(np.abs(step_a).max(initial=0.0), np.abs(step_b).max(initial=0.0)) < 1e-10:
            break
    return np.stack([a, b], axis=1)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * values))
