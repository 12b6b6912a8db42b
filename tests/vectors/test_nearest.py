"""The most similar old row of each new one."""

import numpy as np
import pytest

from fanno_hf.vectors.nearest import nearest
from tests.communities import unit


@pytest.mark.parametrize("block_size", [3, 4096])
def test_nearest_finds_the_most_similar_old_row(block_size):
    rng = np.random.default_rng(6)
    new, old = (unit(rng.normal(size=(size, 16))).astype(np.float32) for size in (50, 70))
    indices, similarities = nearest(new, old, block_size)
    assert indices.tolist() == (new @ old.T).argmax(axis=1).tolist()
    np.testing.assert_allclose(similarities, (new @ old.T).max(axis=1), rtol=1e-5)


def test_nearest_takes_the_first_of_equal_rows():
    old = np.array([[0, 1], [1, 0], [1, 0], [1, 0]], dtype=np.float32)
    assert nearest(old[1:2], old, block_size=2)[0].tolist() == [1]


def test_nearest_to_nothing_is_no_row():
    indices, similarities = nearest(np.eye(2, dtype=np.float32), np.zeros((0, 2), dtype=np.float32))
    assert indices.tolist() == [-1, -1]
    assert similarities.tolist() == [-np.inf, -np.inf]


def test_nearest_of_no_new_rows_is_empty():
    assert [part.shape for part in nearest(np.zeros((0, 2)), np.eye(2))] == [(0,), (0,)]
