"""What the TEI double must do because the real server does it: fields, types and statuses of TEI 1.7's API description.

Written down here in our own words: the field, its type, and whether it must be there.
"""

import base64
import http.client
import json
from contextlib import closing

import numpy as np
import pytest

from tests.doubles.tei import TeiServer

INFO = {
    # how the model is called, which commit of it (none of a folder), its number format, what it is for
    **{"model_id": str, "model_sha": (str, type(None)), "model_dtype": str, "model_type": dict},
    # requests at once, tokens of a text, tokens and requests of a batch on the GPU, texts in a request
    **{"max_concurrent_requests": int, "max_input_length": int, "max_batch_tokens": int},
    **{"max_batch_requests": (int, type(None)), "max_client_batch_size": int},
    # whether it cuts long texts by itself; how many tokenizers; what it was built from
    **{"auto_truncate": bool, "tokenization_workers": int, "version": str},
    **{"sha": (str, type(None)), "docker_label": (str, type(None))},
}
ANSWER = {"object": str, "data": list, "model": str, "usage": dict}
ENTRY = {"object": str, "index": int, "embedding": list}
USAGE = {"prompt_tokens": int, "total_tokens": int}
ERROR = {"message": str, "code": int, "type": str}  # at /v1/embeddings
NATIVE_ERROR = {"error": str, "error_type": str}  # at /embed


def exchange(server, path, body=None):
    """Returns status and content of the response."""
    with closing(http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)) as connection:
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def assert_fits(value: dict, fields: dict) -> None:
    assert value.keys() == fields.keys()
    assert [name for name, kind in fields.items() if not isinstance(value[name], kind)] == []


@pytest.fixture(scope="module")
def server():
    with TeiServer(max_client_batch_size=4, auto_truncate=False) as running:
        yield running


def test_it_tells_what_tei_tells(server):
    status, info = exchange(server, "/info")
    assert status == 200
    assert_fits(info, INFO)
    assert info["model_type"] == {"embedding": {"pooling": "cls"}}
    assert exchange(server, "/health")[0] == 200
    assert exchange(server, "/v1/models")[0] == 404


def test_an_answer_has_teis_fields(server):
    status, answer = exchange(server, "/v1/embeddings", {"model": "tei", "input": ["moss", "tax"]})
    assert status == 200
    assert_fits(answer, ANSWER)
    assert_fits(answer["usage"], USAGE)
    for place, entry in enumerate(answer["data"]):
        assert_fits(entry, ENTRY)
        assert (entry["object"], entry["index"]) == ("embedding", place)


def test_the_native_path_gives_the_same_vectors_as_lists_and_base64_as_bytes(server):
    plain = exchange(server, "/v1/embeddings", {"input": ["moss"]})[1]["data"][0]["embedding"]
    packed = exchange(server, "/v1/embeddings", {"input": ["moss"], "encoding_format": "base64"})[1]["data"][0][
        "embedding"
    ]
    assert exchange(server, "/embed", {"inputs": ["moss"]}) == (200, [plain])
    assert np.frombuffer(base64.b64decode(packed), "<f4").tolist() == plain


LONG = " ".join(["moss"] * 600)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["moss"] * 5, "batch size 5 > maximum allowed batch size 4"),
        ([LONG], "Input validation error: `inputs` must have less than 512 tokens. Given: 602"),
        ([], "`inputs` cannot be empty"),
    ],
)
def test_refusals_are_413_in_teis_words(server, texts, words):
    assert exchange(server, "/v1/embeddings", {"input": texts}) == (
        413,
        {"message": words, "code": 413, "type": "Validation"},
    )
    status, error = exchange(server, "/embed", {"inputs": texts})
    assert (status, error["error"]) == (413, words)
    assert_fits(error, NATIVE_ERROR)


def test_truncate_counts_at_the_native_path_alone(server):
    assert exchange(server, "/embed", {"inputs": [LONG], "truncate": True})[0] == 200
    status, error = exchange(server, "/v1/embeddings", {"input": [LONG], "truncate": True})
    assert status == 413
    assert_fits(error, ERROR)
