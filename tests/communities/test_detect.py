"""Communities, by each algorithm, and their representatives."""

import sys
import tracemalloc
import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from fanno_hf.communities import detect_communities, greedy, links, prepare, representatives
from fanno_hf.communities.cosines import unit_rows
from fanno_hf.communities.prepare import prepared_tiles
from fanno_hf.errors import UserError
from tests.communities import clear_threshold, clustered, planted, unit

ALGORITHMS = ("fast", "louvain", "leiden", "components", "approximate")


def cases():
    sizes = (0, 1, 2, 3, 7, 40, 130, 131, 200, 300)
    for index in range(20):
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
    from sentence_transformers.util import community_detection  # seconds, and for this test alone

    theirs = community_detection(rows, threshold=threshold, min_community_size=min_size)
    # Equal similarities come in either order there, so lists are compared by centre and members.
    assert [(row[0], sorted(row)) for row in ours] == [(row[0], sorted(row)) for row in theirs]


def test_a_community_starts_with_its_centre_and_loners_are_kept():
    angles = np.radians([0, 90, 20, 40, 180])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert detect_communities(rows, threshold=np.cos(np.radians(25))) == [[2, 0, 3], [1], [4]]


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
    rows = clustered(np.random.default_rng(4), 60, 32, 12, 0.5)
    assert detect_communities(rows, 0.7, block_size=block_size) == detect_communities(rows, 0.7, block_size=60)


def test_links_that_need_too_much_memory_are_looked_up_again(monkeypatch):
    rows = clustered(np.random.default_rng(5), 250, 32, 10, 0.4)
    monkeypatch.setattr(links, "LINK", 0)
    expected = detect_communities(rows, 0.6)
    monkeypatch.setattr(links, "LINK", 1e9)
    monkeypatch.setattr(greedy, "BATCH", 3)
    assert detect_communities(rows, 0.6) == expected


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_communities_are_what_the_definition_says(data):
    """Against the definition in four lines of python, on rows of integers: ties of every kind."""
    dim, size = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 25))
    row = st.lists(st.integers(-2, 2), min_size=dim, max_size=dim).filter(any)
    rows = np.array(data.draw(st.lists(row, min_size=size, max_size=size))).reshape(size, dim)
    threshold, min_size = data.draw(st.floats(-1, 1)), data.draw(st.integers(1, 4))
    cosine = unit(rows.astype(float)) @ unit(rows.astype(float)).T
    assume(np.abs(cosine - threshold).min(initial=1) > 1e-6)
    free, expected = np.ones(size, dtype=bool), []
    for centre in np.argsort(-(cosine >= threshold).sum(axis=1), kind="stable"):
        members = np.flatnonzero((cosine[centre] >= threshold) & free)
        if free[centre] and len(members) >= min_size:
            free[members] = False
            expected.append((centre, members.tolist()))
    expected.sort(key=lambda one: len(one[1]), reverse=True)
    found = detect_communities(rows, threshold, min_size, block_size=7)
    assert [(one[0], sorted(one)) for one in found] == expected


def numpy_threads() -> set[int]:
    pools = (pool for pool in threadpool_info() if pool["user_api"] == "blas" and "numpy" in pool["filepath"])
    return {pool["num_threads"] for pool in pools}


@pytest.mark.parametrize("large", [24, 2])  # tiles in a row from which on torch multiplies
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing_and_are_set_back(threads, large, monkeypatch):
    monkeypatch.setattr(prepare, "LARGE", large)
    rows, before = clustered(np.random.default_rng(6), 700, 64, 60, 0.6), (torch.get_num_threads(), numpy_threads())
    assert detect_communities(rows, 0.6, threads=threads, block_size=128) == detect_communities(rows, 0.6)
    assert (torch.get_num_threads(), numpy_threads()) == before


@pytest.mark.parametrize("large", [24, 2])
@pytest.mark.parametrize("threads", [1, 3])
def test_products_use_as_many_threads_as_asked_for(threads, large, monkeypatch):
    monkeypatch.setattr(prepare, "LARGE", large)
    rows = unit(clustered(np.random.default_rng(6), 40, 8, 4, 0.6)).astype(np.float32)
    with prepared_tiles(rows, 0.6, 16, threads):
        assert numpy_threads() == {threads}
        assert large == 24 or torch.get_num_threads() == threads


@pytest.mark.parametrize("algorithm", ["fast", "louvain", "leiden", "components"])
def test_torch_and_numpy_find_the_same_communities(algorithm, monkeypatch):
    rows = clustered(np.random.default_rng(9), 900, 64, 60, 0.6)
    rows[500:700] = rows[:200]  # exact copies: ties
    monkeypatch.setattr(prepare, "LARGE", 2)
    by_torch = detect_communities(rows, 0.6, algorithm=algorithm, block_size=128)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert detect_communities(rows, 0.6, algorithm=algorithm, block_size=128) == by_torch


def test_the_approximate_algorithm_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    said = r"algorithm=approximate needs faiss-cpu, .* `pip install 'fanno_hf\[local\]'`"
    with pytest.raises(UserError, match=said):
        detect_communities(planted((100, 100))[0], algorithm="approximate")


def test_rows_mapped_from_a_file_read_only_are_neither_copied_nor_warned_about(tmp_path):
    rows, clusters = planted((40, 30, 20))
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [set(row) for row in detect_communities(mapped)] == clusters
    assert np.shares_memory(unit_rows(mapped), mapped)


@pytest.mark.parametrize("threshold", [0.7, 1.0])
def test_many_equal_rows_are_one_community(threshold):
    rows = np.repeat(np.random.default_rng(7).normal(size=(1, 32)), 5_000, axis=0)
    tracemalloc.start()
    found = detect_communities(rows, threshold)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [list(range(5_000))]
    assert peak < 25_000_000  # bytes; a table of all pairs has 25 million cells


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_finds_planted_clusters(algorithm):
    rows, clusters = planted((50, 40, 30, 1))
    found = detect_communities(rows, 0.6, algorithm=algorithm)
    assert [set(row) for row in found] == clusters
    assert [len(row) for row in detect_communities(rows, 0.6, 31, algorithm)] == [50, 40]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_algorithm_minds_an_empty_input_or_rows_without_neighbours(algorithm):
    assert detect_communities(np.zeros((0, 8)), algorithm=algorithm) == []
    assert detect_communities(np.eye(3), 0.5, algorithm=algorithm) == [[0], [1], [2]]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_repeats_itself(algorithm):
    rows = clustered(np.random.default_rng(8), 400, 32, 40, 0.7)
    first, second = (detect_communities(rows, 0.5, algorithm=algorithm, random_seed=3) for _ in range(2))
    assert first == second


def test_the_member_with_most_neighbours_leads_and_others_follow_by_similarity():
    angles = np.radians([0, 20, 41, 61])  # a chain: 1 and 2 have two neighbours, 1 is nearer to them together
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    angle = np.cos(np.radians(22))
    assert detect_communities(rows, angle, algorithm="components") == [[1, 0, 2, 3]]


@pytest.mark.parametrize("progress", [False, True])
def test_a_bar_is_on_stderr_only_when_asked_for(progress, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    detect_communities(np.eye(4), progress=progress)
    captured = capsys.readouterr()
    assert ("similarities" in captured.err) == progress
    assert captured.out == ""


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


def test_the_representative_has_the_highest_priority_then_the_lowest_index():
    priority = np.array([5, 1, 9, 9, 2, 9])
    assert representatives([[4, 3, 2], [0, 1], [5]], priority) == [0, 2, 5]
