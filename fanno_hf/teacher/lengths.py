"""A prompt that is too long for the server loses the end of its document, until it fits.

    400 "your prompt contains at least 513 input tokens" (the limit is 512, whatever the length)
        ->  the same request with the share of its document that should fit, as far as characters a token tell; and again

What a server says is a hint and no more: vLLM names a lower bound, llama.cpp and vLLM write less than they were asked for
instead, others say nothing of use. So a refused prompt that is longer than any that was answered is shortened, too.
"""

import dataclasses
import re

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import CallFailed, Refused

_ABOUT_LENGTH = re.compile(
    r"must be <=|must have less than|too (?:long|large|big|many)|exceed|longer than|\bcontext\b|\bn_ctx\b|tokens?\b|"
    r"max_(?:new_|completion_)?tokens|maximum|\blength\b|truncat",
    re.IGNORECASE,
)
# the server's limit, and the tokens of the prompt
_LIMITS = (
    re.compile(r"must be <= (?P<limit>\d+)\. Given: (?P<prompt>\d+) `inputs`"),
    re.compile(r"must have less than (?P<limit>\d+) tokens\. Given: (?P<prompt>\d+)"),
    re.compile(r"maximum context length is (?P<limit>\d+) tokens.*?\((?P<prompt>\d+) in the messages", re.DOTALL),
    re.compile(r"maximum context length is (?P<limit>\d+) tokens.*?(?P<prompt>\d+) (?:input )?tokens", re.DOTALL),
    re.compile(r"\((?P<prompt>\d+) tokens\) exceeds the available context size \((?P<limit>\d+) tokens\)"),
    re.compile(r"(?:context|limit|maximum|max_model_len)\D{0,60}(?P<limit>\d{2,})", re.IGNORECASE),
)
_USUAL = 3.5  # characters a token, before an answer has told
# shares of the documents that are tried: a few fixed ones, so that the same prompt is mostly cut at the same place
_SHARES = (0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.22, 0.16, 0.12, 0.09, 0.065, 0.05, 0.035, 0.025)
_LEAST = 120  # characters of documents; of less nothing can be asked
_MARGIN = 0.95  # characters are not spread evenly over tokens


class Lengths:
    """What is known about the length of prompts that the servers take."""

    def __init__(self):
        self.limit: int | None = None  # tokens of prompt and answer, where a server told
        self._characters = self._tokens = 0  # of the prompts that were answered, where the server counted
        self._longest = 0  # characters of the longest prompt that was answered

    def note(self, sent: Request, answer: Completion) -> None:
        """Learns from an answer."""
        size = _size(sent)
        self._longest = max(self._longest, size)
        if not answer.estimated and answer.prompt_tokens:
            self._characters, self._tokens = self._characters + size, self._tokens + answer.prompt_tokens

    def fit(self, request: Request) -> Request:
        """Returns the request with no more tokens for its answer than half of what the servers take at all."""
        if not self.limit or request.max_tokens + request.room <= self.limit // 2:
            return request
        room = min(request.room, self.limit // 4)
        return dataclasses.replace(request, max_tokens=min(request.max_tokens, self.limit // 2 - room), room=room)

    def shortened(self, request: Request, sent: Request, outcome: Completion | CallFailed) -> Request | None:
        """Returns what was sent with less of the documents of `request`, where length may be what is wrong; else None."""
        surplus = self._surplus(sent, outcome)
        if surplus is None:
            return None
        if (fitting := self.fit(sent)) != sent:  # only now it is known how much the servers take
            return fitting
        length = sum(len(document) for document in request.documents)
        kept = sum(len(document) for document in sent.documents)
        wanted = (kept - surplus) * _MARGIN if surplus else kept * 0.7
        share = next((share for share in _SHARES if share * length <= min(wanted, kept - 1)), 0.0)
        return _cut(request, sent, share) if share * length >= _LEAST else None

    def _surplus(self, sent: Request, outcome: Completion | CallFailed) -> float | None:
        """Returns how many characters should go, 0 where nothing tells; None where length is not what is wrong."""
        if isinstance(outcome, Completion):
            if not is_full(sent, outcome):
                return None
            self._learn(outcome.tokens + 1)
            lacking = sent.max_tokens + sent.room - outcome.completion_tokens
            return max(1.0, lacking * _size(sent) / max(outcome.prompt_tokens, 1))
        words = str(outcome)
        is_told = words.startswith("413") or bool(_ABOUT_LENGTH.search(words))
        if not is_told:
            is_longest = _size(sent) > self._longest
            return _size(sent) / 2 if isinstance(outcome, Refused) and is_longest else None
        found = next((match for pattern in _LIMITS if (match := pattern.search(words))), None)
        if found and found.re is not _LIMITS[-1]:
            self._learn(int(found["limit"]))
        limit = int(found["limit"]) if found else self.limit
        if not limit:
            return 0.0
        each = self._characters / self._tokens if self._tokens else _USUAL
        told = int(found["prompt"]) if found and "prompt" in found.re.groupindex else 0
        tokens = max(told, _size(sent) / each)
        room = limit - 1 - (0 if "must have less" in words else sent.max_tokens + sent.room)
        return max(0.0, (tokens - room) * _size(sent) / tokens)

    def _learn(self, limit: int) -> None:
        self.limit = min(limit, self.limit or limit)


def is_full(sent: Request, answer: Completion) -> bool:
    """Whether an answer ends because the server's context was full, before the tokens that it was asked for."""
    least = 0.98 * (sent.max_tokens + sent.room) - 1  # some count the last token, some do not
    return answer.finish_reason == "length" and not answer.estimated and answer.completion_tokens < least


def _size(request: Request) -> int:
    return sum(len(turn["content"]) for turn in request.messages)


def _cut(request: Request, sent: Request, share: float) -> Request:
    """Returns what was sent with this share of the whole request's documents, from their beginnings."""
    last, kept = request.messages[-1]["content"], []
    for document in request.documents:
        short = _beginning(document, int(len(document) * share))
        last = last.replace(document, short, 1)
        kept.append(short)
    messages = [*request.messages[:-1], {**request.messages[-1], "content": last}]
    return dataclasses.replace(sent, messages=messages, documents=tuple(kept))


def _beginning(text: str, length: int) -> str:
    """The first `length` characters at most, ending at a space if there is one in the last tenth."""
    short = text[:length]
    space = short.rfind(" ", length * 9 // 10)
    return (short[:space] if space > 0 else short).rstrip()
