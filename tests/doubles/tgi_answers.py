"""What a text-generation-inference server makes of one request: JSON, template and value checks, and the answer.

    read_call(b'{"messages": [{"role": "system", "content": "Be brief."}]}')
        ->  Refused(422, "Template error: syntax error: Conversation roles must alternate …", "template_error")

Nothing here knows of other requests or of time: an answer follows from its request and the settings alone.
"""

import hashlib
import json
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Any

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.scripted import reply

VERSION = "3.3.5"
MEAN_LENGTH = 100
"""Of the average completion, in tokens."""

_NORMAL = NormalDist()
_MAX_STOP_SEQUENCES = 4


@dataclass
class Settings:
    """What the server is like; everything from `speed` on can be changed while it runs.

    Attributes:
        slots: requests that are served at the same time; the others wait in their order.
        max_concurrent_requests: requests admitted, waiting ones included; one more gets 429 at once.
        mean_seconds: service time of an average request; 0 answers at once.
        sigma: of the lognormal distribution of completion lengths.
        verdict_seconds: service time where max_tokens is 1; None computes it as for any other length.
        record: keep the requests for GET /double/received.
        port: 0 takes a free one.
        speed: 0.5 makes every service time twice as long.
        storm: every request gets 429.
        unhealthy: /health answers 503.
        retry_after: seconds, sent with each 429; a real server sends none.
        refuse_words: a prompt that contains this gets 422.
        error_status: what the share `error_share` gets: 500, 424, or another as a proxy would word it.
        overload_share, error_share, hang_share, drop_share, truncate_share, rubbish_share: shares of requests that
            get 429, an error, no answer, half of the announced body, half a JSON, HTML.
    """

    slots: int = 128
    max_concurrent_requests: int = 128
    mean_seconds: float = 0.0
    sigma: float = 0.5
    verdict_seconds: float | None = None
    seed: int = 0
    max_input_tokens: int = 4095
    max_total_tokens: int = 4096
    max_top_n_tokens: int = 5
    model_id: str = "mistralai/Mistral-7B-Instruct-v0.2"
    model_sha: str = "3ad372fc79158a2148299e3318516c786aeded6c"
    record: bool = False
    port: int = 0
    speed: float = 1.0
    storm: bool = False
    unhealthy: bool = False
    retry_after: int | None = None
    refuse_words: str | None = None
    error_status: int = 500
    overload_share: float = 0.0
    error_share: float = 0.0
    hang_share: float = 0.0
    drop_share: float = 0.0
    truncate_share: float = 0.0
    rubbish_share: float = 0.0


_NAMES = [setting.name for setting in fields(Settings)]
CHANGEABLE = frozenset(_NAMES[_NAMES.index("speed") :])


class Refused(Exception):
    """Becomes an error response; without `error_type` in plain words, as TGI's HTTP layer sends them."""

    def __init__(self, status: int, words: str, error_type: str | None = None):
        super().__init__(words)
        self.status, self.words, self.error_type = status, words, error_type


def _invalid(words: str) -> Refused:
    return Refused(422, f"Input validation error: {words}", "validation")


@dataclass
class Call:
    """A chat request of the right JSON types."""

    messages: list[dict[str, str]]
    values: dict[str, Any]

    @property
    def prompt_tokens(self) -> int:
        return sum(len(turn["content"]) for turn in self.messages) // 4


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_strings(value: Any) -> bool:
    return type(value) is list and all(type(part) is str for part in value)


_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "model": ("a string", lambda value: type(value) is str),
    "max_tokens": ("u32", _is_count),
    "top_logprobs": ("u32", _is_count),
    "seed": ("u64", _is_count),
    "temperature": ("f32", _is_number),
    "top_p": ("f32", _is_number),
    "frequency_penalty": ("f32", _is_number),
    "presence_penalty": ("f32", _is_number),
    "stop": ("a sequence", _is_strings),
    "logprobs": ("a boolean", lambda value: type(value) is bool),
}


def _wrong_type(name: str, expected: str) -> Refused:
    words = f"Failed to deserialize the JSON body into the target type: {name}: invalid type, expected {expected}"
    return Refused(422, words)


def read_call(body: bytes) -> Call:
    """Reads a body and applies the template, or raises Refused: what happens before there is any talk of room."""
    try:
        given = json.loads(body)
    except ValueError as error:
        raise Refused(400, f"Failed to parse the request body as JSON: {error}") from error
    for name, value in given.items():
        if value is not None and name in _TYPES and not _TYPES[name][1](value):
            raise _wrong_type(name, _TYPES[name][0])
    messages = given.get("messages")
    if type(messages) is not list or not all(type(turn) is dict for turn in messages):
        raise _wrong_type("messages", "a sequence of maps")
    for turn in messages:
        if type(turn.get("role")) is not str or type(turn.get("content")) is not str:
            raise _wrong_type("messages", "strings `role` and `content`")
    if any((turn["role"] == "user") != (place % 2 == 0) for place, turn in enumerate(messages)):
        words = "Conversation roles must alternate user/assistant/user/assistant/..."
        raise Refused(422, f"Template error: syntax error: {words} (in <string>:1)", "template_error")
    return Call(messages, given)


def check_values(call: Call, settings: Settings) -> int:
    """Raises Refused as TGI's validation does, in its order and words; returns how many tokens may be written."""
    get, prompt_tokens = call.values.get, call.prompt_tokens
    stop, top = get("stop") or (), get("top_logprobs") or 0
    if (get("temperature") or 0) < 0:  # 0 is greedy
        raise _invalid("`temperature` must be strictly positive")
    if not -2 <= (get("frequency_penalty") or 0) <= 2:
        raise _invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
    if get("top_p") is not None and not 0 < get("top_p") < 1:
        raise _invalid("`top_p` must be > 0.0 and < 1.0")
    if get("max_tokens") == 0:
        raise _invalid("`max_new_tokens` must be strictly positive")
    if len(stop) > _MAX_STOP_SEQUENCES:
        raise _invalid(f"`stop` supports up to {_MAX_STOP_SEQUENCES} stop sequences. Given: {len(stop)}")
    if top > settings.max_top_n_tokens:
        raise _invalid(f"`top_n_tokens` must be >= 0 and <= {settings.max_top_n_tokens}. Given: {top}")
    if not any(turn["content"] for turn in call.messages):
        raise _invalid("`inputs` cannot be empty")
    if settings.refuse_words and any(settings.refuse_words in turn["content"] for turn in call.messages):
        raise _invalid(f"tokenizer error {settings.refuse_words}")
    total = settings.max_total_tokens
    tokens = get("max_tokens") or min(1024, max(0, total - prompt_tokens))
    if prompt_tokens + tokens > total:
        given = f"{prompt_tokens} `inputs` tokens and {tokens} `max_new_tokens`"
        raise _invalid(f"`inputs` tokens + `max_new_tokens` must be <= {total}. Given: {given}")
    if prompt_tokens > settings.max_input_tokens:
        raise _invalid(f"`inputs` must have less than {settings.max_input_tokens} tokens. Given: {prompt_tokens}")
    return tokens


def chance(seed: int, name: bytes) -> float:
    """Returns a number in (0, 1) that belongs to the seed and the name."""
    digest = hashlib.blake2b(name, digest_size=6, key=str(seed).encode()).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48


def answer(call: Call, max_tokens: int, settings: Settings) -> tuple[int, dict[str, Any]]:
    """Returns the length of the completion and the body of the answer.

    Lengths are spread so that budgets and time-outs meet real variety: their mean is at most 0.4 of `max_tokens`, so
    that one in fifty is cut off. The text does not have that length: it is short, as no test looks at its end.
    """
    get, prompt_tokens = call.values.get, call.prompt_tokens
    request = Request(
        call.messages,
        max_tokens,
        temperature=get("temperature") or 0.0,
        top_p=get("top_p") or 1.0,
        frequency_penalty=get("frequency_penalty") or 0.0,
        seed=get("seed") or 0,
        top_logprobs=get("top_logprobs") or 0,
        stop=tuple(get("stop") or ()),
    )
    key = request.key("double")
    done = reply(request, key)
    text, finish_reason = done.text, "stop"
    mean = min(MEAN_LENGTH, 0.4 * max_tokens)
    factor = math.exp(settings.sigma * _NORMAL.inv_cdf(chance(settings.seed, key)) - settings.sigma**2 / 2)
    length = max(1, min(max_tokens, round(mean * min(4.0, factor))))
    ends = [text.index(stop) + len(stop) for stop in request.stop if stop in text]
    if ends:
        text, finish_reason = text[: min(ends)], "stop_sequence"
    elif done.finish_reason == "length" or length >= max_tokens:
        length, finish_reason = max_tokens, "length"
    logprobs = {"content": _tokens(text, done, request.top_logprobs)} if get("logprobs") else None
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish_reason}
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": length, "total_tokens": prompt_tokens + length}
    model = get("model") if get("model") not in (None, "tgi") else settings.model_id
    # no time of day: the same request gets the same bytes whenever it comes
    head = {"object": "chat.completion", "id": "", "created": 0, "model": model}
    return length, {**head, "system_fingerprint": f"{VERSION}-native", "choices": [choice], "usage": usage}


def _tokens(text: str, done: Completion, most: int) -> list[dict[str, Any]]:
    """The words of a text with what each might have been: of yes and no alone, as no test looks at the others."""
    alternatives = deque(done.answers or [done.top_logprobs or []])
    tokens = []
    for word in text.split():
        chosen = alternatives.popleft() if alternatives and (word in ("Yes", "No") or not done.answers) else []
        top = sorted(({"token": t, "logprob": p} for t, p in chosen), key=lambda entry: -entry["logprob"])[:most]
        tokens.append({**(top[0] if top else {"token": word, "logprob": -0.25}), "top_logprobs": top})
    return tokens
