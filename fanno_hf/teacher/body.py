"""The body of a reply: JSON, or the events of a stream that nobody asked for, and never more of either than an answer has.

data: {"choices": [{"delta": {"content": "Y"}}]}
data: {"choices": [{"delta": {"content": "es"}, "finish_reason": "stop"}]}
    ->  {"choices": [{"message": {"content": "Yes"}, "finish_reason": "stop", …}]}
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""Where servers put thoughts, beside the content of a message."""
# characters that begin another value: more of them than the tokens of the longest answer have, with five alternatives each,
# and reading them takes a hundred times the memory of the text
_MOST_VALUES = 400_000
_MOST_EVENTS = 50_000  # more than the longest answer has tokens, and half a second's work
_EVENT = re.compile(rb"data:(?<![^\r\n]data:)([^\r\n]*)")  # at the beginning of a line


class NoAnswer(ValueError):
    """A reply without an answer; its text says what there is instead. `is_final`: whether the same request would get no other,
    where the model began one; None where it did not.
    """

    def __init__(self, words: str, is_final: bool | None = None):
        super().__init__(words)
        self.is_final = is_final


def read_json(content: bytes) -> Any:
    """Reads JSON. Raises NoAnswer: it is none, or has more values than anything that was asked for."""
    if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise NoAnswer(f"an answer of more than {_MOST_VALUES} values")
    try:
        return json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NoAnswer("an answer that is no JSON") from None


def read_stream(content: bytes) -> dict[str, Any]:
    """Returns the answer that the chunks of a stream make together. Raises NoAnswer: there are more than any answer has."""
    reply: dict[str, Any] = {}
    choice: dict[str, Any] = {"finish_reason": None}
    parts: dict[str, list[str]] = {}
    tokens: list[Any] = []
    for chunk in _chunks(content):
        reply |= {name: chunk[name] for name in ("usage", "error") if chunk.get(name)}
        choices = chunk.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        if get(first, "finish_reason"):
            choice["finish_reason"] = first["finish_reason"]
        told = get(get(first, "logprobs"), "content")
        tokens += told if isinstance(told, list) else []
        delta = get(first, "delta") or get(first, "message")
        for name in ["content", *THOUGHT_FIELDS]:
            if isinstance(get(delta, name), str):
                parts.setdefault(name, []).append(delta[name])
    # an error that ends a stream in the middle is what the server says, and half an answer is none
    if parts and not (reply.get("error") and choice["finish_reason"] in (None, "error")):
        message = {name: "".join(texts) for name, texts in parts.items()}
        reply["choices"] = [{**choice, "message": message, "logprobs": {"content": tokens}}]
    return reply


def _chunks(content: bytes) -> Iterator[dict[str, Any]]:
    """Yields the events that are objects."""
    for count, event in enumerate(_EVENT.finditer(content)):
        if count == _MOST_EVENTS:
            raise NoAnswer(f"a stream of more than {_MOST_EVENTS} events")
        if event[1].strip() != b"[DONE]":
            with suppress(NoAnswer):
                if isinstance(chunk := read_json(event[1]), dict):
                    yield chunk


def get(value: Any, name: str) -> Any:
    """Returns a value's key, where it has keys and this one; else None."""
    return value.get(name) if isinstance(value, dict) else None
