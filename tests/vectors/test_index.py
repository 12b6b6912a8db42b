"""Retrieval: the true nearest passages below a size, a measured share of them above."""

import logging
import sys

import numpy as np
import pytest

from fanno_hf.errors import UserError
from fanno_hf.vectors.index import search


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def passages():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 32))
    return unit(centres[rng.integers(0, 60, 4_000)] + 0.4 * rng.normal(size=(4_000, 32)))


@pytest.fixture(scope="module")
def queries(passages):
    rng = np.random.default_rng(1)
    return unit(passages[rng.integers(0, len(passages), 300)] + 0.2 * rng.normal(size=(300, 32)) / np.sqrt(32))


def truth(passages, queries, k):
    return np.argsort(-(queries @ passages.T), axis=1, kind="stable")[:, :k]


def test_below_the_size_every_passage_is_compared(passages, queries):
    found = search(passages, queries, 3)
    assert np.array_equal(found.indices, truth(passages, queries, 3))
    assert np.allclose(found.scores, np.take_along_axis(queries @ passages.T, found.indices, axis=1), atol=1e-6)
    assert found.recall == 1.0


@pytest.mark.parametrize("least", [0.5, 0.9, 0.99])
def test_above_it_the_recall_that_was_asked_for_is_reached(passages, queries, least):
    found = search(passages, queries, 5, exact_below=1, least_recall=least)
    hits = (found.indices[:, :, None] == truth(passages, queries, 5)[:, None, :]).any(axis=2)
    assert found.recall >= least
    assert hits.mean() == pytest.approx(found.recall, abs=0.03)


def test_a_recall_of_one_reads_every_list(passages, queries):
    found = search(passages, queries, 5, exact_below=1, least_recall=1.0)
    assert np.array_equal(found.indices, truth(passages, queries, 5))


def test_the_recall_is_told(passages, queries, caplog):
    with caplog.at_level(logging.INFO, "fanno_hf"):
        found = search(passages, queries, 5, exact_below=1)
    assert f"recall@5 {found.recall:.3f} on 256 queries" in caplog.text


def test_the_same_seed_finds_the_same(passages, queries):
    first, second = (search(passages, queries, 5, exact_below=1, least_recall=0.6) for _ in range(2))
    assert np.array_equal(first.indices, second.indices)


@pytest.mark.parametrize("exact_below", [1, 100])
def test_no_more_passages_are_found_than_there_are(passages, exact_below):
    found = search(passages[:3], passages[:2], 10, exact_below=exact_below)
    assert found.indices.shape == (2, 3)


@pytest.mark.parametrize("exact_below", [1, 10**6])
def test_no_query_finds_nothing(passages, exact_below):
    found = search(passages, passages[:0], 4, exact_below=exact_below)
    assert found.scores.shape == found.indices.shape == (0, 4)


def test_passages_may_lie_on_disk_and_be_read_only(passages, queries, tmp_path):
    np.save(tmp_path / "passages.npy", passages)
    mapped = np.load(tmp_path / "passages.npy", mmap_mode="r")
    for exact_below in (1, 10**6):
        assert np.array_equal(
            search(mapped, queries, 3, exact_below=exact_below).indices,
            search(passages, queries, 3, exact_below=exact_below).indices,
        )


@pytest.fixture
def without_faiss(monkeypatch):
    """A function like `search` where FAISS is not installed."""

    def do(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "faiss", None)
            return search(*arguments, **options)

    return do


def test_without_faiss_the_same_passages_are_found(passages, queries, without_faiss):
    found, expected = without_faiss(passages, queries, 5), search(passages, queries, 5)
    assert np.array_equal(found.indices, expected.indices)
    assert np.allclose(found.scores, expected.scores, atol=1e-6)
    assert (found.scores.dtype, found.indices.dtype, found.recall) == (np.float32, np.int64, 1.0)


@pytest.mark.parametrize("k", [1, 3, 8, 40])
@pytest.mark.parametrize("size", [8, 50, 3_000])
def test_without_faiss_equal_scores_come_in_the_same_order(size, k, without_faiss):
    rng = np.random.default_rng(size + k)
    passages, queries = (rng.integers(0, 2, (n, 6)).astype(np.float32) for n in (size, 300))  # ties everywhere
    assert np.array_equal(without_faiss(passages, queries, k).indices, search(passages, queries, k).indices)


def test_without_faiss_no_query_finds_nothing(passages, without_faiss):
    assert without_faiss(passages, passages[:0], 4).indices.shape == (0, 4)


def test_without_faiss_an_inverted_file_names_the_command(passages, queries, without_faiss):
    said = r"exact_below=4000: retrieval among 4,000 passages needs faiss-cpu, .* `pip install 'fanno_hf\[local\]'`"
    with pytest.raises(UserError, match=said):
        without_faiss(passages, queries, 5, exact_below=4_000)
