"""`stage=doctor`: is the teacher ready for this run? Asks every server a few small questions and says what it found.

http://127.0.0.1:8080
  ok    answers           version 3.3.5
  ok    model             mistralai/Mistral-7B-Instruct-v0.2@63a8b08
  ok    log-probabilities P(yes) = 0.93 for "Is water wet?"
  note  system turn       refused (Template error …); fanno_hf sends none
ready
"""

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fanno_hf.errors import FannoError
from fanno_hf.instructing.verdicts import yes_probabilities, yes_probability
from fanno_hf.output.place import run_folder
from fanno_hf.parsing.instruction import SCHEMA
from fanno_hf.pipeline.services import build
from fanno_hf.settings import Settings
from fanno_hf.teacher.base import Request
from fanno_hf.teacher.client import Busy, CallFailed, Refused
from fanno_hf.teacher.endpoint import DEFAULT_IN_FLIGHT, Endpoint
from fanno_hf.teacher.members import identity_of
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.reply import Server

_WET = [{"role": "user", "content": "Question: Is water wet? Answer yes or no."}]
_TWO = [
    {
        "role": "user",
        "content": "Answer each of these questions with yes or no:\n1. Is water wet?\n2. Is ice warmer than steam?\n\n"
        "Your answers, one line each, its number and yes or no, nothing else:",
    }
]
_SYSTEM = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "What do bees make?"}]
_TURNS = [
    {"role": "user", "content": "What do cows eat?"},
    {"role": "assistant", "content": "Grass."},
    {"role": "user", "content": "What do bees make?"},
]
_WISH = [{"role": "user", "content": "Write a short request to an assistant, about bees. Kind of task: message."}]
_TALE = [{"role": "user", "content": "Tell the tale of a bee and a mountain in about a hundred words."}]
_TALE_TOKENS, _TALES = 64, 8
_LITTLE_DISK = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One line of the report; `level` is "ok", "note" or "bad", and one "bad" means not ready."""

    level: str
    name: str
    words: str


Check = Callable[[Endpoint, Settings], Awaitable[Finding]]


def examine(settings: Settings) -> str:
    """Returns the report. Raises FannoError where something is bad: the report, with what to do."""
    return asyncio.run(_examine(settings))


async def _examine(settings: Settings) -> str:
    folder = run_folder(settings.run)
    sections = [(f"run folder {folder}", [_disk(folder)])]
    has_judge = settings.resolved["judge"]["_target_"] is not None
    teacher_checks = (_turns, _structured, _system, _speed)
    sections += await _group(
        "teacher", settings, teacher_checks if has_judge else (_logprobs, _together, *teacher_checks)
    )
    if has_judge:
        sections += await _group("judge", settings, (_logprobs, _together, _speed))
    lines = [
        line
        for title, findings in sections
        for line in (title, *(f"  {f.level:4}  {f.name:17}  {f.words}" for f in findings))
    ]
    bad = [f.name for _, findings in sections for f in findings if f.level == "bad"]
    if bad:
        raise FannoError("\n".join([*lines, f"not ready: look at {', '.join(dict.fromkeys(bad))}"]))
    return "\n".join([*lines, "ready"])


async def _group(key: str, settings: Settings, checks: Sequence[Check]) -> list[tuple[str, list[Finding]]]:
    """Examines the servers of the teacher or of its judge."""
    backend = build(key, settings.resolved[key])
    if not isinstance(backend, Pool):
        return [(f"{key} {backend.identity}", [Finding("ok", "answers", "no server: replies are computed")])]
    sections = []
    try:
        await backend.start()
        for endpoint in backend.endpoints:
            title = endpoint.client.base_url if key == "teacher" else f"{key} {endpoint.client.base_url}"
            sections.append((title, await _endpoint(endpoint, backend, settings, checks)))
    finally:
        await backend.close()
    models = {f.words for _, findings in sections for f in findings if f.name == "model" and f.level == "ok"}
    if len(models) > 1:
        words = f"they serve different ones: {', '.join(models)}"
        sections.append((f"all servers of the {key}", [Finding("bad", "model", words)]))
    return sections


def _disk(folder: Path) -> Finding:
    """A run of 10,000 pairs takes some 200 MB; embeddings and logs come on top."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    words = f"{free / 1024**3:.1f} GB; a run needs at least {_LITTLE_DISK / 1024**3:.0f} GB"
    return Finding("ok" if free > _LITTLE_DISK else "bad", "free disk", words)


async def _endpoint(endpoint: Endpoint, pool: Pool, settings: Settings, checks: Sequence[Check]) -> list[Finding]:
    client = endpoint.client
    try:
        await client.check()
        server = await client.describe()
    except CallFailed as error:
        return [Finding("bad", "answers", f"no: {error}")]
    client.model, client.is_tgi = pool.model or server.model, server.version is not None
    findings = [Finding("ok", "answers", f"version {server.version}" if server.version else "yes")]
    findings.append(_model(client.model, server))
    if client.model is None:
        return findings
    limit = server.max_in_flight
    untold = f"not told; {settings.teacher.concurrency or DEFAULT_IN_FLIGHT} are sent"
    findings.append(Finding("ok", "requests at once", str(limit) if limit else untold))
    findings.append(_length(server, settings))
    for check in checks:
        try:
            findings.append(await check(endpoint, settings))
        except Busy as error:
            findings.append(Finding("note", check.__name__.strip("_"), f"not tried: the server is full ({error})"))
        except CallFailed as error:
            findings.append(Finding("bad", check.__name__.strip("_"), str(error)))
    return findings


def _model(model: str | None, server: Server) -> Finding:
    if model is None:
        return Finding("bad", "model", "the server does not say which one it serves: give teacher.model")
    if server.version and server.model not in (None, model):
        return Finding("bad", "model", f"teacher.model={model}, and the server answers with {server.model}")
    return Finding("ok", "model", identity_of(model, server.revision))


def _length(server: Server, settings: Settings) -> Finding:
    """The longest prompt holds the passages of a grounded answer; its demonstrations or question take some 400 tokens."""
    respond = settings.respond
    passages = 1 + (respond.retrieved if respond.mode == "grounded" else 0)
    answer = max(respond.max_tokens, respond.retry_max_tokens or 0)
    needed = settings.prescreen.max_tokens * passages + answer + 400
    if not server.max_total_tokens:
        return Finding("note", "length", f"not told; the stages need up to about {needed:,} tokens")
    words = f"{server.max_total_tokens:,} tokens of prompt and answer; the stages need up to about {needed:,}"
    return Finding("ok" if needed <= server.max_total_tokens else "bad", "length", words)


async def _turns(endpoint: Endpoint, settings: Settings) -> Finding:
    """Demonstrations are sent as earlier turns."""
    await endpoint.client.send(Request(_TURNS, max_tokens=8))
    return Finding("ok", "earlier turns", "accepted, as the demonstrations in the prompts need")


async def _logprobs(endpoint: Endpoint, settings: Settings) -> Finding:
    asked, finding = settings.top_logprobs, partial(Finding, name="log-probabilities")
    if not asked:
        return finding("note", words="none are asked for (top_logprobs=0): verdicts are read from the text")
    try:
        answer = await endpoint.client.send(Request(_WET, max_tokens=1, top_logprobs=asked))
    except Refused as error:
        return finding("bad", words=f"top_logprobs={asked} is refused ({error}): give a smaller one, or 0")
    probability = yes_probability(answer.text, answer.top_logprobs)
    said = "undecided" if probability is None else f"P(yes) = {probability:.2f}"
    if not answer.top_logprobs:
        return finding("note", words=f"the server gives none: verdicts are read from the text ({said})")
    return finding("ok", words=f'{said} for "Is water wet?"')


async def _together(endpoint: Endpoint, settings: Settings) -> Finding:
    """Whether several questions in one request are answered one by one."""
    finding = partial(Finding, name="verdicts")
    if settings.prompts.verdicts == "separate":
        return finding("ok", words="asked one by one (prompts.verdicts=separate)")
    answer = await endpoint.client.send(Request(_TWO, max_tokens=32, top_logprobs=settings.top_logprobs))
    found = yes_probabilities(answer.text, answer.answers, 2)
    if None in found:
        said = " ".join(answer.text.split())[:60]
        return finding("bad", words=f"two questions at once are undecided ({said!r}): set prompts.verdicts=separate")
    return finding("ok", words=f"two questions at once: P(yes) = {found[0]:.2f} and {found[1]:.2f}")


async def _structured(endpoint: Endpoint, settings: Settings) -> Finding:
    """Whether the server sees to it that an instruction comes as JSON."""
    finding = partial(Finding, name="JSON schema")
    if settings.teacher.structured == "off":
        return finding("ok", words="none is sent (teacher.structured=off): instructions come with labels")
    try:
        answer = await endpoint.client.send(Request(_WISH, max_tokens=200, schema=SCHEMA))
    except Busy:
        raise
    except CallFailed as error:  # a run then asks without it, whatever the status
        return finding("note", words=f"refused ({error}): instructions come with labels")
    if set(_json_keys(answer.text)) == set(SCHEMA["required"]):
        return finding("ok", words="taken: instructions come as JSON")
    return finding("note", words="ignored: instructions come with labels")


def _json_keys(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, dict) else []


async def _system(endpoint: Endpoint, settings: Settings) -> Finding:
    try:
        await endpoint.client.send(Request(_SYSTEM, max_tokens=8))
    except Refused as error:
        return Finding("note", "system turn", f"refused ({error}); fanno_hf sends none")
    return Finding("ok", "system turn", "accepted; fanno_hf sends none")


async def _speed(endpoint: Endpoint, settings: Settings) -> Finding:
    started = time.monotonic()
    requests = [Request(_TALE, max_tokens=_TALE_TOKENS, temperature=1.0, seed=seed) for seed in range(_TALES)]
    answers = await asyncio.gather(*map(endpoint.client.send, requests))
    rate = sum(answer.completion_tokens for answer in answers) / max(time.monotonic() - started, 1e-9)
    return Finding("ok", "speed", f"{rate:,.0f} tokens/s written, {_TALES} requests at once; more at once go faster")
