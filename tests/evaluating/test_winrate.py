"""Figures of judgements: preference, ties, order, length control and intervals, by arithmetic."""

import numpy as np
import pytest

from fanno_hf.evaluating.winrate import Judgement, interval, weighted_mean, win_rate

SEED = [0]


def judged(first: float | None, second: float | None, mine: int = 100, theirs: int = 100) -> Judgement:
    return Judgement(first, second, mine, theirs)


def figures(*judgements: Judgement, samples: int = 200):
    return win_rate(judgements, SEED, samples)


def test_a_preference_is_the_mean_of_both_orders():
    found = figures(judged(0.9, 0.2), judged(0.6, 0.3))
    assert found.weighted == pytest.approx(((0.9 + 0.8) / 2 + (0.6 + 0.7) / 2) / 2)
    assert (found.wins, found.ties, found.losses, found.disagreeing) == (2, 0, 0, 0.0)


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [(0.9, 0.1, 1.0), (0.1, 0.9, 0.0), (0.9, 0.8, 0.5), (0.2, 0.1, 0.5), (0.5, 0.1, 0.5), (0.5, 0.5, 0.5)],
)
def test_an_outcome_needs_both_orders(first, second, outcome):
    assert judged(first, second).outcome == outcome


def test_orders_that_disagree_are_a_tie_and_their_share_is_told():
    found = figures(judged(0.9, 0.9), judged(0.8, 0.6), judged(0.9, 0.1), judged(0.1, 0.9))
    assert (found.wins, found.ties, found.losses, found.disagreeing, found.discrete) == (1, 2, 1, 0.5, 0.5)


def test_a_judge_that_prefers_what_it_sees_first_shows():
    found = figures(*[judged(0.9, 0.9)] * 10)
    assert (found.first_place, found.weighted, found.disagreeing) == (1.0, pytest.approx(0.5), 1.0)
    assert figures(*[judged(0.9, 0.1)] * 10).first_place == 0.5


def test_one_undecided_order_makes_an_instruction_undecided():
    found = figures(judged(None, 0.1), judged(0.9, None), judged(0.9, 0.1))
    assert (found.instructions, found.undecided, found.wins, found.weighted) == (3, 2, 1, pytest.approx(0.9))


def test_nothing_that_was_decided_has_no_rate():
    for found in (figures(), figures(judged(None, None))):
        assert (found.weighted, found.length_controlled, found.discrete, found.first_place) == (None,) * 4
        assert (found.weighted_interval, found.wins, found.ties) == (None, 0, 0)


def test_all_ties():
    found = figures(*[judged(0.5, 0.5, 10, 90)] * 5)
    assert (found.ties, found.weighted, found.discrete, found.first_place) == (5, 0.5, 0.5, 0.5)
    assert found.length_controlled == pytest.approx(0.5)
    assert found.weighted_interval == (0.5, 0.5)


def test_equal_differences_of_length_control_nothing():
    found = figures(*[judged(0.8, 0.3, 150, 100)] * 6, *[judged(0.4, 0.5, 150, 100)] * 6)
    assert found.length_controlled == pytest.approx(found.weighted, abs=1e-3)


def test_a_model_that_always_wins_has_a_finite_fit():
    found = figures(*[judged(1.0, 0.0, 100 + place, 100) for place in range(20)])
    assert 0.9 < found.length_controlled <= 1.0
    assert found.weighted == 1.0


def by_length(bias: float, slope: float) -> list[Judgement]:
    """A judge whose preference follows from the lengths alone, as the formula has it, and from `bias` towards the model."""
    rng = np.random.default_rng(1)
    mine, theirs = rng.integers(200, 900, 400), rng.integers(100, 500, 400)
    scaled = np.tanh((mine - theirs) / np.std(mine - theirs))
    p = 1 / (1 + np.exp(-(bias + slope * scaled)))
    return [judged(float(q), float(1 - q), int(a), int(b)) for q, a, b in zip(p, mine, theirs, strict=True)]


def test_a_judge_that_only_counts_characters_leaves_an_even_rate():
    found = figures(*by_length(0.0, 2.0))
    assert found.weighted > 0.7
    assert found.length_controlled == pytest.approx(0.5, abs=2e-3)


@pytest.mark.parametrize("bias", [-1.0, 0.7])
def test_what_is_left_beside_length_is_what_the_judge_adds(bias):
    found = figures(*by_length(bias, 1.5))
    assert found.length_controlled == pytest.approx(1 / (1 + np.exp(-bias)), abs=2e-3)


def test_the_fit_is_that_of_maximum_likelihood():
    from scipy.optimize import minimize

    rng = np.random.default_rng(2)
    rows = [judged(float(p), float(q), int(a), 300) for p, q, a in rng.random((60, 3)) * [1, 1, 600]]
    differences = np.array([row.model_length - 300.0 for row in rows])
    x, p = np.tanh(differences / differences.std()), np.array([row.preference for row in rows])

    def negative(ab):
        z = ab[0] + ab[1] * x
        return np.sum(np.logaddexp(0, z) - p * z) + 0.005 * (ab @ ab)

    best = minimize(negative, [0.0, 0.0]).x
    assert figures(*rows).length_controlled == pytest.approx(1 / (1 + np.exp(-best[0])), abs=1e-5)


def test_an_interval_holds_the_mean_is_seeded_and_narrows():
    few, many = ([0.0, 1.0] * count for count in (10, 200))
    ends = [interval(len(values), weighted_mean(values), SEED, 1000) for values in (few, many)]
    assert ends[1] == interval(400, weighted_mean(many), SEED, 1000) != interval(400, weighted_mean(many), [1], 1000)
    assert ends[0][0] < ends[1][0] < 0.5 < ends[1][1] < ends[0][1]
    # 400 draws of a fair coin: 0.5 +- 1.96 x 0.025
    assert ends[1] == pytest.approx((0.451, 0.549), abs=0.006)


def test_no_samples_give_no_interval():
    assert figures(judged(0.9, 0.1), samples=0).weighted_interval is None
