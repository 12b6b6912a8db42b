"""Communities, their representatives, and nearest rows."""

import numpy as np
import pytest
from sentence_transformers.util import community_detection

from fanno_hf import communities
from fanno_hf.communities import detect_communities, nearest, representatives


def clustered(rng: np.random.Generator, size: int, dim: int, centres: int, noise: float) -> np.ndarray:
    """Rows scattered around some centres, not of unit length; float32."""
    centre = rng.normal(size=(centres, dim))[rng.integers(0, centres, size)]
    return (centre + noise * rng.normal(size=(size, dim))).astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clear_threshold(rows: np.ndarray, wanted: float) -> float:
    """Returns a threshold just above `wanted` with no pair within 1e-5, so that float32 rounding decides nothing."""
    rows = unit(rows.astype(np.float64))
    gaps = np.sort(np.concatenate([[wanted], (rows @ rows.T).ravel(), [1.1]]))
    gaps = gaps[gaps >= wanted]
    start = gaps[np.argmax(np.diff(gaps) > 4e-5)]
    return start + 2e-5


def cases():
    sizes = (0, 1, 2, 3, 7, 40, 130, 131, 200, 300)
    for index in range(30):
        min_size, wanted = (1, 2, 5)[index % 3], (0.3, 0.7, 0.9, -0.1)[index % 4]
        yield pytest.param(index, sizes[index % 10], min_size, wanted, id=f"{sizes[index % 10]}-{min_size}-{wanted}")


@pytest.mark.parametrize(("seed", "size", "min_size", "wanted"), list(cases()))
def test_communities_equal_those_of_sentence_transformers(seed, size, min_size, wanted):
    rng = np.random.default_rng(seed)
    rows = clustered(rng, size, (4, 16, 48)[seed % 3], 1 + size // 6, (0.2, 0.6, 1.2)[seed // 3 % 3])
    if seed % 2 and size > 3:
        rows[size // 2 : size // 2 + size // 4] = rows[: size // 4]  # exact copies: ties
    threshold = clear_threshold(rows, wanted)
    ours = detect_communities(rows, threshold, min_size, block_size=64)
    theirs = community_detection(rows, threshold=threshold, min_community_size=min_size)
    # Equal similarities come in either order there, so lists are compared by centre and members.
    assert [(row[0], sorted(row)) for row in ours] == [(row[0], sorted(row)) for row in theirs]


@pytest.mark.parametrize("seed", range(5))
def test_without_ties_the_order_of_members_is_the_same_too(seed):
    rows = clustered(np.random.default_rng(seed), 60, 24, 8, 0.5)
    threshold = clear_threshold(rows, 0.6)
    assert detect_communities(rows, threshold) == community_detection(rows, threshold=threshold, min_community_size=1)


def test_a_community_starts_with_its_centre_and_loners_are_kept():
    angles = np.radians([0, 90, 20, 40, 180])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert detect_communities(rows, threshold=np.cos(np.radians(25))) == [[2, 0, 3], [1], [4]]


def test_a_row_held_by_a_larger_community_starts_none_of_its_own():
    angles = np.radians([0, 10, 20, 30, 40, 50])  # 1 to 4 have two neighbours: 1 takes 0 and 2, and 3 what is left
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = detect_communities(rows, threshold=np.cos(np.radians(12)))
    assert [sorted(row) for row in found] == [[0, 1, 2], [3, 4], [5]]


def test_min_size_drops_smaller_communities():
    rows = np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [0, 0, 1], [0, 0.1, 1], [0, 0, 1]])
    assert [len(row) for row in detect_communities(rows, min_size=1)] == [3, 2, 1]
    assert [len(row) for row in detect_communities(rows, min_size=2)] == [3, 2]
    assert detect_communities(rows, min_size=4) == []


def test_equal_rows_meet_a_threshold_of_one():
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(20, 384)), 3, axis=0)
    expected = [[3 * index, 3 * index + 1, 3 * index + 2] for index in range(20)]
    assert [sorted(row) for row in detect_communities(rows, threshold=1.0)] == expected


def test_pairs_at_the_threshold_are_neighbours_whatever_their_scale():
    rows = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 1.0]]) * np.array([[1e-6], [1.0], [1e6]])
    assert detect_communities(rows, threshold=0.6) == [[1, 2, 0]]


@pytest.mark.parametrize("block_size", [1, 7, 64, 1024])
def test_block_size_changes_nothing(block_size):
    rows = clustered(np.random.default_rng(4), 250, 32, 30, 0.5)
    assert detect_communities(rows, 0.7, block_size=block_size) == detect_communities(rows, 0.7, block_size=250)


def test_a_small_budget_of_pairs_changes_nothing(monkeypatch):
    rows = clustered(np.random.default_rng(5), 250, 32, 10, 0.4)
    expected = detect_communities(rows, 0.6)
    monkeypatch.setattr(communities, "_PAIRS", 3)
    monkeypatch.setattr(communities, "_REFINED", 2)
    assert detect_communities(rows, 0.6) == expected


@pytest.mark.parametrize("shape", [(0,), (0, 384)])
def test_no_rows_make_no_communities(shape):
    assert detect_communities(np.zeros(shape)) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 0], [np.nan, 1]], "row 1 of the embeddings is not finite"),
        ([[1, 0], [0, np.inf]], "row 1 of the embeddings is not finite"),
        ([[1, 0], [0, 1], [0, 0]], "row 2 of the embeddings is all zeros"),
        ([1, 2, 3], r"shape \(n_rows, dim\), got \(3,\)"),
        (np.ones((2, 3, 4)), r"shape \(n_rows, dim\), got \(2, 3, 4\)"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        detect_communities(np.array(rows, dtype=float))


@pytest.mark.parametrize(
    "argument", [{"threshold": 1.2}, {"threshold": float("nan")}, {"min_size": 0}, {"block_size": 0}]
)
def test_arguments_out_of_range_are_refused(argument):
    with pytest.raises(ValueError, match=f"{next(iter(argument))} .* got {next(iter(argument.values()))}"):
        detect_communities(np.eye(2), **argument)


def test_the_representative_has_the_highest_priority_then_the_lowest_index():
    priority = np.array([5, 1, 9, 9, 2, 9])
    assert representatives([[4, 3, 2], [0, 1], [5]], priority) == [0, 2, 5]


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


def test_nearest_refuses_rows_of_another_size():
    with pytest.raises(ValueError, match=r"rows of the same size, got \(2, 2\) and \(3, 3\)"):
        nearest(np.eye(2), np.eye(3))
