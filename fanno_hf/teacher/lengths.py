"""A prompt that is too long for the server loses the end of its document, until it fits.

    400 "your prompt contains at least 513 input tokens" (the limit is 512, whatever the length)
        ->  the same request with the share of its document that should fit, as far as characters a token tell; and again

What a server says is a hint and no more: vLLM names a lower bound, llama.cpp and vLLM write less than they were asked for
instead, others say nothing of use. So a refused prompt that is longer than most that were answered is shortened, too.
"""

import dataclasses
import logging
import re
from collections.abc import Sequence

from fanno_hf.instructing.verdicts import is_undecided
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import CallFailed

logger = logging.getLogger(__name__)

_ABOUT_LENGTH = re.compile(
    r"must be <=|must have less than|too (?:long|large|big|many)|exceed|longer than|\bcontext\b|\bn_ctx\b|tokens?\b|"
    r"max_(?:new_|completion_)?tokens|maximum|\blength\b|truncat",
    re.IGNORECASE,
)
# what can mean nothing else; limits over a minute speak of tokens, too, and of what to reduce
_TOO_LONG = re.compile(r"\b(?<!rate )(?<!rate is )too (?:long|large|big)\b", re.IGNORECASE)
_NAMES_LENGTH = re.compile(
    r"(?:input|prompt|context|sequence|messages?)[ _-]?(?:length|size|window)|longer than|maximum context|"
    r"(?:reduce|shorten) (?:the|your) (?:length|size|prompt|input|messages)",
    re.IGNORECASE,
)
_A_RATE = re.compile(r"\bper[ _-]?(?:min|sec|hour|day)|\b[rt]p[md]\b|rate[ _-]?limit|try again", re.IGNORECASE)
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
_SHARES = (0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.22, 0.16, 0.12, 0.09, 0.065, 0.05, 0.035, 0.025, 0.015, 0.01, 0.005)
_LITTLE = 0.4  # of the documents; rather than to show less, a prompt does without what it can
_LEAST = 60  # characters of documents; of less nothing can be asked
_ALIKE = 8  # tokens by which prompts differ that are cut at other places of the same context
_CLEARLY, _NEARLY = 1.05, 0.9
_USUALLY_FITS = 0.5  # of the longest prompt that was answered: what is shorter is hardly ever too long
_FEWEST = 32  # tokens of an answer; with fewer nothing can be written
_MARGIN = 0.95  # characters are not spread evenly over tokens


class Lengths:
    """What is known about the length of prompts that the servers take."""

    def __init__(self):
        self.role = "teacher"  # or "judge": the group of the configuration that messages name
        self.limit: int | None = None  # tokens of prompt and answer, where a server told
        self._characters = self._tokens = 0  # of the prompts that were answered, where the server counted
        self._longest = (
            0.0  # tokens of the longest prompt that was answered, by its characters, and its answer at most
        )
        self._full_at: int | None = None  # the same, as it seems from answers that ended early
        self._early: dict[int, int] = {}  # of these answers, their tokens -> those of the first prompt
        self._seen_full = 0  # tokens of the last prompt and answer that ended early
        self._most: int | None = None  # tokens of an answer after which a server ends it, whatever it was asked for

    def note(self, sent: Request, answer: Completion) -> None:
        """Learns from an answer."""
        if not answer.estimated and answer.prompt_tokens:
            self._characters, self._tokens = self._characters + _size(sent), self._tokens + answer.prompt_tokens
        self._longest = max(self._longest, self._need(sent))

    def fit(self, request: Request) -> Request:
        """Returns the request with no more tokens for its answer than half of what the servers take at all."""
        limit = min(self.limit or self._full_at or 0, self._full_at or self.limit or 0)
        if not limit or request.max_tokens + request.room <= limit // 2:
            return request
        room = min(request.room, limit // 4)
        return dataclasses.replace(request, max_tokens=min(request.max_tokens, limit // 2 - room), room=room)

    def is_told(self, failure: CallFailed) -> bool:
        """Whether a failure is, by its words, about length."""
        words = str(failure)
        # not those of a library ("content length"), nor half an answer, which has fields of such names
        if not re.match(r"\d{3}:|no answer, but:", words):
            return False
        return words.startswith(("413", "414")) or bool(_ABOUT_LENGTH.search(words))

    def is_named(self, failure: CallFailed) -> bool:
        """Whether a failure that mostly means something else names length as its reason."""
        words = str(failure)
        return bool(_TOO_LONG.search(words) or (_NAMES_LENGTH.search(words) and not _A_RATE.search(words)))

    def is_full(self, sent: Request, answer: Completion) -> bool:
        """Whether an answer ends because the server's context was full, before the tokens that it was asked for.

        One that ends after the same number of tokens behind another prompt does not: that server gives no more.
        """
        least = 0.98 * (sent.max_tokens + sent.room) - 1  # some count the last token, some do not
        if answer.finish_reason != "length" or answer.estimated or answer.completion_tokens >= least:
            return False
        if sent.judge and not is_undecided(answer.text, answer.top_logprobs):
            return False
        first = self._early.setdefault(answer.completion_tokens, answer.prompt_tokens)
        if abs(first - answer.prompt_tokens) > _ALIKE:
            self._most, self._full_at = answer.completion_tokens, None
        return answer.completion_tokens != self._most

    def is_cut(self, request: Request, sent: Request, answer: Completion) -> bool:
        """Whether an answer to `request` would have had more tokens if the context held more."""
        is_less = sent.max_tokens < request.max_tokens and answer.finish_reason == "length"
        return is_less or self.is_full(sent, answer)

    def _note_full(self, answer: Completion) -> None:
        """Learns how much the servers take where a second answer ended at the same length of prompt and answer together."""
        if self._seen_full and abs(answer.tokens - self._seen_full) <= _ALIKE and answer.tokens >= _LEAST:
            if not self._full_at:
                logger.warning(
                    "the context of the %s was full after %d tokens: documents are shortened", self.role, answer.tokens
                )
            self._full_at = min(answer.tokens + 1, self._full_at or answer.tokens + 1)
        self._seen_full = answer.tokens

    def is_longest(self, request: Request, sent: Request) -> bool:
        """Whether a prompt, with the answer that is asked for, is clearly longer than any that was answered, or nearly as long
        where it was found too long before.
        """
        was_longer = (sent.documents, sent.max_tokens) != (request.documents, request.max_tokens)
        return 0 < (_NEARLY if was_longer else _CLEARLY) * self._longest < self._need(sent)

    def shortened(self, request: Request, sent: Request, outcome: Completion | CallFailed) -> Request | None:
        """Returns what was sent with less of the documents of `request`, where length may be what is wrong; else None."""
        surplus = self._surplus(sent, outcome)
        if surplus is None:
            return None
        if (fitting := self.fit(sent)) != sent:  # only now it is known how much the servers take
            return fitting
        if not surplus and sent.room > _LEAST:
            return dataclasses.replace(sent, room=sent.room // 4)
        length = sum(len(document) for document in request.documents)
        kept = sum(len(document) for document in sent.documents)
        # what an answer lacked is a guess, for it might not have become that long
        least = kept * 0.5 if isinstance(outcome, Completion) else 0.0
        wanted = max((kept - surplus) * _MARGIN, least) if surplus else kept * 0.7
        if wanted < _LITTLE * length and (terse := _terse(request, sent)) is not None:
            return terse
        share = next((share for share in _SHARES if share * length <= min(wanted, kept - 1)), 0.0)
        if share * length >= _LEAST:
            return _cut(request, sent, share)
        # an answer of fewer tokens is the last resort
        if isinstance(outcome, CallFailed) and sent.max_tokens > 2 * _FEWEST:
            return dataclasses.replace(sent, max_tokens=sent.max_tokens // 2)
        return None

    def _surplus(self, sent: Request, outcome: Completion | CallFailed) -> float | None:
        """Returns how many characters should go, 0 where nothing tells; None where length is not what is wrong."""
        if isinstance(outcome, Completion):
            if not self.is_full(sent, outcome):
                return None
            self._note_full(outcome)
            lacking = sent.max_tokens + sent.room - outcome.completion_tokens
            return max(1.0, lacking * _size(sent) / max(outcome.prompt_tokens, 1))
        # the wording of a refusal does not matter where the prompt is longer than most
        if not self.is_told(outcome) and self._need(sent) <= _USUALLY_FITS * self._longest:
            return None
        words = str(outcome)
        found = next((match for pattern in _LIMITS if (match := pattern.search(words))), None)
        if found and found.re is not _LIMITS[-1]:
            self._learn(int(found["limit"]))
        limit = int(found["limit"]) if found else self.limit
        if not limit:
            return 0.0
        told = int(found["prompt"]) if found and "prompt" in found.re.groupindex else 0
        tokens = max(told, _size(sent) / self._each)
        room = limit - 1 - (0 if "must have less" in words else sent.max_tokens + sent.room)
        return max(0.0, (tokens - room) * _size(sent) / tokens)

    def _need(self, request: Request) -> float:
        """Tokens of a prompt, by its characters, and of its answer at most."""
        return _size(request) / self._each + request.max_tokens + request.room

    @property
    def _each(self) -> float:
        """Characters a token."""
        return self._characters / self._tokens if self._tokens else _USUAL

    def _learn(self, limit: int) -> None:
        if limit >= _LEAST:
            self.limit = min(limit, self.limit or limit)


def _size(request: Request) -> int:
    return sum(len(turn["content"]) for turn in request.messages)


def _terse(request: Request, sent: Request) -> Request | None:
    """Returns what was sent without what a prompt can do without, its documents as they are; None where that is nothing."""
    if request.terse is None or sent.is_terse:
        return None
    messages = request.terse()
    whole = dataclasses.replace(request, messages=messages)
    terse = _shown(whole, sent.documents)
    return None if _size(terse) >= _size(sent) else dataclasses.replace(sent, messages=terse.messages, is_terse=True)


def _cut(request: Request, sent: Request, share: float) -> Request:
    """Returns what was sent with this share of the whole request's documents, from their beginnings."""
    if sent.is_terse:
        request = dataclasses.replace(request, messages=request.terse())
    kept = tuple(_beginning(document, int(len(document) * share)) for document in request.documents)
    return dataclasses.replace(sent, messages=_shown(request, kept).messages, documents=kept)


def _shown(request: Request, kept: Sequence[str]) -> Request:
    """Returns a request whose last message shows these documents in place of its own."""
    last = request.messages[-1]["content"]
    for document, short in zip(request.documents, kept, strict=True):
        last = last.replace(document, short, 1)
    return dataclasses.replace(request, messages=[*request.messages[:-1], {**request.messages[-1], "content": last}])


def _beginning(text: str, length: int) -> str:
    """The first `length` characters at most, ending at a space if there is one in the last tenth."""
    short = text[:length]
    space = short.rfind(" ", length * 9 // 10)
    return (short[:space] if space > 0 else short).rstrip()
