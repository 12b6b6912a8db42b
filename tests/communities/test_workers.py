"""Rows that are compared elsewhere, in blocks: the same communities, and nobody gets all rows."""

import sys

import numpy as np
import pytest

from fanno_hf.communities import detect_communities, links, prepare
from fanno_hf.communities.links import Links, all_links
from fanno_hf.communities.prepare import prepared_tiles
from tests.communities import Elsewhere, clustered, compare_in_blocks, decaying, unit

ALGORITHMS = ("fast", "louvain", "leiden", "components", "approximate")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 100 rows, from the first row on."""
    compare_in_blocks(monkeypatch, 100, 100)


def rows_with_ties() -> np.ndarray:
    rows = clustered(np.random.default_rng(3), 730, 32, 90, 0.6)
    rows[400:500] = rows[:100]
    return rows


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_communities_are_those_of_one_process(algorithm):
    rows, workers = rows_with_ties(), Elsewhere()
    given = {"algorithm": algorithm, "block_size": 32, "random_seed": 3}
    assert detect_communities(rows, 0.6, workers=workers, **given) == detect_communities(rows, 0.6, **given)
    functions = {name for name, _ in workers.calls}
    assert functions == ({"find_cells", "link_parts"} if algorithm == "approximate" else {"link_blocks"})


def test_a_sketch_is_made_of_each_block(monkeypatch):
    monkeypatch.setattr(prepare, "LARGE", 2)
    rows, workers = decaying(1_100), Elsewhere()
    found = detect_communities(rows, 0.7, block_size=256, workers=workers)
    assert workers.put_values[0].sketch is not None
    monkeypatch.setitem(sys.modules, "torch", None)
    assert found == detect_communities(rows, 0.7)


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.96, 1.0])
def test_pairs_at_the_threshold_are_decided_as_in_one_process(threshold):
    rng = np.random.default_rng(1)
    rows = np.float64([[5, 0], [4, 3], [3, 4], [0, 5], [-3, 4]])[rng.integers(0, 5, 260)]  # cosines of 0, 0.28, 0.6, …
    rows[100:] += rng.normal(scale=2e-7, size=(160, 2))
    found = detect_communities(rows, threshold, block_size=32, workers=Elsewhere())
    assert found == detect_communities(rows, threshold, block_size=32)


@pytest.mark.parametrize("algorithm", ["fast", "approximate"])
def test_nobody_gets_all_rows(algorithm):
    rows, workers = rows_with_ties(), Elsewhere()
    detect_communities(rows, 0.6, algorithm=algorithm, workers=workers)
    for name, given in workers.calls:
        arrays = [value for value in given if isinstance(value, np.ndarray)]
        assert sum(map(len, arrays)) <= (400 if name == "link_parts" else 200)


def test_each_block_is_put_once():
    workers = Elsewhere()
    detect_communities(rows_with_ties(), 0.6, workers=workers)
    assert len(workers.put_values) == 1 + 8
    assert len(workers.calls) == 8 * 9 / 2


def test_links_that_need_too_much_memory_are_counted_and_nobody_sends_them_any_more():
    rows, workers = np.repeat(np.random.default_rng(7).normal(size=(2, 8)), [900, 100], axis=0), Elsewhere()
    assert detect_communities(rows, workers=workers) == [list(range(900)), list(range(900, 1000))]
    memory = [given[1] for _, given in workers.calls]
    assert memory[0] == 1000 * 8
    assert set(memory[6:]) == {-1}


def test_a_call_that_finds_too_many_links_gives_their_numbers_alone():
    rows = np.repeat(np.eye(4, dtype=np.float32), 25, axis=0)
    with prepared_tiles(rows, 0.7, 16, None) as tiles:
        few, many = (links.link_blocks(tiles.of(rows[:0]), memory, rows) for memory in (1e6, 1e4))
    assert few.counts.tolist() == many.counts.tolist() == [25] * 100
    assert len(few.ends[0]) == 4 * 25 * 24 / 2
    assert many.ends is None
    taken = Links(200, 1e6)
    taken.add_found(np.arange(50, 150), many)
    assert (taken.are_kept, taken.counts.sum()) == (False, 2500)


def test_few_rows_stay_here(monkeypatch):
    monkeypatch.setattr(links, "SPREAD", 731)
    workers = Elsewhere()
    with prepared_tiles(unit(rows_with_ties()).astype(np.float32), 0.6, 64, None) as tiles:
        assert all_links(tiles, 1e9, False, workers).counts.sum() > 730
    assert workers.calls == []
