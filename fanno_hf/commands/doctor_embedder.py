"""What `stage=doctor` finds out about an embedder behind servers, where `embedder=server` is chosen.

embedder http://127.0.0.1:8090
  ok    answers            version 1.7.1
  ok    model              BAAI/bge-small-en-v1.5@5c38ec7c405e, float16, cls
  ok    batches            32 texts in a request, 16 requests at once
  ok    length             512 tokens of a text; it cuts longer ones
  ok    vectors            384 numbers; a text twice in a batch: 0.0e+00 apart
  ok    speed              1,240 texts/s, 4 requests of 32 long texts at once
  ok    kept vectors       none yet
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fanno_hf.commands.doctor_checks import Finding, within
from fanno_hf.commands.doctor_load import BURST_SECONDS, sample_documents
from fanno_hf.errors import FannoError
from fanno_hf.output.place import run_folder
from fanno_hf.pipeline.services import build
from fanno_hf.settings import Settings
from fanno_hf.teacher.client import CallFailed
from fanno_hf.teacher.members import identity_of
from fanno_hf.teacher.reply import Server
from fanno_hf.vectors.rows import KEY
from fanno_hf.vectors.server import ServerEmbedder

_AT_ONCE = 4  # requests of the burst
_LISTED = 20  # models of a server that are named at most
_ALIKE = 0.02  # how far apart two vectors of one text may be: half precision, in batches of another shape, stays below


async def embedder_findings(settings: Settings, hasty: Mapping[str, Any]) -> AsyncIterator[tuple[str, Finding]]:
    """Yields (server, finding); nothing where the embedder has no server. `hasty`: settings under which failures show at once."""
    config = settings.resolved["embedder"]
    whole = build("embedder", config)
    if not isinstance(whole, ServerEmbedder):
        return
    served: set[str] = set()
    for url in (endpoint.client.base_url for endpoint in whole.pool.endpoints):
        one = build("embedder", {**config, **hasty, "base_url": url})
        try:
            async for finding in _server(one, settings):
                yield f"embedder {url}", finding
            served |= _served(one)
        finally:
            await one.pool.close()
    if len(served) > 1:
        words = f"they serve different ones: {'; '.join(sorted(served))}"
        yield "all servers of the embedder", Finding("bad", "model", words)


def _served(embedder: ServerEmbedder) -> set[str]:
    """What one server serves, by all that it tells and the length of its vectors; nothing where it gives none."""
    client, server = embedder.pool.endpoints[0].client, embedder.pool.endpoints[0].server
    if embedder.dimension is None:
        return set()
    told = identity_of(server.model or embedder.pool.model, server.revision)
    return {f"{client.shown(told)}, vectors of {embedder.dimension} numbers"}


async def _server(embedder: ServerEmbedder, settings: Settings) -> AsyncIterator[Finding]:
    """Examines one server: what it says of itself, a small batch, and only if that is embedded a burst."""
    client = embedder.pool.endpoints[0].client
    try:
        await client.check()
        server = await client.describe()
    except CallFailed as error:
        yield Finding("bad", "answers", f"no: {error}")
        return
    yield Finding("ok", "answers", f"version {client.shown(server.version)}" if server.version else "yes")
    try:
        await embedder.pool.open()
        yield _model(embedder, server)
        yield _batches(embedder, server)
        yield _length(server, settings)
        yield await within(BURST_SECONDS, _vectors(embedder))
        yield await _speed(embedder, settings)
    except TimeoutError:
        yield Finding("bad", "vectors", f"none within {BURST_SECONDS:g} s")
        return
    except (CallFailed, FannoError) as error:
        yield Finding("bad", "vectors", str(error))
        return
    yield _kept(run_folder(settings.run) / "embeddings", embedder)


def _model(embedder: ServerEmbedder, server: Server) -> Finding:
    client = embedder.pool.endpoints[0].client
    if server.version and server.model not in (None, embedder.pool.model):
        words = f"embedder.model={client.shown(embedder.pool.model)}, and the server answers with {client.shown(server.model)}"
        return Finding("bad", "model", words)
    if server.models and embedder.pool.model not in server.models and not server.version:
        listed = ", ".join(map(client.shown, server.models[:_LISTED]))
        words = f"{embedder.identity}, which is not among those that the server lists: {listed}"
        return Finding("note", "model", words)
    return Finding("ok", "model", embedder.identity)


def _batches(embedder: ServerEmbedder, server: Server) -> Finding:
    given, limit = embedder.batch_size, embedder.pool.endpoints[0].limit
    told = f" (the server takes {server.max_texts})" if server.max_texts and server.max_texts < given else ""
    return Finding(
        "ok", "batches", f"{min(given, server.max_texts or given)} texts in a request{told}, {limit} requests at once"
    )


def _length(server: Server, settings: Settings) -> Finding:
    """Passages have their length in tokens of the tokenizer that cuts them, which may be another one."""
    limit, longest = server.max_input_tokens or server.max_total_tokens, settings.prescreen.max_tokens
    if not limit:
        return Finding("note", "length", f"not told; passages have up to {longest} tokens")
    if server.cuts or (server.cuts is False and settings.embedder.truncate):
        return Finding("ok", "length", f"{limit} tokens of a text; it cuts longer ones")
    level = "ok" if limit > 1.3 * longest else "note"
    return Finding(
        level, "length", f"{limit} tokens of a text, and passages have up to {longest}; it refuses longer ones"
    )


async def _vectors(embedder: ServerEmbedder) -> Finding:
    """Texts that are alike and texts that are not: the answers must belong to their texts."""
    moss, tax = "Mosses have no roots: they drink through their leaves.", "The tax return is due in May."
    found = await embedder.embed([moss, tax, moss])
    apart = float(np.abs(found[0] - found[2]).max())
    words = f"{found.shape[1]} numbers; a text twice in a batch: {apart:.1e} apart"
    if apart > _ALIKE:
        return Finding(
            "bad", "vectors", f"{words}: the server mixes up its answers, or its model is not for embedding"
        )
    if float(found[0] @ found[1]) > 1 - 1e-6:
        return Finding("bad", "vectors", f"{words}; and two different texts have the same: is the model loaded?")
    return Finding("ok", "vectors", words)


async def _speed(embedder: ServerEmbedder, settings: Settings) -> Finding:
    size = min(embedder.batch_size, embedder.pool.max_texts or embedder.batch_size)
    texts = sample_documents(_AT_ONCE * size, settings.prescreen.max_tokens)
    parts = [texts[first : first + size] for first in range(0, len(texts), size)]
    started, asked = time.monotonic(), f"{_AT_ONCE} requests of {size} long texts at once"
    try:
        await within(BURST_SECONDS, asyncio.gather(*map(embedder.embed, parts)))
    except TimeoutError:
        return Finding("note", "speed", f"{asked} took more than {BURST_SECONDS:g} s: it is slow, and waited for")
    except FannoError as error:
        return Finding("bad", "speed", f"{asked} fail: {error}")
    return Finding("ok", "speed", f"{len(texts) / max(time.monotonic() - started, 1e-9):,.0f} texts/s, {asked}")


def _kept(folder: Path, embedder: ServerEmbedder) -> Finding:
    """Whose vectors the run has already."""
    kept: dict[str, int] = {}
    for path in sorted(folder.glob("*/embedder.json")):
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            name, numbers = about["embedder"], about["dimension"]
            kept[name] = (path.parent / "keys").stat().st_size // KEY
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if name == embedder.identity and kept[name] and numbers != embedder.dimension:
            words = f"{kept[name]:,} of this model, of {numbers} numbers, and the server gives {embedder.dimension}"
            return Finding("bad", "kept vectors", f"{words}: serve the one of before, or delete {path.parent}")
    if not kept or embedder.identity in kept:
        return Finding("ok", "kept vectors", f"{kept[embedder.identity]:,} of this model" if kept else "none yet")
    others = ", ".join(f"{count:,} of {name}" for name, count in kept.items())
    return Finding("note", "kept vectors", f"{others}; none of this model: every text is embedded again")
