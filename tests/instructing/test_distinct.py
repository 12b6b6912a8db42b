"""The better of two equal instructions stays."""

import numpy as np
import pytest

from fanno_hf.instructing.distinct import find_near_repeats
from fanno_hf.texts.repeat import Repeat

A, NEAR_A, B = np.eye(3)[0], np.array([0.96, 0.28, 0.0]), np.eye(3)[2]


def unit(*rows):
    return np.array(rows, dtype=np.float32)


def test_the_worse_one_repeats_the_better_one():
    found = find_near_repeats(unit(A, NEAR_A, B), np.array([0.2, 0.9, 0.5]), 0.9)
    assert found[0] == Repeat(1, pytest.approx(0.96), in_pool=False)
    assert found[1:] == [None, None]


def test_among_equals_the_earlier_one_stays():
    assert [r is None for r in find_near_repeats(unit(A, A, A), np.zeros(3), 0.9)] == [True, False, False]


def test_a_row_of_the_pool_stays_in_any_case():
    found = find_near_repeats(unit(NEAR_A, B), np.array([9.0, 9.0]), 0.9, unit(A))
    assert found == [Repeat(0, pytest.approx(0.96), in_pool=True), None]


def test_indices_of_new_rows_follow_the_pool():
    found = find_near_repeats(unit(A, A), np.zeros(2), 0.9, unit(B))
    assert found == [None, Repeat(0, pytest.approx(1.0), in_pool=False)]


def test_below_the_threshold_everything_stays():
    assert find_near_repeats(unit(A, NEAR_A, B), np.zeros(3), 0.97) == [None, None, None]


def test_no_rows():
    assert find_near_repeats(np.zeros((0, 3), dtype=np.float32), np.zeros(0), 0.9) == []
