"""What `stage=doctor` asks one server, a small question each: (name, coroutine that returns a finding).

    await log_probabilities(patient, finding)  ->  Finding("ok", "log-probabilities", 'P(yes) = 0.93 for "Is water wet?"')

What the run would send goes through the pool, so that it is asked as the run asks: thoughts, room for them, names of keys.
"""

import asyncio
import dataclasses
import json
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from fanno_hf.commands.doctor_bare import Bare
from fanno_hf.errors import FannoError
from fanno_hf.instructing.prompts import document_variables
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.parsing.instruction import SCHEMA
from fanno_hf.settings import Settings
from fanno_hf.sources.sample import read_sample
from fanno_hf.steps.asking import Questions, questions_about
from fanno_hf.teacher.base import Ask, Completion, Request
from fanno_hf.teacher.client import ChatClient, Refused
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.template_ends import without_end_tokens
from fanno_hf.teacher.thoughts import without_thoughts
from fanno_hf.texts.hidden import known_keys, without_keys

T = TypeVar("T")

_WET = [{"role": "user", "content": "Question: Is water wet? Answer yes or no."}]
_BEES = [{"role": "user", "content": "What do bees make? Answer in a few words."}]
_SYSTEM = [{"role": "system", "content": "You are brief."}, *_BEES]
_TURNS = [{"role": "user", "content": "What do cows eat?"}, {"role": "assistant", "content": "Grass."}, *_BEES]
_WISH = [{"role": "user", "content": "Write a short request to an assistant, about bees. Kind of task: message."}]
_PLAIN = Request(_BEES, max_tokens=48)
_MANNERS = 4  # answers after which every way of asking for no thoughts was tried
_SEEN = 60  # characters of an answer that are shown


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report; `level` is "ok", "note" or "bad", and one "bad" means not ready."""

    level: str
    name: str
    words: str

    @property
    def line(self) -> str:
        """How it is shown."""
        return f"  {self.level:4}  {self.name:17}  {self.words}"


class Patient:
    """One server that is examined: a pool of it alone, `key` ("teacher" or "judge") being its group of the settings."""

    def __init__(self, pool: Pool, key: str, settings: Settings):
        self.pool, self.key, self.settings = pool, key, settings
        self.config: Mapping[str, Any] = settings.resolved[key]

    @property
    def client(self) -> ChatClient:
        """The connection to it, past the pool."""
        return self.pool.endpoints[0].client

    async def ask(self, request: Request, urgent: bool = False) -> Completion:
        """Asks as the run does. Raises FannoError where there is no answer."""
        answer = await self.pool.complete(request, urgent)
        if answer.error is not None:
            raise FannoError(re.sub(r"^given up after \d+ tries; last: ", "", answer.error[1]))
        return answer


async def within(seconds: float, way: Coroutine[Any, Any, T]) -> T:
    """Returns what a coroutine returns. Raises TimeoutError where it takes longer (Python 3.10's wait_for raises another)."""
    task = asyncio.ensure_future(way)
    done, _ = await asyncio.wait([task], timeout=seconds)
    if not done:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise TimeoutError
    return task.result()


Named = Callable[..., Finding]  # Finding with its name


async def plain_request(patient: Patient) -> list[Finding]:
    """What every request needs: an answer, and tokens counted. Raises FannoError, CallFailed: there is no answer."""
    started = time.monotonic()
    answer = await patient.ask(_PLAIN)
    seconds = time.monotonic() - started
    if not answer.text.strip() and not answer.thinking_tokens:
        return [
            Finding("bad", "plain request", "the answer is empty: does the server know the model's chat template?")
        ]
    found = [Finding("ok", "plain request", f"answered after {seconds:.1f} s: {_shown(answer.text)}")]
    if answer.estimated:
        words = (
            "the server tells none (no usage): a run goes on, but its tokens, its cost and budget.tokens are estimates from "
            "characters; let the server or gateway send usage"
        )
        found.append(Finding("bad", "token counts", words))
    else:
        words = f"{answer.prompt_tokens} of the prompt, {answer.completion_tokens} written"
        found.append(Finding("ok", "token counts", words))
    return found


async def thinking(patient: Patient, finding: Named) -> Finding:
    """Whether the model thinks before it answers, and whether it can be asked not to."""
    said, room = patient.config.get("thinking", "auto"), patient.config.get("thinking_room", 4096)
    unasked = await patient.client.send(_PLAIN)
    answer, tries = await patient.ask(_PLAIN), 1
    if not unasked.thinking_tokens and not answer.thinking_tokens:
        return finding("ok", words="none seen")
    while answer.thinking_tokens and said != "on" and tries < _MANNERS:
        answer, tries = await patient.ask(_PLAIN), tries + 1
    key = f"{patient.key}.thinking"
    if not answer.thinking_tokens:
        return finding("ok", words=f"the model thinks, and leaves it when it is asked to ({key}={said})")
    tokens = (
        f"{answer.thinking_tokens} tokens of thoughts for a short answer; each request gets {room:,} more for them"
    )
    if said == "on":
        return finding("note", words=f"the model thinks, as {key}=on lets it: {tokens}")
    return finding("note", words=f"the model cannot be kept from it: {tokens} ({key}_room)")


async def ending(patient: Patient, finding: Named) -> Finding:
    """How an answer ends, in the server's own words: what the run takes off it, and reasons that it does not know."""
    stages = [getattr(patient.settings, name) for name in ("seed", "augment", "respond")]
    stops = next((list(stage.stop) for stage in stages if stage.stop), [])
    client = patient.client
    async with Bare(patient.config, client.base_url) as bare:
        body = {"model": client.model, "messages": _BEES, "temperature": 0, "stop": stops or None}
        choice = await bare.choice(**body, **{patient.pool.limit_name: _PLAIN.max_tokens})
    if not choice:
        return finding("note", words="not seen: the same request got no answer of the usual form this time")
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    text = content if isinstance(content, str) else ""
    notes = [f"finish_reason {_shown(str(choice.get('finish_reason')))}"]
    bare_text = without_end_tokens(text)
    if bare_text != text:
        notes.append(f"ends with {_shown(text[len(bare_text) :])}, a token of the template, which is taken off")
    if kept := [stop for stop in stops if stop in text]:
        notes.append(f"keeps {', '.join(map(_shown, kept))} (stop strings), which are taken off")
    if text and without_thoughts(text)[1]:
        notes.append("thoughts stand in the text, and are taken off: a reasoning parser of the server would part them")
    return finding("note" if len(notes) > 1 else "ok", words="; ".join(notes))


async def turns(patient: Patient, finding: Named) -> Finding:
    """Demonstrations are sent as earlier turns."""
    prompts = patient.settings.prompts
    needed = bool(prompts.seed.demonstrations or prompts.augment.demonstrations)
    try:
        await patient.client.send(Request(_TURNS, max_tokens=8))
    except Refused as error:
        words = f"refused ({error}), " + (
            "and the demonstrations in the prompts need them" if needed else "not needed"
        )
        return finding("bad" if needed else "note", words=words)
    return finding("ok", words="accepted" + (", as the demonstrations in the prompts need" if needed else ""))


async def log_probabilities(patient: Patient, finding: Named) -> Finding:
    """Whether the server tells how sure an answer is."""
    asked = patient.settings.top_logprobs
    if not asked:
        return finding("note", words="none are asked for (top_logprobs=0): verdicts are read from the text")
    request = Request(_WET, max_tokens=1, top_logprobs=asked)
    try:
        await patient.client.send(request)
    except Refused as error:
        if await _takes(patient, dataclasses.replace(request, top_logprobs=1)):
            return finding("bad", words=f"top_logprobs={asked} is refused ({error}): give a smaller one, or 0")
        return finding(
            "note", words=f"refused ({error}): verdicts are read from the text; top_logprobs=0 asks for none"
        )
    answer = await patient.ask(request)
    probability = yes_probability(answer.text, answer.top_logprobs)
    said = "undecided" if probability is None else f"P(yes) = {probability:.2f}"
    if not answer.top_logprobs:
        return finding("note", words=f"the server gives none: verdicts are read from the text ({said})")
    return finding("ok", words=f'{said} for "Is water wet?"')


async def _takes(patient: Patient, request: Request) -> bool:
    try:
        await patient.client.send(request)
    except Refused:
        return False
    return True


async def verdicts(patient: Patient, finding: Named) -> Finding:
    """The questions of a stage, put as the stage puts them, about a short document of the sample."""
    questions, variables = _questions(patient.settings)
    if questions is None:
        return finding("ok", words="no stage asks for any")
    said: list[str] = []

    async def listen(request: Request, urgent: bool) -> Completion:
        answer = await patient.ask(request, urgent)
        said.append(answer.text)
        return answer

    found, _ = await questions.put(Ask(listen), variables, every=True)
    undecided = [verdict["name"] for verdict in found if verdict["probability"] is None]
    if undecided:
        other = "prompts.verdicts=separate or " if questions.together and len(found) > 1 else ""
        words = f"{', '.join(undecided)} undecided, the answer is {_shown(' '.join(said))}: set {other}another judge"
        return finding("bad", words=words)
    how = "in one request" if questions.together else "one by one"
    return finding("ok", words=f"{how}: " + ", ".join(f"{v['name']} {v['probability']:.2f}" for v in found))


def _questions(settings: Settings) -> tuple[Questions | None, dict[str, str]]:
    """Returns the questions of the first stage that has any, and what they are about."""
    text = read_sample()[0]["text"]
    for what, thresholds, variables in (
        ("prescreen", settings.prescreen.verdicts, document_variables({"text": text})),
        ("instruction", settings.seed.verdicts, {"instruction": "Why is the sky blue?", "input": ""}),
    ):
        questions = questions_about(what, settings, thresholds, "keep")
        if questions.names:
            return questions, variables
    return None, {}


async def structured(patient: Patient, finding: Named) -> Finding:
    """Whether the server sees to it that an instruction comes as JSON; a run asks without where it does not."""
    if patient.settings.teacher.structured == "off":
        return finding("ok", words="none is sent (teacher.structured=off): instructions come with labels")
    answer = await patient.ask(Request(_WISH, max_tokens=200, schema=SCHEMA))
    if _follows_schema(answer.text):
        return finding("ok", words="taken: instructions come as JSON")
    return finding("note", words="ignored or refused: instructions come with labels")


def _follows_schema(text: str) -> bool:
    """Whether an answer is an object as the schema asks for, or the beginning of one: a small model may find no end."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        begun = re.match(r'\s*\{\s*"(\w+)"\s*:', text)
        return bool(begun) and begun[1] in SCHEMA["required"]
    return isinstance(found, dict) and set(found) == set(SCHEMA["required"])


async def system_turn(patient: Patient, finding: Named) -> Finding:
    """No prompt has one, unless the settings say so."""
    if patient.config.get("system"):
        return finding("ok", words=f"{patient.key}.system goes before each request, the ones above included")
    try:
        await patient.client.send(Request(_SYSTEM, max_tokens=8))
    except Refused as error:
        return finding("note", words=f"refused ({error}); fanno_hf sends none")
    return finding("ok", words="accepted; fanno_hf sends none")


def _shown(text: str) -> str:
    words = without_keys(" ".join(text.split()), known_keys())
    return repr(words if len(words) <= _SEEN else words[:_SEEN] + "…")


COMMON = (("thinking", thinking), ("endings", ending))
JUDGING = (("log-probabilities", log_probabilities), ("verdicts", verdicts))
TEACHING = (("earlier turns", turns), ("JSON schema", structured), ("system turn", system_turn))
