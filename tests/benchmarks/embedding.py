"""The embedding stage against a bare `model.encode` of the same texts sorted by length; `--quick` takes fewer texts."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from fanno_hf.pipeline.services import build
from fanno_hf.sources.sample import read_sample
from fanno_hf.vectors.embedder import HashingEmbedder
from fanno_hf.vectors.store import EmbeddingStore
from tests.benchmarks import report
from tests.benchmarks.communities import DIM, resident
from tests.conftest import compose_config


def make_texts(count: int) -> list[str]:
    """Texts of 10 to 400 words, in the words of the sample."""
    words = " ".join(row["text"] or "" for row in read_sample()).split()
    rng = np.random.default_rng(0)
    lengths = np.exp(rng.uniform(np.log(10), np.log(400), count)).astype(int)
    return [" ".join(rng.choice(words, length)) for length in lengths]


def gathered_memory(count: int) -> float:
    """Peak memory of reading stored vectors in another order, as after a merge of shards, as a share of the vectors."""
    texts = [f"text {number}" for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        EmbeddingStore(HashingEmbedder(DIM), Path(folder)).encode(texts)
        store = EmbeddingStore(HashingEmbedder(DIM), Path(folder))
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        before = resident("VmRSS")
        store.encode(texts[::2] + texts[1::2])
        return (resident("VmHWM") - before) / (count * DIM * 4)


def main(quick: bool) -> None:
    size = 40_000  # below, what a process needs in any case is a large share
    # first: what models leave free would be used again, and hide what is needed
    report("gathered_memory", size, lambda: gathered_memory(size), None, limit=1.5, unit="of the rows' bytes", pairs=1)
    torch.set_num_threads(2)
    texts = make_texts(100 if quick else 400)
    model = build("embedder", compose_config().embedder)
    model.encode(texts[:32])
    bare = model._model

    def ours() -> float:
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            vectors["ours"] = EmbeddingStore(model, Path(folder)).encode(texts)
            return time.process_time() - started

    def peer() -> float:
        started = time.process_time()
        order = np.argsort([-len(text) for text in texts], kind="stable")
        found = bare.encode([texts[i] for i in order], batch_size=32, normalize_embeddings=True)
        vectors["peer"] = found[np.argsort(order)]
        return time.process_time() - started

    vectors: dict[str, np.ndarray] = {}
    ours(), peer()
    equal = bool(np.abs(vectors["ours"] - vectors["peer"]).max() < 1e-5)
    report(
        "embedding_stage", len(texts), ours, peer, limit=1.05, unit="s of CPU", equal=equal, pairs=3 if quick else 5
    )


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
