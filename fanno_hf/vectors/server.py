"""Vectors from servers: batches of texts through the pool that teachers use, handed on as they arrive.

    ServerEmbedder("http://127.0.0.1:8090").encode(["Mosses have no roots."])    ->  float32, shape (1, 384)

Text Embeddings Inference first (it tells its model, batches and lengths); vLLM, llama.cpp and Ollama are asked the same way.
Slots, pauses, retries and servers that are away: see `Pool`. What was embedded is in the store, so nothing is asked for twice.
"""

import asyncio
import queue
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fanno_hf.errors import FannoError, UserError
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import CallFailed, Refused
from fanno_hf.teacher.credentials import check_no_secret
from fanno_hf.teacher.lengths import Lengths
from fanno_hf.teacher.own_loop import OwnLoop
from fanno_hf.teacher.pool import Pool
from fanno_hf.vectors.client import Embedded, EmbeddingClient, ToEmbed


class EmbeddingPool(Pool):
    """The pool, for batches of texts."""

    client_type = EmbeddingClient

    def __init__(self, base_url: str | Sequence[str], model: str | None = None, **settings: Any):
        super().__init__(base_url, model, **settings)
        self._mending = _AsItIs()

    @property
    def max_texts(self) -> int | None:
        """Texts in a batch that every server takes; None where none tells."""
        return min(filter(None, (endpoint.server.max_texts for endpoint in self.endpoints)), default=None)

    @property
    def max_input_tokens(self) -> int | None:
        """Tokens of a text that every server takes; None where none tells."""
        told = (one.server.max_input_tokens or one.server.max_total_tokens for one in self.endpoints)
        return min(filter(None, told), default=None)


class _AsItIs:
    """In the place of `Mending`: nothing of a text can be left out."""

    def fit(self, request: Request) -> Request:
        return request

    def note(self, sent: Request, answer: Completion, blamed: str | None) -> None:
        pass

    def changed(self, request: Request, sent: Request, outcome: Completion | CallFailed, failures: int) -> None:
        return None

    def is_excused(self, request: Request, sent: Request, failure: CallFailed) -> bool:
        return False


class ServerEmbedder:
    """An embedder behind any number of servers with one model.

    Args:
        batch_size: texts in a request at most; fewer where a server takes fewer.
        prefix: goes before each text, as in "query: ". Part of the identity.
        truncate: whether TEI cuts texts that are too long for its model; else they end the run.
        encoding_format: "float", or "base64", which takes a quarter of the bytes where the server knows it.
        languages, related_from: for the settings that name them; no vector depends on them.
        others: see `Pool`.
    """

    at_once = 16_384
    """Texts that `arrivals` should be given together, so that the servers are not idle at the end of each part."""

    def __init__(
        self,
        base_url: str | Sequence[str],
        model: str | None = None,
        *,
        revision: str | None = None,
        api_key_env: str | None = None,
        batch_size: int = 32,
        prefix: str = "",
        truncate: bool = True,
        encoding_format: str = "float",
        extra_body: Mapping[str, Any] | None = None,
        languages: Sequence[str] | None = None,
        related_from: float | None = None,
        **others: Any,
    ):
        check_no_secret("embedder.prefix", prefix)
        named = {"revision": revision, "api_key_env": api_key_env, "extra_body": extra_body}
        self.pool = EmbeddingPool(base_url, model, **named, **others)
        self.pool.name_role("embedder")
        self.batch_size, self._prefix, self._batch = batch_size, prefix, batch_size
        self._manner = {"truncate": truncate, "encoding_format": encoding_format}
        self._own: OwnLoop | None = None
        self.dimension: int | None = None  # of the vectors; None before the first

    @property
    def identity(self) -> str:
        """Names model, revision, number format and pooling, as far as they are given or told, and the prefix; never a URL.

        A server is asked where no model is given. Raises FannoError: none answers.
        """
        if self.pool.identity is None:
            self._ready()
        return self.pool.identity + (f", prefix {self._prefix!r}" if self._prefix else "")

    def check_installed(self) -> None:
        """It needs nothing here."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32, shape (len(texts), dimension), rows of unit length. Raises as `arrivals` does."""
        parts = list(self.arrivals(texts if len(texts) else ["of how many numbers?"]))
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for rows, part in parts if len(texts) else ():
            vectors[rows] = part
        return vectors

    def arrivals(self, texts: Sequence[str]) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields (rows, their vectors) as they arrive, in any order.

        Raises:
            TeacherUnavailable: no server answers. FannoError: texts got no vectors. What arrived was yielded before.
            UserError: a text is too long for the model, or the servers' vectors differ in length.
        """
        own, found = self._ready(), queue.SimpleQueue()
        future = asyncio.run_coroutine_threadsafe(self._embed_all(texts, found), own.loop)
        future.add_done_callback(lambda _: found.put(None))
        try:
            while (part := found.get()) is not None:
                yield part
            future.result()
        finally:
            future.cancel()

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds one batch, in halves where it is refused as a whole; in the loop of the pool."""
        named = tuple(self._prefix + text for text in texts)
        answer = await self.pool.complete(ToEmbed(texts=named, **self._manner))
        if isinstance(answer, Embedded):
            return self._checked(answer.vectors)
        kind, words = answer.error
        if kind == "teacher_refused" and len(texts) > 1:
            half = (len(texts) + 1) // 2
            parts = [await self.embed(part) for part in (texts[:half], texts[half:])]
            self._batch = min(self._batch, half)
            return np.concatenate(parts)
        raise self._refused(named[0], words) if kind == "teacher_refused" else self._failed(len(texts), words)

    def close(self) -> None:
        """Closes the connections. Safe to call twice."""
        if self._own is not None:
            own, self._own = self._own, None
            own.run(self.pool.close())
            own.stop()

    def _ready(self) -> OwnLoop:
        """Opens the pool, once."""
        if self._own is None:
            own = OwnLoop("embedder")
            try:
                own.run(self.pool.open())
            except BaseException:
                own.run(self.pool.close())
                own.stop()
                raise
            self._own, self._batch = own, min(self._batch, self.pool.max_texts or self._batch)
        return self._own

    async def _embed_all(self, texts: Sequence[str], found: queue.SimpleQueue) -> None:
        """Puts (rows, vectors) of every batch. The first goes alone: it shows how many texts the servers take."""
        start = min(self._batch, len(texts)) if self.dimension is None else 0
        if start:
            found.put((slice(0, start), await self.embed(texts[:start])))

        async def go(rows: slice) -> None:
            found.put((rows, await self.embed(texts[rows])))

        size = self._batch
        rows = [slice(first, min(first + size, len(texts))) for first in range(start, len(texts), size)]
        tasks = [asyncio.ensure_future(go(part)) for part in rows]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        if self.dimension not in (None, found := vectors.shape[1]):
            raise UserError(
                f"embedder.base_url: vectors of {self.dimension} and of {found} numbers came from {self._where}: all "
                "must serve the same model"
            )
        self.dimension = found
        return vectors

    @property
    def _where(self) -> str:
        return ", ".join(endpoint.client.base_url for endpoint in self.pool.endpoints)

    def _failed(self, count: int, words: str) -> FannoError:
        return FannoError(
            f"The embedder at {self._where} gives no vectors for {count} texts ({words}): look at the server's log, then run "
            "the same command again; the vectors that came are kept."
        )

    def _refused(self, text: str, words: str) -> UserError:
        refusal = (
            f"The embedder at {self._where} refuses the text {text[:60]!r}, {len(text):,} characters long ({words})"
        )
        if not Lengths().is_told(Refused(words)):
            return UserError(f"{refusal}: check embedder.model and embedder.extra_body (stage=doctor shows more)")
        limit = f"its limit is {self.pool.max_input_tokens} tokens; " if self.pool.max_input_tokens else ""
        return UserError(
            f"{refusal}: {limit}let it cut longer texts (embedder.truncate=true for TEI, "
            "'embedder.extra_body={truncate_prompt_tokens: -1}' for vLLM), or lower stages.prescreen.max_tokens"
        )
