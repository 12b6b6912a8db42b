"""What is asked of a teacher and what comes back; every backend speaks in these."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from fanno_hf.columns import Reason
from fanno_hf.identity import digest

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One chat request: everything that decides the answer, and nothing that does not."""

    messages: list[dict[str, str]]  # turns with `role` and `content`
    max_tokens: int  # at most this many tokens come back
    temperature: float = 0.0  # 0 is greedy
    top_p: float = 1.0  # nucleus sampling, in (0, 1]
    frequency_penalty: float = 0.0  # in [-2, 2]; above 0 makes words that were said less likely, against loops
    seed: int = 0  # of the server's sampling
    top_logprobs: int = 0  # how many alternatives of each token to return with log-probabilities; 0 asks for none
    # strings that end the answer; they are stripped from it, whatever the server does with them
    stop: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None  # JSON schema that the answer should follow, where the server can see to it
    judge: bool = False  # whether the judge is asked, where that is another model than the teacher
    # what a judge may say first, where that is neither yes nor no; it follows from the messages and is no part of the key
    choices: tuple[str, ...] = ()
    # texts in the last message that may be shortened when the prompt is too long for the server; they follow from the
    # messages and are no part of the key
    documents: tuple[str, ...] = ()
    # how it is sent, which is no part of the key either: tokens for thoughts beside the answer, keys of the body that ask
    # for none, and the name under which the server takes the number of tokens
    room: int = 0
    manner: tuple[tuple[str, Any], ...] = ()
    limit_name: str = "max_tokens"
    # makes the messages without all that a prompt can do without, for a context that does not hold it; None where there is
    # nothing of the kind
    terse: "Callable[[], list[dict[str, str]]] | None" = field(default=None, compare=False)
    is_terse: bool = False

    def key(self, teacher_identity: str) -> bytes:
        """Returns the sha256 under which the journal keeps the answer of the teacher with this identity."""
        # who is asked shows in the identity
        decisive = {name: getattr(self, name) for name in _DECISIVE if name != "schema" or self.schema is not None}
        return bytes.fromhex(digest([teacher_identity, decisive]))


_DECISIVE = (
    "messages",
    "max_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "seed",
    "top_logprobs",
    "stop",
    "schema",
)


_LEFT_OUT_EMPTY = ("answers", "thinking_tokens", "estimated", "is_full")


@dataclass(frozen=True)
class Completion:
    """An answer, or the reason why this row has none."""

    text: str = ""  # what the teacher wrote; never an error message
    finish_reason: str = "stop"  # "stop" or "length"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    # of the first token, as (token, natural log-probability); None where the server gives none
    top_logprobs: list[tuple[str, float]] | None = None
    # the same for each token that says yes or no, of an answer to several questions; None where it is none
    answers: list[list[tuple[str, float]]] | None = None
    cached_tokens: int = 0  # of the prompt, those the server had in its prefix cache; 0 where it does not tell
    thinking_tokens: int = 0  # of the completion, those of thoughts, which are no part of the text
    estimated: bool = False  # the server counted no tokens, so they are estimated
    is_full: bool = False  # it ends because the server's context was full, not at `max_tokens`
    shortened: bool = False  # the prompt was too long, so its document was cut
    # `paid` of answers to the same request that were of no use: thoughts alone, a full context
    discarded: tuple[int, int, int, int] = (0, 0, 0, 0)
    seconds: float = field(default=0.0, compare=False)  # from sending to the answer; not kept in the journal
    # None, or (reason, detail) when the row is refused ("teacher_refused") or was given up on ("teacher_failed", which
    # a later run tries again)
    error: Reason | None = field(default=None)

    @property
    def paid(self) -> tuple[int, int, int, int]:
        """Tokens of prompts, of them in the server's cache, written, and of them thoughts; with those of discarded answers."""
        own = (self.prompt_tokens, self.cached_tokens, self.completion_tokens, self.thinking_tokens)
        return tuple(map(sum, zip(own, self.discarded, strict=True)))

    @property
    def tokens(self) -> int:
        """Tokens of prompt and answer, and of discarded ones."""
        prompt, _, written, _ = self.paid
        return prompt + written

    def explain(self, reason: Reason | None) -> Reason | None:
        """Returns why a row leaves, with the right cause where its text is cut off."""
        if self.is_full and reason and reason[0] == "truncated":
            return "truncated", f"the context was full: cut off after {self.completion_tokens} tokens"
        return reason

    def to_json(self) -> dict[str, Any]:
        """Returns what the journal stores."""
        left_out = {"error", "seconds"} | {name for name in _LEFT_OUT_EMPTY if not getattr(self, name)}
        if not any(self.discarded):
            left_out.add("discarded")
        # not `asdict`, which copies every alternative of every token
        return {name: value for name, value in vars(self).items() if name not in left_out}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Completion":
        """Reads back what `to_json` gave."""
        logprobs, answers = record["top_logprobs"], record.get("answers")
        tuples = {"top_logprobs": None if logprobs is None else [(token, value) for token, value in logprobs]}
        if answers is not None:
            tuples["answers"] = [[(token, value) for token, value in alternatives] for alternatives in answers]
        if "discarded" in record:
            tuples["discarded"] = tuple(record["discarded"])
        return cls(**{**record, **tuples})


@dataclass
class Usage:
    """What was asked: requests answered by the server, answered by the journal, tokens of the first kind, and trouble."""

    requests: int = 0
    from_journal: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompts, those the server found in its prefix cache, where it tells
    completion_tokens: int = 0
    busy_seconds: float = 0.0  # of all answered requests together, each from sending to its answer
    thinking_tokens: int = 0  # of the completions, those of thoughts, which are not kept
    resent: int = 0  # requests that were sent again, after a failure or changed
    shortened: int = 0  # prompts that were too long and lost a part of their document
    refused: int = 0  # requests that the server will never answer ("teacher_refused")
    failed: int = 0  # requests that were given up after their last try ("teacher_failed"); a later run asks them again
    faults: dict[str, int] = field(default_factory=dict)  # what went wrong, in the server's words -> how often
    estimated: int = 0  # answers of a server that tells no token counts: theirs are estimated
    verdicts_from_text: int = 0  # verdicts without log-probabilities: 0 or 1, or undecided


class Ask:
    """The teacher, as the way of one row sees it: `answer = await ask(request)`. Counts the tokens of its requests."""

    def __init__(self, complete: Callable[[Request, bool], Awaitable[Completion]]):
        self._complete, self._begun = complete, False
        self.prompt_tokens = self.completion_tokens = 0

    async def __call__(self, request: Request) -> Completion:
        """Answers one request, or returns a completion with `error`."""
        # a row that has begun goes on before a new one begins: its document is still in the server's cache
        urgent, self._begun = self._begun, True
        answer = await self._complete(request, urgent)
        prompt, _, written, _ = answer.paid
        self.prompt_tokens, self.completion_tokens = self.prompt_tokens + prompt, self.completion_tokens + written
        return answer


Way = Callable[[Ask], Awaitable[T]]
"""What is asked for one row, one request after the other; what it returns is its result."""


class Backend(Protocol):
    """A way to reach a teacher. Its methods run in the service's event loop."""

    identity: str | None
    """Names the model and its version: part of every journal key. Never a URL or a time-out. None until `open` has
    asked the server."""
    capacity: int  # requests in flight at most; final once it is open
    in_flight: int  # requests sent and not answered
    room: int  # tokens for thoughts that it gives each request beside those of its answer, as far as it knows
    resent: int  # how often a request was sent again, so far
    faults: Mapping[str, int]  # what went wrong so far, in the server's words -> how often
    context_length: (
        int | None
    )  # tokens of prompt and answer that it takes; None where it does not tell, or is not open

    async def open(self) -> None:
        """Gets ready to answer; called once, before the first request that the journal cannot answer."""

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        """Answers one request, or returns a completion with `error`, or raises TeacherUnavailable.

        An urgent one goes before others that wait: its document is still in the server's cache.
        """

    async def close(self) -> None:
        """Lets go of everything; called once, also after a failure."""
