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

from fanno_hf.teacher.message import THOUGHT_FIELDS, content_of, thoughts_beside

# characters that begin another value: more of them than the tokens of the longest answer have, with five alternatives each,
# and reading them takes a hundred times the memory of the text
_MOST_VALUES = 400_000
_MOST_EVENTS = 50_000  # more than the longest answer has tokens, and half a second's work
_CHARSET = re.compile(r"charset=\W?((?:iso|latin|windows|cp|gb|big5|euc|shift|koi8)[\w-]{1,20})", re.IGNORECASE)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f\ufffd]")
_EVENT = re.compile(rb"data:(?<![^\r\n]data:)([^\r\n]*)")  # at the beginning of a line


class NoAnswer(ValueError):
    """A reply without an answer; its text says what there is instead. `is_final`: whether the same request would get no other,
    where the model began one; None where it did not. `paid`: as of `Completion`, what it cost all the same.
    """

    def __init__(self, words: str, is_final: bool | None = None, paid: tuple[int, int, int, int] = (0, 0, 0, 0)):
        super().__init__(words)
        self.is_final, self.paid = is_final, paid


def decoded(content: bytes, kind: str = "") -> str:
    """Returns the text of a body of content type `kind`: what can be UTF-8 is, whatever is named; else in the named charset.

    UTF-8 with a broken character loses that one alone. Where no character beyond ASCII would be left, it was never UTF-8.
    """
    encoding = json.detect_encoding(content)
    with suppress(UnicodeDecodeError):
        return content.decode(encoding)
    if named := _CHARSET.search(kind):
        with suppress(LookupError, UnicodeDecodeError):
            return content.decode(named[1])
    text = content.decode(encoding, "replace")
    return text if _BEYOND_ASCII.search(text) else content.decode("cp1252", "replace")


def read_json(content: bytes, kind: str = "", most: int = _MOST_VALUES) -> Any:
    """Reads JSON of content type `kind`. Raises NoAnswer: it is none, or has more than `most` values, as no answer has."""
    if sum(map(content.count, (b",", b"[", b"{"))) > most:
        raise NoAnswer(f"an answer of more than {most} values")
    try:
        return json.loads(decoded(content, kind))
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
        said, among = content_of(get(delta, "content"))
        for name, text in (("content", said), (THOUGHT_FIELDS[0], thoughts_beside(delta) + among)):
            if isinstance(text, str) and (text or name == "content"):
                parts.setdefault(name, []).append(text)
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
