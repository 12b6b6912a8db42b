"""Vectors from processes of Ray: those of the embedder itself, whoever dies on the way."""

import os
import signal

import pytest

from fanno_hf.engine import embedding, work
from fanno_hf.engine.cluster import Cluster
from fanno_hf.errors import FannoError, UserError
from fanno_hf.settings import Engine
from fanno_hf.vectors.embedder import HashingEmbedder
from fanno_hf.vectors.store import EmbeddingStore

pytestmark = pytest.mark.ray

CONFIG = {"_target_": "fanno_hf.vectors.embedder.HashingEmbedder", "dimension": 16}
TEXTS = [f"text {number} of {number % 7} words" for number in range(70)]


@pytest.fixture
def connected(cluster):
    made = Cluster(Engine(name="ray", address=cluster.address, embedders=1))
    yield made
    made.close()


@pytest.fixture
def embedder(connected, monkeypatch):
    monkeypatch.setattr(embedding, "_CALL", 8)
    monkeypatch.setattr(embedding, "CHUNK", 32)
    return embedding.RayEmbedder(HashingEmbedder(16), CONFIG, connected)


def meeting(before, folder):
    """A class like work.Embedding that calls `before(texts, folder)`; pickled as it stands, for its processes."""

    class Embedding:
        def __init__(self, config):
            from fanno_hf.engine.work import Embedding as Real

            self._real = Real(config)

        def ready(self):
            return True

        def encode(self, texts):
            before(texts, folder)
            return self._real.encode(texts)

    return Embedding


def test_the_vectors_of_the_embedder_itself(embedder, tmp_path):
    store, here = EmbeddingStore(embedder, tmp_path / "ray"), EmbeddingStore(HashingEmbedder(16), tmp_path / "here")
    assert (store.encode(TEXTS) == here.encode(TEXTS)).all()
    assert [rows for rows, _ in embedder.arrivals(TEXTS)] == [slice(0, 32), slice(32, 64), slice(64, 70)]
    assert embedder.encode([]).shape == (0, 16)


def test_processes_are_no_more_than_calls(connected, embedder, monkeypatch):
    connected.settings = Engine(name="ray", embedders=2)
    embedder.encode(TEXTS[:8])
    assert len(connected.processes) == 1
    embedder.encode(TEXTS[:40])
    assert len(connected.processes) == 2


def test_the_call_of_a_lost_process_goes_to_another(embedder, tmp_path, monkeypatch):
    def die_once(texts, folder):
        if TEXTS[40] in texts and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(work, "Embedding", meeting(die_once, tmp_path))
    assert (embedder.encode(TEXTS) == HashingEmbedder(16).encode(TEXTS)).all()
    assert (tmp_path / "died").exists()


def test_texts_that_kill_every_process_end_the_run(embedder, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "Embedding", meeting(lambda *_: os.kill(os.getpid(), signal.SIGKILL), tmp_path))
    with pytest.raises(
        FannoError, match="engine=ray: (the process that embeds was lost|every process that embeds ended)"
    ):
        embedder.encode(TEXTS[:8])


def test_what_the_embedder_refuses_is_said_as_it_says_it(embedder, tmp_path, monkeypatch):
    def refuse(texts, folder):
        raise UserError("no such model")

    monkeypatch.setattr(work, "Embedding", meeting(refuse, tmp_path))
    with pytest.raises(UserError, match="^no such model$"):
        embedder.encode(TEXTS)
