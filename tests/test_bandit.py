"""The choice of counterexamples."""

import math

import numpy as np
import pytest

from fanno_hf.bandit import draw_window, effective_spread, normalise_rewards, ucb_values


def published_rule(rewards, pulls, num_draws, size, exploration, top, rng):
    """The rule as published, in plain Python: rank all instructions, draw ranks among the top, count the pulls."""
    pulls, draws = list(pulls), []
    for _ in range(num_draws):
        total = len(rewards) + sum(pulls)

        def value(index, total=total):
            return rewards[index] + exploration * math.sqrt(2 * math.log(total) / (pulls[index] + 1))

        ranked = sorted(range(len(rewards)), key=value, reverse=True)
        draws.append([ranked[rank] for rank in rng.choice(top, size, replace=False)])
        for index in draws[-1]:
            pulls[index] += 1
    return draws, pulls


@pytest.mark.parametrize("exploration", [0.0, 0.3, 3.0])
@pytest.mark.parametrize(("size", "top"), [(60, 3), (100, 5), (400, 20)])
@pytest.mark.parametrize("levels", [4, 10_000])  # few reward levels mean many ties
def test_draws_follow_the_published_rule(size, top, exploration, levels):
    rng = np.random.default_rng(size)
    rewards, pulls = rng.integers(0, levels, size) / levels, rng.integers(0, 5, size)
    expected = published_rule(rewards.tolist(), pulls.tolist(), 60, 3, exploration, top, np.random.default_rng(7))
    draws, new_pulls = draw_window(rewards, pulls, 60, exploration=exploration, rng=np.random.default_rng(7))
    assert (draws.tolist(), new_pulls.tolist()) == expected


def test_values_follow_the_formula():
    values = ucb_values(np.array([0.5, 1.0]), np.array([0, 3]), exploration=3.0)
    assert values.tolist() == pytest.approx([0.5 + 3 * math.sqrt(2 * math.log(5)), 1 + 3 * math.sqrt(math.log(5) / 2)])


def test_values_of_no_instructions_are_empty():
    assert ucb_values(np.array([]), np.array([]), exploration=3.0).tolist() == []


@pytest.mark.parametrize(
    ("raw", "rewards"),
    [
        ([10, 20, 30], [0.0, 0.5, 1.0]),
        ([7, 7, 7], [0.5, 0.5, 0.5]),
        ([10, np.nan, 30], [0.0, 0.5, 1.0]),
        ([np.nan, np.nan], [0.5, 0.5]),
        ([-1, np.inf, 1], [0.0, 0.5, 1.0]),
        ([], []),
    ],
)
def test_rewards_span_zero_to_one(raw, rewards):
    assert normalise_rewards(np.array(raw)).tolist() == rewards


@pytest.mark.parametrize("policy", ["ucb", "random"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 19, 20, 59, 60, 79])
def test_any_pool_gives_distinct_counterexamples(size, policy):
    draws, pulls = draw_window(np.ones(size), np.zeros(size), 8, policy=policy, rng=np.random.default_rng(0))
    assert draws.shape == (8, min(3, size))
    assert all(len(set(draw)) == len(draw) for draw in draws.tolist())
    assert pulls.tolist() == np.bincount(draws.ravel(), minlength=size).tolist()


def test_draws_and_pulls_are_integers_that_can_index():
    draws, pulls = draw_window([0.5] * 4, [1] * 4, 2, rng=np.random.default_rng(0))
    assert draws.dtype == pulls.dtype == np.int64


def test_the_pulls_given_are_not_changed():
    before = np.zeros(10, dtype=np.int64)
    _, after = draw_window(np.ones(10), before, 5, rng=np.random.default_rng(0))
    assert before.sum() == 0
    assert after.sum() == 15


def test_two_windows_equal_one_of_their_length():
    rewards, rng = np.linspace(0, 1, 40), np.random.default_rng(3)
    first, pulls = draw_window(rewards, np.zeros(40), 10, rng=rng)
    second, pulls = draw_window(rewards, pulls, 15, rng=rng)
    draws, whole = draw_window(rewards, np.zeros(40), 25, rng=np.random.default_rng(3))
    assert np.concatenate([first, second]).tolist() == draws.tolist()
    assert pulls.tolist() == whole.tolist()


def test_the_seed_decides_the_draws():
    same = [
        draw_window(np.arange(90.0), np.zeros(90), 9, rng=np.random.default_rng(seed))[0].tolist()
        for seed in (1, 1, 2)
    ]
    assert same[0] == same[1] != same[2]


def test_without_exploration_only_the_best_rewards_are_drawn():
    rewards = np.random.default_rng(0).permutation(200) / 200
    draws, _ = draw_window(rewards, np.zeros(200), 100, exploration=0.0, rng=np.random.default_rng(0))
    assert set(draws.ravel().tolist()) == set(np.argsort(-rewards)[:10].tolist())


def test_exploration_of_three_comes_close_to_taking_turns():
    rewards = np.random.default_rng(0).random(100)
    _, pulls = draw_window(rewards, np.zeros(100), 400, rng=np.random.default_rng(0))
    spread = effective_spread(pulls)
    assert spread["never_pulled"] == 0
    assert spread["min"] >= 8
    assert spread["max"] <= 17


def test_the_random_policy_ignores_rewards_and_pulls():
    rewards, pulls = np.linspace(0, 1, 50), np.arange(50) * 100
    draws, _ = draw_window(rewards, pulls, 2000, exploration=0.0, policy="random", rng=np.random.default_rng(0))
    counts = np.bincount(draws.ravel(), minlength=50)  # 120 expected each, standard deviation 11
    assert counts.min() > 75
    assert counts.max() < 165


@pytest.mark.parametrize(("top_fraction", "top"), [(0.01, 3), (0.05, 5), (0.29, 29), (1.0, 100)])
def test_draws_come_from_the_top_fraction(top_fraction, top):
    rewards = np.linspace(1, 0, 100)
    options = {"exploration": 0.0, "top_fraction": top_fraction, "rng": np.random.default_rng(0)}
    draws, _ = draw_window(rewards, np.zeros(100), 500, **options)
    assert np.unique(draws).tolist() == list(range(top))


def test_a_draw_can_hold_any_number_of_counterexamples():
    shapes = [
        draw_window(np.ones(6), np.zeros(6), 2, counterexamples=number, rng=np.random.default_rng(0))[0].shape
        for number in (0, 1, 6, 9)
    ]
    assert shapes == [(2, 0), (2, 1), (2, 6), (2, 6)]


def test_an_empty_window_draws_nothing():
    draws, pulls = draw_window(np.ones(6), np.ones(6), 0, rng=np.random.default_rng(0))
    assert draws.shape == (0, 3)
    assert pulls.tolist() == [1] * 6


def test_spread_sums_up_the_pulls():
    assert effective_spread(np.array([0, 4, 1, 0, 2])) == {"min": 0, "median": 1.0, "max": 4, "never_pulled": 0.4}


def test_spread_of_an_empty_pool_is_zero():
    assert effective_spread(np.array([])) == {"min": 0, "median": 0.0, "max": 0, "never_pulled": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pulls": [0, 0]}, r"one number per instruction, got shapes \(3,\) and \(2,\)"),
        ({"rewards": [0.1, np.nan, 0.2]}, "rewards must be finite, got nan"),
        ({"pulls": [0, -1, 0]}, "pulls must be 0 or more, got -1"),
        ({"num_draws": -1}, "num_draws must be 0 or more, got -1"),
        ({"counterexamples": -1}, "counterexamples must be 0 or more, got -1"),
        ({"exploration": -0.5}, "exploration must be finite and 0 or more, got -0.5"),
        ({"top_fraction": 0}, "top_fraction must be above 0 and at most 1, got 0"),
        ({"policy": "greedy"}, "policy must be one of ucb, random, got 'greedy'"),
    ],
)
def test_arguments_out_of_range_are_refused(change, message):
    arguments = {"rewards": [0.1, 0.2, 0.3], "pulls": [0, 0, 0], "num_draws": 2, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        draw_window(**{**arguments, **change})
