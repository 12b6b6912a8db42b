"""Links among rows of the same cells, and how many are found."""

import logging

import numpy as np
import pytest

from fanno_hf.communities import approximate_neighbours, detect_communities
from tests.communities import clustered, planted, threshold_graph


def test_one_cell_finds_every_link():
    rows = clustered(np.random.default_rng(0), 300, 32, 40, 0.5)
    found = approximate_neighbours(rows, 0.6, cells=1)
    assert (found.graph != threshold_graph(rows, 0.6)).nnz == 0
    assert found.recall == 1


def test_no_link_is_wrong_and_the_recall_is_the_share_of_the_true_ones():
    rows = clustered(np.random.default_rng(1), 2_000, 32, 300, 0.9)
    found, true = approximate_neighbours(rows, 0.5, cells=30, probes=2, sample=2_000), threshold_graph(rows, 0.5)
    assert found.graph.multiply(true.astype(bool)).nnz == found.graph.nnz
    assert 0.5 < found.recall < 1
    assert (found.sampled_rows, found.sampled_links) == (2_000, true.nnz)
    assert found.recall == pytest.approx(found.graph.nnz / true.nnz)


def test_more_probes_find_more_links():
    rows = clustered(np.random.default_rng(1), 2_000, 32, 300, 0.9)
    few, many = (approximate_neighbours(rows, 0.5, cells=30, probes=probes).recall for probes in (1, 8))
    assert few < many


def test_the_recall_is_logged_in_a_sentence(caplog):
    with caplog.at_level(logging.INFO, "fanno_hf.communities.approximate"):
        detect_communities(planted((30, 20))[0], 0.6, algorithm="approximate")
    assert "100.00 % of the 1250 links of 50 sampled rows were found" in caplog.text


def test_without_links_nothing_is_missed():
    assert approximate_neighbours(np.eye(4), 0.5).recall == 1
