"""One `/v1/embeddings` server: texts go there in a batch, and come back as vectors of unit length, in their order.

    ToEmbed(texts=("Mosses have no roots.", "Tax is due in May."))
        ->  POST {"model": "BAAI/bge-small-en-v1.5", "input": ["Mosses …", "Tax …"], "encoding_format": "float"}
        ->  Embedded(vectors=float32, shape (2, 384))

What a failure means is the pool's business, as it is for chat requests.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.body import NoAnswer, get, read_json
from fanno_hf.teacher.client import CallFailed, ChatClient
from fanno_hf.teacher.reply import Server, read_words

_LONGEST = 16_384  # numbers of a vector; longer ones are no answer

_SEVERAL = 8  # texts from which on one vector for all is no answer; fewer may be cut where they are still alike


@dataclass(frozen=True)
class ToEmbed(Request):
    """Texts to be embedded, in the place of messages."""

    messages: list[dict[str, str]] = field(default_factory=list)
    max_tokens: int = 0
    texts: tuple[str, ...] = ()
    truncate: bool = True  # whether a text may lose its end, where the server leaves that to each request (TEI)
    encoding_format: str = "float"  # or "base64": how the numbers travel


@dataclass(frozen=True)
class Embedded(Completion):
    """The vectors of the texts, in their order."""

    vectors: np.ndarray | None = field(
        default=None, compare=False
    )  # float32, shape (n_texts, dimension), of unit length


class EmbeddingClient(ChatClient):
    """Sends texts to one server."""

    def __init__(self, base_url: str, **settings: Any):
        super().__init__(base_url, **settings)
        self._about = Server()

    async def describe(self) -> Server:
        """See `ChatClient.describe`."""
        self._about = await super().describe()
        return self._about

    async def send(self, request: ToEmbed) -> Embedded:
        """Sends one batch once. Raises CallFailed: there are no vectors; its kinds say why."""
        path, body = "/v1/embeddings", {"model": self.model, "input": list(request.texts)}
        if request.truncate and self._about.cuts is False:  # TEI reads this key nowhere else
            path, body = "/embed", {"inputs": list(request.texts), "truncate": True}
        else:
            body["encoding_format"] = request.encoding_format
        try:
            answer = await self._session.fetch("POST", self.base_url + path, self._headers, body | self._extra_body)
            if answer.status_code >= 300:
                raise self._failure(answer)
            kind = answer.headers.get("content-type", "").lower()
            return Embedded(vectors=read_vectors(answer.content, kind, len(request.texts), self._secrets))
        except CallFailed:
            raise
        except Exception as error:
            raise self._trouble(error) from error


def read_vectors(content: bytes, kind: str, count: int, secrets: Sequence[str] = ()) -> np.ndarray:
    """Reads `count` vectors from the body of an answer, puts them in the order of their texts and makes them unit long.

    Returns float32, shape (count, dimension). Raises NoAnswer: they are not that many, not alike in length, no numbers, or all the same.
    """
    reply = read_json(content, kind, most=count * _LONGEST)
    entries = reply if isinstance(reply, list) else get(reply, "data")
    if not isinstance(entries, list):
        raise NoAnswer(f"no vectors, but: {read_words(content, secrets)}")
    if len(entries) != count:
        raise NoAnswer(f"{len(entries)} vectors for {count} texts")
    rows: list[Any] = [None] * count
    for place, entry in enumerate(entries):
        told = get(entry, "index")
        place = place if told is None else told
        if type(place) is not int or not 0 <= place < count or rows[place] is not None:
            raise NoAnswer("vectors that do not say which text each belongs to")
        rows[place] = _numbers(entry if isinstance(entry, list) else get(entry, "embedding"))
    if len(sizes := {len(row) for row in rows}) > 1:
        raise NoAnswer(f"vectors of {min(sizes)} and of {max(sizes)} numbers in one answer")
    vectors = np.stack(rows)
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise NoAnswer("a vector without a direction: zeros, or numbers that are none")
    if count >= _SEVERAL and (vectors == vectors[0]).all():
        raise NoAnswer(f"the same vector for {count} texts: is its model loaded?")
    return (vectors / norms).astype(np.float32)


def _numbers(value: Any) -> np.ndarray:
    """Reads one vector, a list or base64 of float32 in the order of bytes of x86: float64, one-dimensional."""
    try:
        if isinstance(value, str):
            found = np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float64)
        else:
            found = np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        raise NoAnswer("a vector that is no list of numbers") from None
    if found.ndim != 1 or not 0 < found.size <= _LONGEST:
        raise NoAnswer("a vector that is no list of numbers")
    return found
