"""Communities on Ray: those of one process, whoever dies on the way."""

import os
import signal

import numpy as np
import pytest

from fanno_hf.communities import detect_communities
from fanno_hf.engine import work
from fanno_hf.engine.cluster import Cluster
from fanno_hf.engine.embedding import RayEmbedder
from fanno_hf.engine.on_ray import RayEngine
from fanno_hf.settings import Engine
from fanno_hf.vectors.embedder import HashingEmbedder
from tests.communities import clustered, compare_in_blocks

CONFIG = {"_target_": "fanno_hf.vectors.embedder.HashingEmbedder", "dimension": 16}
pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def connected(cluster):
    made = Cluster(Engine(name="ray", address=cluster.address))
    yield made
    made.close()


@pytest.fixture
def engine(connected, tmp_path):
    return RayEngine(connected, tmp_path)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 300 rows, from the first row on."""
    compare_in_blocks(monkeypatch, 300, 200)


def rows_at_the_border() -> np.ndarray:
    """Rows of which some are equal, and some as similar as 0.6 to the last bit but one."""
    rows = clustered(np.random.default_rng(3), 1_000, 32, 120, 0.6)
    rows[600:700] = rows[:100]
    rows[:, -2:] = 0
    rows[700:900] = 0
    rows[700:900, -2:] = np.float32([[5, 0], [3, 4]])[np.arange(200) % 2] * (1 + np.arange(200) % 7)[:, None]
    return rows


@pytest.mark.parametrize("algorithm", ["fast", "components", "approximate"])
def test_the_communities_of_one_process(engine, algorithm):
    rows, given = rows_at_the_border(), {"algorithm": algorithm, "threads": 1}
    assert detect_communities(rows, 0.6, workers=engine, **given) == detect_communities(rows, 0.6, **given)


def test_more_links_than_there_is_memory_for(engine):
    rows = np.repeat(np.random.default_rng(7).normal(size=(2, 8)), [900, 100], axis=0)
    assert detect_communities(rows, workers=engine) == [list(range(900)), list(range(900, 1000))]


def test_processes_that_embed_leave_their_core_to_it_and_come_again(engine, connected):
    embedder = RayEmbedder(HashingEmbedder(16), CONFIG, connected)
    texts = ["Mosses have no roots.", "Tax is due in May."]
    first = embedder.encode(texts)  # a process on the only core
    assert detect_communities(np.eye(4), workers=engine) == [[0], [1], [2], [3]]
    assert (embedder.encode(texts) == first).all()
    connected.free_cores()


def computing(before):
    """What a task does, after `before(its rows)`; pickled as it stands, for its processes."""

    def compute(function, *given):
        before(given[2])
        return real(function, *given)

    real = work.compute
    return compute


def test_a_process_that_is_killed_is_replaced(engine, tmp_path, monkeypatch):
    rows, flag = rows_at_the_border(), tmp_path / "died"
    expected = detect_communities(rows, 0.6)

    def die_once(block):
        if block[0, 0] == third and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    third = (rows[600] / np.linalg.norm(rows[600]))[0]
    monkeypatch.setattr(work, "compute", computing(die_once))
    assert detect_communities(rows, 0.6, workers=engine) == expected
    assert flag.exists()
