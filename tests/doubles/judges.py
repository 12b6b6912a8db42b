"""Judges with a known preference, and models with known answers: what a `ChatServer` writes.

ChatServer(write=judge(lambda first, second: 0.9 if len(first) > len(second) else 0.1))
"""

import math
import re
from collections.abc import Callable

from fanno_hf.teacher.base import Completion, Request

_REPLIES = re.compile(r"### Reply A\n(.*)\n\n### Reply B\n(.*)\n\n### Verdict\n", re.DOTALL)
_MARKED = re.compile(r"### Answer to be marked\n(.*)\n\n### Mark\n", re.DOTALL)


def judge(
    prefers: Callable[[str, str], float],
    marks: Callable[[str], int] = lambda answer: 5,
    *,
    tells: bool = True,
) -> Callable[[Request], Completion]:
    """Returns a judge that says A with the probability `prefers(first, second)`; one that does not tell gives no log-probabilities."""

    def write(request: Request) -> Completion:
        prompt = request.messages[-1]["content"]
        if marked := _MARKED.search(prompt):
            text = str(marks(marked[1]))
            return Completion(text, "stop", 50, 1, [(text, -1e-6)] if tells else None)
        first, second = _REPLIES.search(prompt).groups()
        share = prefers(first, second)
        logprobs = [(label, math.log(p)) for label, p in (("A", share), ("B", 1 - share)) if p > 0]
        return Completion("A" if share > 0.5 else "B", "stop", 50, 1, logprobs if tells else None)

    return write


def model(answers: Callable[[str], str]) -> Callable[[Request], Completion]:
    """Returns a model whose answer follows from the last turn."""

    def write(request: Request) -> Completion:
        text = answers(request.messages[-1]["content"])
        return Completion(text, "stop", 20, len(text.split()) or 1)

    return write
