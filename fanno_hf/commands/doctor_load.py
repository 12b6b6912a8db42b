"""What `stage=doctor` finds out under load: one burst as the run sends them, how fast it is, and who survives it.

8 long prompts at once  ->  Finding("ok", "speed", "410 tokens/s written, …"), Finding("ok", "still answers", "yes")

Many a server answers one question after the other and falls over eight long ones with seeds: a run would end there.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from functools import partial

from fanno_hf.commands.doctor_checks import Finding, Patient, within
from fanno_hf.errors import FannoError
from fanno_hf.instructing.ask import instruction_prompt, prompt_variables, row_to_ask, task_types
from fanno_hf.instructing.prompts import document_variables
from fanno_hf.instructing.tags import tag_pool
from fanno_hf.parsing.instruction import SCHEMA
from fanno_hf.sources.sample import read_sample
from fanno_hf.steps.asking import Sampler, question_request, questions_about
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import CallFailed

AT_ONCE, TOKENS = 8, 64  # requests of the burst; tokens written for each
BURST_SECONDS, AFTER_SECONDS = 60.0, 120.0  # what the burst, and one question after it, may take
_USUAL_TOKEN = 4  # characters, of the sample's prose
_HELLO = Request([{"role": "user", "content": "What do bees make?"}], max_tokens=8)


@dataclass
class Burst:
    """What came of the requests of a burst."""

    answers: list[Completion]
    failures: list[str]
    late: int  # requests without an answer in time
    seconds: float  # until the last answer


async def under_load(patient: Patient) -> AsyncIterator[Finding]:
    """Finds out whether the server takes a burst of what the run sends, how fast, and whether it answers afterwards."""
    limit = min(AT_ONCE, patient.pool.endpoints[0].limit)
    requests = _as_seeds(patient, limit) if patient.key == "teacher" else _as_verdicts(patient, limit)
    burst = await _burst([patient.ask(request) for request in requests])
    yield _speed(burst, len(requests))
    if shortened := sum(answer.shortened for answer in burst.answers):
        words = f"{shortened} of {len(requests)} prompts like the seed stage's were too long and lost a part of their document"
        yield Finding(
            "bad", "length", f"{words}: give the server a longer context, or a smaller stages.prescreen.max_tokens"
        )
    yield await _still_answers(patient)


def sample_documents(count: int, tokens: int) -> list[str]:
    """Returns texts of about so many tokens, most with another beginning."""
    texts = [row["text"] for row in read_sample()]
    found = []
    for first in range(count):
        turned = texts[first * 7 % len(texts) :] + texts
        found.append("\n\n".join(turned)[: tokens * _USUAL_TOKEN])
    return found


def _as_seeds(patient: Patient, count: int) -> list[Request]:
    """Requests of the seed stage, but for their length: its prompt, sampling and seeds."""
    settings = patient.settings
    pool, prompt = tag_pool(settings.resolved["tags"]), instruction_prompt(settings.prompts, think_different=False)
    sampler, kinds = Sampler(settings.seed, settings.random_seed), list(task_types(pool).values())
    schema = SCHEMA if settings.teacher.structured == "auto" else None
    requests = []
    for place, text in enumerate(sample_documents(count, settings.prescreen.max_tokens)):
        row = row_to_ask({"document_id": "", "text": text}, pool[place % len(pool)], "seed")
        variables = prompt_variables(row, kinds, settings.prompts)
        requests.append(sampler.request(prompt, variables, "doctor", place, max_tokens=TOKENS, schema=schema))
    return requests


def _as_verdicts(patient: Patient, count: int) -> list[Request]:
    """Requests for verdicts on passages, which is what a judge gets."""
    settings = patient.settings
    asked = questions_about("prescreen", settings, settings.prescreen.verdicts, "keep")
    texts = list(asked.questions.values())
    questions = texts if asked.together else texts[:1]
    return [
        question_request(asked.prompt, questions, document_variables({"text": text}), settings.top_logprobs)
        for text in sample_documents(count, settings.prescreen.max_tokens)
    ]


async def _burst(ways: Sequence[Awaitable[Completion]]) -> Burst:
    """Sends all at once, and gives up what is not answered in time."""
    started, burst = time.monotonic(), Burst([], [], 0, 0.0)

    async def go(way: Awaitable[Completion]) -> None:
        try:
            burst.answers.append(await way)
            burst.seconds = time.monotonic() - started
        except (CallFailed, FannoError) as error:
            burst.failures.append(str(error))

    tasks = [asyncio.ensure_future(go(way)) for way in ways]
    _, late = await asyncio.wait(tasks, timeout=BURST_SECONDS)
    for task in late:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    burst.late = len(late)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, asyncio.CancelledError):
            raise result
    return burst


def _speed(burst: Burst, count: int) -> Finding:
    asked = f"{count} long prompts at once"
    if burst.failures:
        return Finding("bad", "speed", f"{len(burst.failures)} of {asked} fail: {burst.failures[0]} (docs/servers.md)")
    late = f"{burst.late} of {asked} were not answered within {BURST_SECONDS:g} s: it is slow, and waited for"
    if not burst.answers:
        return Finding("note", "speed", late)
    written, read = (sum(getattr(a, f"{name}_tokens") for a in burst.answers) for name in ("completion", "prompt"))
    cached, seconds = sum(answer.cached_tokens for answer in burst.answers), max(burst.seconds, 1e-9)
    words = f"{written / seconds:,.0f} tokens/s written and {read / seconds:,.0f} read"
    words += f", {cached / read:.0%} of these from its cache" if cached and read else ""
    return Finding("note" if burst.late else "ok", "speed", f"{words}; {late if burst.late else asked}")


async def _still_answers(patient: Patient) -> Finding:
    """An engine may die of a burst while its HTTP server lives on, or work on what nobody waits for any more."""
    finding = partial(Finding, name="still answers")
    try:
        await within(AFTER_SECONDS, patient.client.send(_HELLO))
    except TimeoutError:
        once = f"{patient.key}.concurrency=1 if it answers one request after the other"
        return finding(
            "bad", words=f"not within {AFTER_SECONDS:g} s: the burst keeps it busy, or killed it; set {once}"
        )
    except CallFailed as error:
        return finding("bad", words=f"no: {error}; several long prompts at once are too much for it (docs/servers.md)")
    return finding("ok", words="yes, after several long prompts at once")
