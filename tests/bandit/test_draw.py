"""The choice of counterexamples."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanno_hf.bandit.draw import draw_ranks, draw_window, least_pulled_share, normalise_rewards, pulls_histogram
from fanno_hf.errors import UserError
from fanno_hf.settings import POLICIES


def published_values(rewards, pulls, exploration):
    """The upper confidence bounds as published."""
    total = len(rewards) + pulls.sum()
    return rewards + exploration * np.sqrt(2 * math.log(total) / (pulls + 1))


def published_rule(rewards, pulls, ranks, exploration):
    """The rule as published: rank all instructions, take these ranks, count the pulls."""
    pulls, draws = pulls.copy(), []
    for row in ranks:
        ranked = np.argsort(-published_values(rewards, pulls, exploration), kind="stable")
        draws.append(ranked[row].tolist())
        pulls[draws[-1]] += 1
    return draws, pulls.tolist()


def both_rules(rewards, pulls, num_draws, exploration, counterexamples=3, top_fraction=0.05):
    """The draws and new pulls of `draw_window` and of the published rule."""
    size = min(counterexamples, len(rewards))
    top = max(size, int(len(rewards) * top_fraction + 1e-9))
    options = {"counterexamples": counterexamples, "exploration": exploration, "top_fraction": top_fraction}
    draws, new_pulls = draw_window(rewards, pulls, num_draws, **options, rng=np.random.default_rng(7))
    ranks = draw_ranks(num_draws, size, top, np.random.default_rng(7)).tolist()
    return (draws.tolist(), new_pulls.tolist()), published_rule(rewards, pulls, ranks, exploration)


@pytest.mark.parametrize("exploration", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("size", [1, 3, 19, 100, 5_000])
@pytest.mark.parametrize("levels", [1, 4, 1_000_000])  # few reward levels mean many ties
@pytest.mark.parametrize("most", [0, 5])
def test_draws_follow_the_published_rule(size, exploration, levels, most):
    rng = np.random.default_rng(size)
    rewards, pulls = rng.integers(0, levels, size) / levels, rng.integers(0, most + 1, size)
    ours, published = both_rules(rewards, pulls, 80, exploration)
    assert ours == published


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 120),
    levels=st.sampled_from([1, 2, 7, 1_000_000]),
    scale=st.sampled_from([1.0, -1.0, 1e-13, 1e6]),  # at 1e-13 rounding makes ties, at 1e6 it is all that differs
    exploration=st.sampled_from([0.0, 1e-12, 0.01, 0.1, 1.0, 3.0, 100.0]),
    most=st.sampled_from([0, 1, 10, 1_000_000]),
    counterexamples=st.integers(1, 5),
    top_fraction=st.sampled_from([0.01, 0.05, 0.3, 1.0]),
    seed=st.integers(0, 2**32),
)
def test_any_pool_follows_the_published_rule(size, levels, scale, most, seed, **options):
    rng = np.random.default_rng(seed)
    rewards, pulls = scale * rng.integers(0, levels, size) / levels, rng.integers(0, most + 1, size)
    ours, published = both_rules(rewards, pulls, 40, **options)
    assert ours == published


@pytest.mark.parametrize(("size", "top"), [(1, 4), (2, 4), (3, 4), (4, 4)])
def test_every_ordered_choice_of_ranks_is_alike(size, top):
    counts = Counter(map(tuple, draw_ranks(48_000, size, top, np.random.default_rng(0)).tolist()))
    expected = 48_000 / math.perm(top, size)
    assert len(counts) == math.perm(top, size)
    assert max(abs(count - expected) for count in counts.values()) < 4.5 * math.sqrt(expected)


def test_every_rank_of_many_comes_alike():
    counts = np.bincount(draw_ranks(20_000, 3, 100, np.random.default_rng(0)).ravel())  # 600 each, deviation 24
    assert len(counts) == 100
    assert abs(counts - 600).max() < 110


def test_ranks_come_row_by_row_from_the_generator():
    rng = np.random.default_rng(5)
    parts = draw_ranks(4, 3, 90, rng).tolist() + draw_ranks(7, 3, 90, rng).tolist()
    assert parts == draw_ranks(11, 3, 90, np.random.default_rng(5)).tolist()


def test_values_follow_the_formula():
    values = published_values(np.array([0.5, 1.0]), np.array([0, 3]), exploration=3.0)
    assert list(values) == pytest.approx([0.5 + 3 * math.sqrt(2 * math.log(5)), 1 + 3 * math.sqrt(math.log(5) / 2)])


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


def test_pulls_below_zero_are_refused():
    with pytest.raises(UserError, match="an instruction has -2 pulls: its row is damaged"):
        draw_window(np.ones(3), [0, -2, 1], 4, rng=np.random.default_rng(0))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 59, 60, 80])
def test_any_pool_gives_distinct_counterexamples(size, policy):
    before = np.zeros(size, dtype=np.int64)
    draws, pulls = draw_window(np.ones(size), before, 8, policy=policy, rng=np.random.default_rng(0))
    assert (draws.shape, draws.dtype, before.sum()) == ((8, min(3, size)), np.int64, 0)
    assert all(len(set(draw)) == len(draw) for draw in draws.tolist())
    assert pulls.tolist() == np.bincount(draws.ravel(), minlength=size).tolist()


@pytest.mark.parametrize("policy", POLICIES)
def test_two_windows_equal_one_of_their_length(policy):
    """The two columns and the generator are all the state there is."""
    rewards, rng = np.linspace(0, 1, 40), np.random.default_rng(3)
    first, pulls = draw_window(rewards, np.zeros(40), 10, policy=policy, rng=rng)
    saved = [{"reward": float(reward), "pulls": int(count)} for reward, count in zip(rewards, pulls, strict=True)]
    columns = [row["reward"] for row in saved], [row["pulls"] for row in saved]
    second, pulls = draw_window(*columns, 15, policy=policy, rng=rng)
    draws, whole = draw_window(rewards, np.zeros(40), 25, policy=policy, rng=np.random.default_rng(3))
    assert np.concatenate([first, second]).tolist() == draws.tolist()
    assert pulls.tolist() == whole.tolist()


@pytest.mark.parametrize("policy", ["ucb", "random", "greedy", "thompson"])
def test_the_seed_decides_the_draws(policy):
    same = [
        draw_window(np.arange(90.0), np.zeros(90), 9, policy=policy, rng=np.random.default_rng(seed))[0].tolist()
        for seed in (1, 1, 2)
    ]
    assert same[0] == same[1] != same[2]


def test_exploration_of_three_comes_close_to_taking_turns():
    rewards = np.random.default_rng(0).random(100)
    _, pulls = draw_window(rewards, np.zeros(100), 400, rng=np.random.default_rng(0))
    assert pulls.min() >= 8
    assert pulls.max() <= 17


def test_the_random_policy_ignores_rewards_and_pulls():
    rewards, pulls = np.linspace(0, 1, 50), np.arange(50) * 100
    draws, _ = draw_window(rewards, pulls, 2000, exploration=0.0, policy="random", rng=np.random.default_rng(0))
    counts = np.bincount(draws.ravel(), minlength=50)  # 120 expected each, standard deviation 11
    assert counts.min() > 75
    assert counts.max() < 165


def test_the_greedy_policy_draws_as_without_exploration():
    rewards, pulls = np.random.default_rng(0).integers(0, 9, 300) / 9, np.arange(300)
    greedy, _ = draw_window(rewards, pulls, 50, policy="greedy", exploration=3.0, rng=np.random.default_rng(0))
    without, _ = draw_window(rewards, pulls, 50, policy="ucb", exploration=0.0, rng=np.random.default_rng(0))
    assert greedy.tolist() == without.tolist()


def test_round_robin_draws_the_least_pulled_lowest_index_first():
    options = {"counterexamples": 2, "policy": "round_robin", "rng": np.random.default_rng(0)}
    draws, pulls = draw_window(np.zeros(5), [2, 0, 1, 0, 5], 4, **options)
    assert draws.tolist() == [[1, 3], [1, 2], [3, 0], [1, 2]]
    assert pulls.tolist() == [3, 3, 3, 2, 5]


def test_thompson_draws_the_better_as_often_as_its_normals_say():
    """N(1, 1/2) is above N(0, 1/4) with probability Phi(1 / sqrt(3/4)) = 0.876."""
    draws = [
        draw_window([0.0, 1.0], [3, 1], 1, counterexamples=1, exploration=1.0, policy="thompson", rng=rng)[0][0, 0]
        for rng in map(np.random.default_rng, range(4_000))
    ]
    assert np.mean(draws) == pytest.approx(0.876, abs=0.02)  # standard deviation 0.005


def test_thompson_sees_the_pulls_of_the_draws_before():
    """All start uncertain: the draws themselves narrow the better ones down, and the rest stay as wide as before."""
    options = {"counterexamples": 1, "exploration": 1.0, "policy": "thompson", "rng": np.random.default_rng(0)}
    draws, _ = draw_window([0.0, 3.0], [0, 0], 2_000, **options)
    late = (draws[1_000:, 0] == 0).mean()  # N(0, 1) above 3: 0.0013; were the pulls not counted, 0.017
    assert late < 0.006


@pytest.mark.parametrize(("top_fraction", "top"), [(0.01, 3), (0.05, 5), (0.29, 29), (1.0, 100)])
def test_draws_come_from_the_top_fraction(top_fraction, top):
    rewards = np.linspace(1, 0, 100)
    options = {"exploration": 0.0, "top_fraction": top_fraction, "rng": np.random.default_rng(0)}
    draws, _ = draw_window(rewards, np.zeros(100), 500, **options)
    assert np.unique(draws).tolist() == list(range(top))


def test_a_draw_can_hold_any_number_of_counterexamples():
    shapes = [
        draw_window(np.ones(6), np.zeros(6), draws, counterexamples=number, rng=np.random.default_rng(0))[0].shape
        for draws, number in ((2, 0), (2, 1), (2, 6), (2, 9), (0, 3))
    ]
    assert shapes == [(2, 0), (2, 1), (2, 6), (2, 6), (0, 3)]


def test_the_histogram_counts_instructions_by_ascending_pulls():
    assert list(pulls_histogram(np.array([7, 0, 2, 0, 2, 0])).items()) == [(0, 3), (2, 2), (7, 1)]
    assert pulls_histogram([]) == {}


@pytest.mark.parametrize(
    ("draws", "pulls", "share"),
    [
        ([[0, 1]], [0, 0, 0], 1.0),
        ([[0, 1]], [0, 1, 1], 0.5),  # as of the draw, not of each pull
        ([[0], [0], [1], [1]], [0, 0], 0.75),  # 0 is least, is not, 1 is least, is again
        ([[0], [1]], [0, 9], 0.5),
        ([[0], [0], [0]], [0, 9], 1.0),
        ([[1], [1]], [3, 9], 0.0),
        ([[], []], [0, 0], 0.0),
        ([], [], 0.0),
    ],
)
def test_least_pulled_share_replays_the_window(draws, pulls, share):
    assert least_pulled_share(draws, pulls) == share
