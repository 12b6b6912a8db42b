"""The embedding stage against a bare `model.encode` of the same texts sorted by length; `--quick` takes fewer texts."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from fanno_hf.packaged import find_packaged_file
from fanno_hf.pipeline.services import build
from fanno_hf.sources.sample import read_sample
from fanno_hf.vectors.embedder import HashingEmbedder
from fanno_hf.vectors.store import EmbeddingStore
from tests.benchmarks import added_bytes, cpu_timed, once, report, start
from tests.benchmarks.communities import DIM
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
        return added_bytes(lambda: store.encode(texts[::2] + texts[1::2])) / (count * DIM * 4)


def main(quick: bool) -> None:
    size = 40_000  # below, what a process needs in any case is a large share
    # first: what models leave free would be used again, and hide what is needed
    once("gathered_memory", size, gathered_memory(size), limit=1.5, unit="of the rows' bytes")
    torch.set_num_threads(2)
    texts = make_texts(100 if quick else 400)
    config = compose_config().embedder
    model = build("embedder", config)
    packaged = find_packaged_file(*(config[key] for key in ("package", "pattern", "sha256", "version")))
    bare = SentenceTransformer(str(packaged.parent), local_files_only=True)

    def ours() -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            return EmbeddingStore(model, Path(folder)).encode(texts)

    def peer() -> np.ndarray:
        order = np.argsort([-len(text) for text in texts], kind="stable")
        found = bare.encode([texts[i] for i in order], batch_size=32, normalize_embeddings=True)
        return found[np.argsort(order)]

    equal = bool(np.abs(ours() - peer()).max() < 1e-5)
    same = {"unit": "s of CPU", "equal": equal, "pairs": 3 if quick else 5}
    report("embedding_stage", len(texts), cpu_timed(ours), cpu_timed(peer), limit=1.05, **same)


if __name__ == "__main__":
    start(main)
