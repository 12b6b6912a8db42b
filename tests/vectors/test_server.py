"""Vectors from servers: who is asked for what, how often, and what comes of everything a server may do."""

import json
import re

import numpy as np
import pytest

from fanno_hf.columns import DOCUMENT
from fanno_hf.errors import FannoError, UserError
from fanno_hf.pipeline.services import build
from fanno_hf.teacher.body import NoAnswer
from fanno_hf.vectors.client import read_vectors
from fanno_hf.vectors.embedder import HashingEmbedder
from fanno_hf.vectors.server import ServerEmbedder
from fanno_hf.vectors.store import EmbeddingStore
from tests.doubles.tei import TeiServer

TEXTS = [f"Moss number {n} has no roots" + " and drinks rain" * (n % 5) for n in range(100)]
VECTORS = HashingEmbedder(64).encode(TEXTS)


@pytest.fixture
def embedder():
    """A function that makes an embedder of servers, closed at the end of the test."""
    made = []

    def make(*servers, **settings) -> ServerEmbedder:
        urls = [getattr(server, "url", server) for server in servers]
        made.append(ServerEmbedder(urls, **{"retries": 2, "patience": 5.0, **settings}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def sent(*servers: TeiServer) -> list[str]:
    """The texts of all batches."""
    return [text for server in servers for batch in server.batches for text in batch]


def test_every_text_gets_its_vector_and_is_sent_once_in_batches_that_the_server_takes(embedder):
    with TeiServer(max_client_batch_size=8) as server:
        vectors = embedder(server).encode(TEXTS)
    assert np.allclose(vectors, VECTORS, atol=1e-6)
    assert vectors.dtype == np.float32
    assert sorted(sent(server)) == sorted(TEXTS)
    assert max(map(len, server.batches)) == 8


@pytest.mark.parametrize("like", ["tei", "openai"])
@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_both_formats_of_numbers_and_both_kinds_of_servers_give_the_same(embedder, like, encoding_format):
    with TeiServer(like=like) as server:
        assert np.allclose(embedder(server, encoding_format=encoding_format).encode(TEXTS[:5]), VECTORS[:5], atol=1e-6)


def test_vectors_are_put_in_order_and_made_unit_long(embedder):
    def alter(answer):
        for entry in answer["data"]:
            entry["embedding"] = [3.0 * number for number in entry["embedding"]]
        return {**answer, "data": answer["data"][::-1]}

    with TeiServer(alter=alter) as server:
        assert np.allclose(embedder(server).encode(TEXTS[:5]), VECTORS[:5], atol=1e-6)


def test_two_servers_share_the_batches_and_one_that_is_not_there_is_set_aside(embedder):
    with TeiServer() as one, TeiServer() as other:
        vectors = embedder(one, other, "http://127.0.0.1:9", batch_size=4).encode(TEXTS)
    assert np.allclose(vectors, VECTORS, atol=1e-6)
    assert sorted(sent(one, other)) == sorted(TEXTS)
    assert one.batches and other.batches


@pytest.mark.parametrize("fault", [429, 503, 424, 500, "drop"])
def test_what_passes_is_sent_again(embedder, fault):
    with TeiServer([None, fault]) as server:
        vectors = embedder(server).encode(TEXTS[:64])
    assert np.allclose(vectors, VECTORS[:64], atol=1e-6)
    assert [len(batch) for batch in server.batches] == [32, 32, 32]


def test_a_batch_that_is_too_large_for_a_server_that_does_not_say_so_is_halved_until_it_is_taken(embedder):
    with TeiServer(like="openai", max_client_batch_size=10) as server:
        vectors = embedder(server).encode(TEXTS)
    assert np.allclose(vectors, VECTORS, atol=1e-6)
    sizes = [len(batch) for batch in server.batches]
    assert sizes[:7] == [32, 16, 8, 8, 16, 8, 8]
    assert max(sizes[7:]) == 8


LONG = "moss " * 600


def test_tei_cuts_a_long_text_where_it_is_told_to(embedder):
    with TeiServer(auto_truncate=False) as server:
        vectors = embedder(server).encode([LONG, TEXTS[0]])
    assert server.paths == ["/embed"]
    assert np.allclose(vectors, HashingEmbedder(64).encode([LONG, TEXTS[0]]), atol=1e-6)


def test_a_long_text_that_nobody_cuts_is_named_with_the_limit(embedder):
    words = (
        r"refuses the text 'moss moss .*', 3,000 characters long \(413: Input validation error: `inputs` must have less than "
        r"512 tokens. Given: 602\): its limit is 512 tokens; let it cut longer texts \(embedder.truncate=true for TEI"
    )
    with TeiServer(auto_truncate=False) as server, pytest.raises(UserError, match=words):
        embedder(server, truncate=False).encode([*TEXTS, LONG])


def test_a_prefix_goes_before_each_text_and_is_a_part_of_the_identity(embedder):
    with TeiServer() as server:
        plain, queries = embedder(server), embedder(server, prefix="query: ")
        queries.encode(TEXTS[:1])
        assert queries.identity == f"{plain.identity}, prefix 'query: '"
    assert sent(server) == [f"query: {TEXTS[0]}"]


@pytest.mark.parametrize(
    ("told", "given", "identity"),
    [
        ({}, {}, "thenlper/gte-base@fca14538aa99, float16, cls"),
        ({"model_sha": None, "model_dtype": "float32"}, {}, "thenlper/gte-base@float32, cls"),
        ({"like": "openai", "model": "/models/gte.gguf"}, {}, "gte.gguf"),
        ({}, {"model": "thenlper/gte-base", "revision": "v2"}, "thenlper/gte-base@v2"),
        ({}, {"extra_body": {"dimensions": 32}}, 'thenlper/gte-base@fca14538aa99, float16, cls {"dimensions": 32}'),
    ],
)
def test_the_identity_says_what_decides_the_vectors_and_no_address(embedder, told, given, identity):
    with TeiServer(**told) as server:
        assert embedder(server, **given).identity == identity


def test_with_a_model_that_is_named_no_server_is_asked_before_there_is_a_text(embedder):
    assert embedder("http://127.0.0.1:9", model="gte", revision="v1").identity == "gte@v1"


def test_servers_of_two_models_are_refused(embedder):
    words = "embedder.base_url: .* serves thenlper/gte-base@fca14538aa99, float(16|32), cls, and .* float.., cls; all must serve"
    with TeiServer() as one, TeiServer(model_dtype="float32") as other, pytest.raises(UserError, match=words):
        embedder(one, other).encode(TEXTS)


def test_a_server_that_is_not_there_is_named(embedder):
    with pytest.raises(
        FannoError, match=r"The embedder at http://127.0.0.1:9 cannot be reached .* correct embedder.base_url"
    ):
        embedder("http://127.0.0.1:9", patience=0.0).encode(TEXTS)


def test_a_model_that_does_not_embed_ends_the_run_with_the_servers_words(embedder):
    with (
        TeiServer([424] * 9) as server,
        pytest.raises(FannoError, match=r"gives no vectors for 5 texts \(given up .*424"),
    ):
        embedder(server, retries=0).encode(TEXTS[:5])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"data": [{"embedding": [1, 0], "index": 0}]}', "1 vectors for 2 texts"),
        (
            b'{"data": [{"embedding": [1, 0], "index": 0}, {"embedding": [1, 0], "index": 0}]}',
            "which text each belongs to",
        ),
        (
            b'{"data": [{"embedding": [1, 0], "index": 0}, {"embedding": [1, 0], "index": 7}]}',
            "which text each belongs to",
        ),
        (b'{"data": [{"embedding": [1, 0]}, {"embedding": [1, 0, 0]}]}', "of 2 and of 3 numbers in one answer"),
        (b'{"data": [{"embedding": [1, 0]}, {"embedding": [NaN, 0]}]}', "without a direction"),
        (b'{"data": [{"embedding": [1, 0]}, {"embedding": [null, 0]}]}', "without a direction"),
        (b'{"data": [{"embedding": [1, 0]}, {"embedding": [0, 0]}]}', "without a direction"),
        (b'{"data": [{"embedding": [1, 0]}, {"embedding": [[1], [0]]}]}', "no list of numbers"),
        (b'{"data": [{"embedding": [1, 0]}, {"embedding": "AAAA!"}]}', "no list of numbers"),
        (b'{"data": [{"embedding": [1, 0]}, {}]}', "no list of numbers"),
        (b'{"error": "no model is loaded"}', "no vectors, but: no model is loaded"),
        (b"<html>", "no JSON"),
    ],
)
def test_what_is_no_answer_is_refused(content, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        read_vectors(content, "application/json", 2)


def test_one_vector_for_many_texts_is_no_answer_and_for_a_few_it_is():
    answer = lambda count: json.dumps({"data": [{"embedding": [1.0, 2.0]}] * count}).encode()  # noqa: E731
    assert read_vectors(answer(7), "application/json", 7).shape == (7, 2)
    with pytest.raises(NoAnswer, match="the same vector for 8 texts: is its model loaded?"):
        read_vectors(answer(8), "application/json", 8)


def test_integers_beyond_all_floats_are_no_vector():
    with pytest.raises(NoAnswer, match="a vector that is no list of numbers"):
        read_vectors(b'{"data": [{"embedding": [1' + b"0" * 400 + b"]}]}", "application/json", 1)


def test_half_an_answer_is_asked_for_again(embedder):
    answers = iter([lambda a: {**a, "data": a["data"][:-1]}, *[lambda a: a] * 3])
    with TeiServer(alter=lambda answer: next(answers)(answer)) as server:
        assert np.allclose(embedder(server).encode(TEXTS[:5]), VECTORS[:5], atol=1e-6)
    assert len(server.batches) == 2


def test_the_key_goes_in_the_header_and_a_hugging_face_token_goes_nowhere(embedder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_mosses0123456789abcdef")
    monkeypatch.setenv("EMBEDDER_KEY", "mosses-have-no-roots")
    with TeiServer() as server:
        embedder(server).encode(TEXTS[:1])
        embedder(server, api_key_env="EMBEDDER_KEY").encode(TEXTS[:1])
        assert [one["authorization"] for one in server.headers] == ["Bearer -", "Bearer mosses-have-no-roots"]
        config = {
            "_target_": "fanno_hf.vectors.server.ServerEmbedder",
            "base_url": server.url,
            "api_key_env": "HF_TOKEN",
        }
        with pytest.raises(UserError, match="^embedder.api_key_env=HF_TOKEN holds a Hugging Face token"):
            build("embedder", config)


def test_no_text_gives_no_vector_of_the_right_dimension(embedder):
    with TeiServer() as server:
        assert embedder(server).encode([]).shape == (0, 64)


# ---- in the store


class OtherModel(ServerEmbedder):
    """Another model by the same name: its vectors are those of the double in another order."""

    def arrivals(self, texts):
        return ((rows, np.roll(vectors, 7, axis=1)) for rows, vectors in super().arrivals(texts))


def test_another_model_by_the_same_name_is_told_by_its_vectors(embedder, tmp_path):
    with TeiServer() as server:
        EmbeddingStore(embedder(server), tmp_path).encode(TEXTS[:6])
        other = EmbeddingStore(other_model := OtherModel(server.url), tmp_path)
        assert np.allclose(other.encode(TEXTS[:6]), VECTORS[:6], atol=1e-6)
        with pytest.raises(
            UserError, match=r"another vector for 'Moss number 0 .* \(cosine .*: serve the model of before"
        ):
            other.encode(TEXTS[6:])
        other_model.close()
        assert np.allclose(EmbeddingStore(embedder(server), tmp_path).encode(TEXTS), VECTORS, atol=1e-6)


def test_of_what_arrived_before_a_run_ended_one_text_is_asked_for_again(embedder, tmp_path):
    with TeiServer([None, None, 400, *[None] * 50]) as server:
        with pytest.raises(FannoError):
            EmbeddingStore(embedder(server, batch_size=1, concurrency=1), tmp_path).encode(TEXTS[:6])
        kept = sent(server)[:2]
        store = EmbeddingStore(embedder(server, batch_size=1, concurrency=1), tmp_path)
        assert np.allclose(store.encode(TEXTS[:6]), VECTORS[:6], atol=1e-6)
    again = set(kept) & set(sent(server)[2:])
    assert len(again) == 1  # by its vector the server is known


def test_the_store_gives_texts_their_vectors_whatever_order_they_come_in(embedder, tmp_path):
    with TeiServer([503, None, 503, None, 429]) as server:
        store = EmbeddingStore(embedder(server, batch_size=7), tmp_path)
        assert np.allclose(store.encode(TEXTS), VECTORS, atol=1e-6)
        assert np.allclose(EmbeddingStore(embedder(server), tmp_path).encode(TEXTS[::-1]), VECTORS[::-1], atol=1e-6)
    assert len(set(sent(server))) == 100


# ---- a run with it


def test_a_stage_has_the_rows_that_the_same_vectors_from_here_give(run, tmp_path):
    """The double hashes words as embedder=hashing does."""
    with TeiServer(dimension=256, max_client_batch_size=2) as server:
        here = run("stage=prescreen", f"run={tmp_path / 'here'}")
        there = run(
            "stage=prescreen", f"run={tmp_path / 'there'}", "embedder=server", f"embedder.base_url={server.url}"
        )
    ours, theirs = (one.read_rows("prescreen", DOCUMENT).to_list() for one in (here, there))
    assert ours == theirs
    assert len(sent(server)) == len(ours) > 4
    assert there.manifest["stages"]["prescreen"]["embedder"] == "thenlper/gte-base@fca14538aa99, float16, cls"
