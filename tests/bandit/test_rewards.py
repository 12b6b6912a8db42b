"""What the bandit can be rewarded with."""

import numpy as np
import pytest

from fanno_hf.bandit import Nearest, acceptance, mix
from fanno_hf.bandit import rewards as module
from fanno_hf.errors import UserError
from fanno_hf.settings import REWARDS, read_weights


def unit_rows(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("name", REWARDS)
def test_a_name_alone_has_all_the_weight(name):
    assert read_weights(name) == {name: 1.0}


def test_a_mix_names_its_weights():
    assert read_weights({"novelty": 1, "quality": 0.5}) == {"novelty": 1.0, "quality": 0.5}


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        ("novlety", r"reward=novlety is unknown.*novelty"),
        ({"quality": 0}, r"reward.quality=0: a weight is a number above 0"),
        ({"quality": float("inf")}, "a weight is a number above 0"),
        ({"quality": True}, "a weight is a number above 0"),
        ({"quality": "much"}, "reward.quality=much"),
        ({}, "name at least one of"),
        ({"quality": 10**400}, "a weight is a number above 0"),
        (["novelty", "quality"], "name at least one of"),
        ([["novelty", 1]], "name at least one of"),
        (5, "reward=5: name at least one of"),
        (True, "name at least one of"),
        (None, "name at least one of"),
    ],
)
def test_a_wrong_reward_is_named(reward, message):
    with pytest.raises(UserError, match=message):
        read_weights(reward)


def test_one_part_is_spread_over_zero_to_one():
    assert mix({"novelty": np.array([2.0, 4.0, 3.0])}, {"novelty": 7.0}).tolist() == [0.0, 1.0, 0.5]


def test_parts_count_by_their_weights():
    parts = {"novelty": np.array([0.0, 1.0]), "quality": np.array([9.0, 5.0])}
    assert mix(parts, {"novelty": 3.0, "quality": 1.0}).tolist() == [0.25, 0.75]


def test_parts_without_a_weight_count_nothing():
    parts = {"novelty": np.array([0.0, 1.0]), "quality": np.array([9.0, 5.0])}
    assert mix(parts, {"novelty": 1.0}).tolist() == [0.0, 1.0]


def test_an_unknown_value_is_in_the_middle():
    assert mix({"quality": np.array([0.1, np.nan, 0.9])}, {"quality": 1.0}).tolist() == [0.0, 0.5, 1.0]


def test_acceptance_of_what_was_never_tried_is_a_half():
    assert acceptance(np.array([0, 3, 0]), np.array([0, 3, 3])).tolist() == [0.5, 0.8, 0.2]


@pytest.mark.parametrize("block", [1, 4, 1_024])
def test_nearest_follows_a_growing_set(monkeypatch, block):
    monkeypatch.setattr(module, "BLOCK", block)
    rows, nearest = unit_rows(30), Nearest()
    for start, end in ((0, 12), (12, 13), (13, 13), (13, 30)):
        nearest.add(rows[:start], rows[start:end])
    similarities = rows @ rows.T
    np.fill_diagonal(similarities, -1.0)
    assert nearest.similarities == pytest.approx(similarities.max(axis=1), abs=1e-6)


def test_nearest_tells_how_near_new_rows_are_to_the_old_ones():
    rows = unit_rows(9)
    nearest = Nearest()
    nearest.add(rows[:0], rows[:5])
    found = nearest.add(rows[:5], rows[5:])
    assert found == pytest.approx((rows[5:] @ rows[:5].T).max(axis=1), abs=1e-6)


def test_a_single_row_has_nothing_near_it():
    nearest = Nearest()
    nearest.add(unit_rows(0), unit_rows(1))
    assert nearest.similarities.tolist() == [-1.0]
