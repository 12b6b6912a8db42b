"""A prompt that is too long for the server is cut at its document, by as much as the server's words ask for.

"`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 64 `max_new_tokens`"
    ->  the same request, whose document lost about a fifth at its end
"""

import dataclasses
import re

from fanno_hf.teacher.base import Request

_TOO_LONG = re.compile(
    r"must be <=|must have less than|too long|too large|exceed|longer than|maximum context|context (?:length|size|window)",
    re.IGNORECASE,
)
_LOGPROBS = re.compile(r"log_?-?prob|top_n_tokens", re.IGNORECASE)
# (the server's limit, tokens of the prompt): TGI twice, vLLM, llama.cpp, both orders of the words known
_NUMBERS = (
    re.compile(r"must be <= (?P<limit>\d+)\. Given: (?P<prompt>\d+) `inputs`"),
    re.compile(r"must have less than (?P<limit>\d+) tokens\. Given: (?P<prompt>\d+)"),
    re.compile(r"maximum context length is (?P<limit>\d+) tokens.*?\((?P<prompt>\d+) in the messages", re.DOTALL),
    re.compile(r"maximum context length is (?P<limit>\d+) tokens.*?(?P<prompt>\d+) (?:input )?tokens", re.DOTALL),
    re.compile(r"\((?P<prompt>\d+) tokens\) exceeds the available context size \((?P<limit>\d+) tokens\)"),
)
_MARGIN = 0.9  # the kept share is a little smaller than the numbers say: characters are not spread evenly over tokens
_LEAST = 0.1  # of a document of which less would be left nothing can be asked


def is_about_logprobs(words: str) -> bool:
    """Whether a server refuses a request for the log-probabilities it asks for."""
    return bool(_LOGPROBS.search(words))


def shortened(request: Request, words: str) -> Request | None:
    """Returns the request with less of its documents, or None if it has none or `words` are about something else.

    `words` is what the server said when it refused, with the status in front.
    """
    length = sum(len(document) for document in request.documents)
    if not length or not (words.startswith("413") or _TOO_LONG.search(words)):
        return None
    cut = _characters_too_many(request, words, length)
    share = (length - cut) / length * _MARGIN
    if share < _LEAST:
        return None
    last = request.messages[-1]["content"]
    kept = []
    for document in request.documents:
        short = _cut(document, int(len(document) * share))
        last = last.replace(document, short, 1)
        kept.append(short)
    messages = [*request.messages[:-1], {**request.messages[-1], "content": last}]
    return dataclasses.replace(request, messages=messages, documents=tuple(kept))


def _characters_too_many(request: Request, words: str, length: int) -> int:
    """How many characters to cut, from the numbers the server names; half where it names none."""
    for pattern in _NUMBERS:
        if found := pattern.search(words):
            limit, prompt = int(found["limit"]), int(found["prompt"])
            room = limit - 1 - (0 if "must have less" in words else request.max_tokens)
            characters = sum(len(turn["content"]) for turn in request.messages)
            return max(1, round((prompt - room) * characters / max(prompt, 1)))
    return length // 2


def _cut(text: str, length: int) -> str:
    """The first `length` characters at most, ending at a space if there is one in the last tenth."""
    short = text[:length]
    space = short.rfind(" ", length * 9 // 10)
    return (short[:space] if space > 0 else short).rstrip()
