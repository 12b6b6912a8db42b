"""A teacher without a model, for tests, recipes that must run anywhere, and trying out a configuration.

Every reply follows from the request's hash alone. Most are plausible, some have each of the faults that the filters
are there for: preambles, statements, mentions of the document, refusals, answers that are cut off.
"""

import asyncio
import math
import re
from dataclasses import replace

from fanno_hf.teacher.base import Completion, Request

_WORD = re.compile(r"[^\W\d_]{5,}")
_TASKS = (
    "Explain how {a} and {b} depend on each other, with one example about {c}.",
    "What would happen to {a} if {b} were removed from {c}?",
    "Compare {a} with {b} and name two differences that matter for {c}.",
    "Write a short story of four sentences in which {a} meets {b} near {c}.",
    "List three reasons why {a} is important for {b} and {c}.",
    "Why does {a} change when {b} increases, and how could {c} prevent it?",
    "Design an experiment that shows whether {a} influences {b} in {c}.",
    "Sure! Here is a question:\n\n1. **How is {a} measured when {b} and {c} vary?**",
)
_FAULTS = (
    "According to the passage, what is {a}?",
    "The {a} is a part of the {b} and it has been so for long.",
    "What is happening today with {a} and {b}?",
    "Describe {a}",
    "",
)


class ScriptedTeacher:
    """A backend whose replies are computed.

    Args:
        delay: seconds a reply takes at most; the share of it follows from the request.
        fault_share: share of instructions that have a fault, in [0, 1].
        log: a file to which each request's key is appended when it arrives, so that a test can count them.
    """

    def __init__(self, *, concurrency: int = 16, delay: float = 0.0, fault_share: float = 0.2, log: str | None = None):
        self.identity = f"scripted-1@{fault_share}"
        self.capacity, self.in_flight, self.room, self.resent = concurrency, 0, 0, 0
        self.faults: dict[str, int] = {}
        self.context_length = None
        self._delay, self._fault_share, self._log = delay, fault_share, log

    async def open(self) -> None:
        """Makes the slots, in the loop that will use them."""
        self._slots = asyncio.Semaphore(self.capacity)

    async def close(self) -> None:
        """Nothing to close."""

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        """Computes the reply from the request's hash."""
        key = request.key(self.identity)
        seconds = self._delay * key[0] / 255
        async with self._slots:
            self.in_flight += 1
            try:
                if self._log:
                    with open(self._log, "a", encoding="ascii") as log:
                        log.write(f"{key.hex()}\n")
                await asyncio.sleep(seconds)
            finally:
                self.in_flight -= 1
        return replace(reply(request, key, self._fault_share), seconds=seconds)


def reply(request: Request, key: bytes, fault_share: float = 0.2) -> Completion:
    """Returns the reply that belongs to a request's hash `key` (32 bytes)."""
    prompt = request.messages[-1]["content"]
    prompt_tokens = sum(len(turn["content"]) for turn in request.messages) // 4
    if request.choices:
        return _choice(request, key, prompt_tokens)
    if request.top_logprobs:
        return _verdicts(key, max(1, request.max_tokens // 16), prompt_tokens)
    words = sorted(set(_WORD.findall(prompt))) or ["nothing"]
    names = {
        name: words[int.from_bytes(key[4 + 2 * i : 6 + 2 * i], "big") % len(words)] for i, name in enumerate("abc")
    }
    faulty = key[3] / 256 < fault_share
    templates = _FAULTS if faulty else _TASKS
    text = templates[key[10] % len(templates)].format(**names)
    if request.max_tokens > 100 and not faulty:
        text += " " + " ".join(words[byte % len(words)] for byte in key[12:28]) + "."
    tokens = max(1, len(text) // 4)
    finish_reason = "length" if tokens > request.max_tokens else "stop"
    return Completion(text, finish_reason, prompt_tokens, min(tokens, request.max_tokens))


def _choice(request: Request, key: bytes, prompt_tokens: int) -> Completion:
    """Says one of the choices; of numbers, one from the first to the last."""
    choices = request.choices
    if choices[0].isdecimal():
        choices = tuple(map(str, range(int(choices[0]), int(choices[-1]) + 1)))
    said = choices[key[1] % len(choices)]
    share = round(math.log(0.3 / (len(choices) - 1)), 6)
    logprobs = [(said, round(math.log(0.7), 6)), *((other, share) for other in choices if other != said)]
    return Completion(said, "stop", prompt_tokens, 1, logprobs[: request.top_logprobs] or None)


def _verdicts(key: bytes, count: int, prompt_tokens: int) -> Completion:
    """Answers one question with a word, several with a line each."""
    answers = []
    for place in range(count):
        no = 0.55 + 0.4 * key[1 + 2 * place] / 255 if key[2 + 2 * place] > 20 else 0.2
        answers.append([("No", round(math.log(no), 6)), ("Yes", round(math.log(1 - no), 6))])
    words = [max(alternatives, key=lambda one: one[1])[0] for alternatives in answers]
    if count == 1:
        return Completion(words[0], "length", prompt_tokens, 1, answers[0])
    text = "\n".join(f"{number}. {word}" for number, word in enumerate(words, start=1))
    return Completion(text, "stop", prompt_tokens, 4 * count, answers=answers)
