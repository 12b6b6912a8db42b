"""The graph of similar rows, whatever way it is made."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from fanno_hf.communities import prepare
from fanno_hf.communities.graph import link
from fanno_hf.communities.prepare import prepared_tiles
from fanno_hf.communities.sketch import Kind, Sketch, kinds, principal_axes
from fanno_hf.communities.tiles import Tiles
from fanno_hf.communities.torch_tiles import TorchTiles
from tests.communities import clustered, decaying, threshold_graph, unit


def expected_graph(rows: np.ndarray, threshold: float) -> np.ndarray:
    cosine = unit(rows.astype(np.float64)) @ unit(rows.astype(np.float64)).T
    np.fill_diagonal(cosine, -2)
    return np.where(cosine >= threshold, cosine, 0)


@pytest.mark.parametrize("block_size", [16, 64, 1024])
def test_the_graph_has_each_pair_that_reaches_the_threshold_in_both_directions(block_size):
    rows = clustered(np.random.default_rng(0), 150, 32, 20, 0.5)
    graph = threshold_graph(rows, 0.6, block_size=block_size)
    assert (type(graph), graph.dtype, graph.has_sorted_indices) == (csr_matrix, np.float32, True)
    np.testing.assert_allclose(graph.toarray(), expected_graph(rows, 0.6), atol=1e-6)


def test_pairs_at_the_threshold_are_linked():
    graph = threshold_graph(np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), 0.6)
    assert graph.toarray().round(6).tolist() == np.float32([[0, 0.6, 0], [0.6, 0, 0.8], [0, 0.8, 0]]).tolist()


def test_rows_without_similar_ones_have_no_links():
    graph = threshold_graph(np.eye(3), 0.5)
    assert (graph.shape, graph.nnz) == ((3, 3), 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.95])
def test_a_sketch_is_an_upper_bound(dtype, threshold):
    rows = decaying(300)
    cosine = rows.astype(np.float64) @ rows.T.astype(np.float64)
    for kind in kinds(principal_axes(rows), dtype):
        bounds, limit = TorchTiles(rows, threshold, 300, Sketch(rows, kind)).bounds(slice(0, 300), slice(0, 300))
        assert bounds.float().numpy()[cosine >= threshold].min() >= limit


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_sketch_saves_most_pairs(dtype):
    rows = decaying(300)
    sketch = Sketch(rows, kinds(principal_axes(rows), dtype)[-1])
    bounds, limit = TorchTiles(rows, 0.7, 300, sketch).bounds(slice(0, 300), slice(0, 300))
    assert (bounds >= limit).sum() < 2 * np.count_nonzero(expected_graph(rows, 0.7))


@given(st.integers(0, 10_000), st.sampled_from([0.2, 0.5, 0.7, 0.9]), st.sampled_from([torch.float32, torch.bfloat16]))
@settings(max_examples=8, deadline=None)
def test_a_sketch_changes_no_link(seed, threshold, dtype):
    rows = decaying(90, seed=seed)
    plain = link(Tiles(rows, threshold, 50), progress=False)
    for kind in [*kinds(principal_axes(rows), dtype), Kind(dtype, None)]:
        sketched = link(TorchTiles(rows, threshold, 50, Sketch(rows, kind)), progress=False)
        np.testing.assert_array_equal(sketched.indptr, plain.indptr)
        np.testing.assert_array_equal(sketched.indices, plain.indices)
        np.testing.assert_allclose(sketched.data, plain.data, atol=2e-6)


def test_rows_with_a_decaying_spectrum_get_a_sketch_and_the_same_links(monkeypatch):
    monkeypatch.setattr(prepare, "LARGE", 2)
    rows = decaying(1_100, dim=384)
    with prepared_tiles(rows, 0.7, 256, threads=1) as tiles:
        assert tiles.sketch is not None
        np.testing.assert_allclose(link(tiles, progress=False).toarray(), expected_graph(rows, 0.7), atol=2e-6)


def test_rows_without_a_sketch_get_the_same_links_of_torch_and_numpy():
    rows = unit(clustered(np.random.default_rng(2), 300, 32, 40, 0.5)).astype(np.float32)
    by_numpy, by_torch = (link(tiles(rows, 0.6, 64), progress=False) for tiles in (Tiles, TorchTiles))
    np.testing.assert_array_equal(by_torch.indptr, by_numpy.indptr)
    np.testing.assert_array_equal(by_torch.indices, by_numpy.indices)


def kind_of_tiles(rows: int) -> type[Tiles]:
    with prepared_tiles(decaying(rows, dim=32), 0.7, 8, threads=None) as tiles:
        return type(tiles)


def test_torch_multiplies_only_many_rows():
    assert (kind_of_tiles(8 * 24 - 1), kind_of_tiles(8 * 24)) == (Tiles, TorchTiles)


def test_where_torch_is_not_installed_numpy_multiplies_many_rows_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert kind_of_tiles(8 * 24) is Tiles
