"""What a server sent, read with suspicion: a field that is not what it should be counts for nothing.

    {"choices": [{"message": {"content": "Yes"}, "logprobs": …}], "usage": {"prompt_tokens": "many"}}
        ->  Completion("Yes", "stop", prompt_tokens=0, …)

What is journaled stays for good: an answer that no later step could use must not get that far.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fanno_hf.instructing.verdicts import is_answer
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.thoughts import without_thoughts
from fanno_hf.texts.fit import clean, fit_to_show

_MOST_TOKENS = 2**31 - 1
_MOST_WORDS = 100_000  # bytes of an error that are looked at
# no tokenizer has tokens of a hundred characters on average: more is no answer to this request
_CHARACTERS_A_TOKEN, _SPARE = 100, 1_000
# characters a token where a server counts none: between English prose and code or other scripts
_USUAL_TOKEN = 3.5
_STOPS = ("stop", "eos_token", "stop_sequence", "eos", "end_turn", "complete", "completed")
_NO_REASON = ("abort", "aborted", "error", "none", "null", "cancelled", "")
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


class NoAnswer(ValueError):
    """A reply without an answer; its text says what there is instead. `is_final` where the same request gets no other."""

    def __init__(self, words: str, is_final: bool = False):
        super().__init__(words)
        self.is_final = is_final


@dataclass(frozen=True)
class Server:
    """What a server tells about itself; None where it does not say."""

    model: str | None = None  # the name it serves the model under
    revision: str | None = None  # commit of the model (TGI)
    version: str | None = None  # of the server (TGI)
    max_in_flight: int | None = None  # requests it takes before it answers 429 (TGI)
    max_total_tokens: int | None = None  # of a prompt and its answer (TGI, vLLM, llama.cpp)
    models: tuple[str, ...] = ()  # all names it serves, where there are several


def read_server(info: Any, models: Any) -> Server:
    """Reads the bodies of `/info` and `/v1/models`, of whatever shape."""
    info = info if _text(_get(info, "model_id")) else {}
    served = _get(models, "data")
    served = [entry for entry in served if isinstance(entry, dict)] if isinstance(served, list) else []
    first = served[0] if served else {}
    names = tuple(name for entry in served if (name := _text(entry.get("id"))))
    return Server(
        model=_text(info.get("model_id")) or (names[0] if len(names) == 1 else None),
        revision=_text(info.get("model_sha")),
        version=_text(info.get("version")),
        max_in_flight=_number(info.get("max_concurrent_requests")),
        max_total_tokens=_number(info.get("max_total_tokens"))
        or _number(first.get("max_model_len"))
        or _number(_get(first.get("meta"), "n_ctx")),
        models=names,
    )


def read_completion(content: bytes, kind: str, request: Request) -> Completion:
    """Reads the body of an answer, of content type `kind`. Raises NoAnswer: there is none in it."""
    reply = _read_body(content, kind)
    choices = _get(reply, "choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        error = _get(reply, "error") or _get(reply, "detail") or _get(reply, "message")
        raise NoAnswer(f"no answer, but: {_said(error)}" if error else "an answer without choices")
    choice, usage = choices[0], _get(reply, "usage")
    message = choice.get("message") if isinstance(choice.get("message"), dict) else {}
    finish_reason = _finish_reason(choice.get("finish_reason"))
    written = _content(message.get("content"))
    apart = "".join(_content(message.get(name)) for name in _THOUGHT_FIELDS if isinstance(message.get(name), str))
    text, thought = without_thoughts(written)
    for string in request.stop:
        text = text.split(string, 1)[0]  # TGI keeps the string, the others remove it
    tokens = _tokens(choice.get("logprobs"))
    tokens = _last_tokens(tokens, text) if thought or apart else tokens
    longest = _CHARACTERS_A_TOKEN * (request.max_tokens + request.room) + _SPARE
    completed = _number(_get(usage, "completion_tokens"))
    everything = len(written) + len(apart)
    is_estimated = completed is None or _number(_get(usage, "prompt_tokens")) is None
    completed = completed if completed is not None else _estimate(everything)
    return Completion(
        text=text[:longest],
        finish_reason="length" if len(text) > longest else finish_reason,
        prompt_tokens=_number(_get(usage, "prompt_tokens"))
        or _estimate(sum(len(t["content"]) for t in request.messages)),
        completion_tokens=completed,
        cached_tokens=_number(_get(_get(usage, "prompt_tokens_details"), "cached_tokens")) or 0,
        thinking_tokens=_thinking_tokens(usage, completed, thought + len(apart), everything),
        estimated=is_estimated,
        top_logprobs=_alternatives(tokens[0]) if tokens else None,
        answers=_answers(tokens) if request.top_logprobs and request.max_tokens > 1 else None,
    )


def _read_body(content: bytes, kind: str) -> Any:
    """Reads JSON, or the events of a stream that nobody asked for."""
    text = content.decode("utf-8", "replace").strip()
    if "event-stream" in kind or text.startswith("data:"):
        return _read_stream(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoAnswer(
            _said(text) if _is_page(text) else f"an answer that is no JSON: {_said(text) or 'nothing'}"
        ) from None


def _read_stream(text: str) -> dict[str, Any]:
    """Returns the answer that the chunks of a stream make together."""
    reply: dict[str, Any] = {}
    choice: dict[str, Any] = {"finish_reason": None}
    message: dict[str, str] = {}
    for chunk in _chunks(text):
        reply |= {name: chunk[name] for name in ("usage", "error") if chunk.get(name)}
        first = next(iter(chunk.get("choices") or ()), None) if isinstance(chunk.get("choices"), list) else None
        if not isinstance(first, dict):
            continue
        choice |= {name: first[name] for name in ("finish_reason", "logprobs") if first.get(name)}
        delta = first.get("delta") or first.get("message")
        for name in ["content", *_THOUGHT_FIELDS]:
            if isinstance(_get(delta, name), str):
                message[name] = message.get(name, "") + delta[name]
    if message:
        reply["choices"] = [{**choice, "message": message}]
    return reply


def _chunks(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            try:
                chunk = json.loads(line[5:])
            except (ValueError, RecursionError):
                continue
            if isinstance(chunk, dict):
                yield chunk


def _finish_reason(said: Any) -> str:
    """Returns "stop" or "length". Raises NoAnswer for any other: what was written then is not what was asked for."""
    reason = said.strip().lower() if isinstance(said, str) else ""
    if reason in _STOPS:
        return "stop"
    if reason in ("length", "max_tokens"):
        return "length"
    words = f"finish_reason {fit_to_show(said if isinstance(said, str) else json.dumps(said), limit=60)}"
    raise NoAnswer(words, is_final=reason not in _NO_REASON)


def _thinking_tokens(usage: Any, completed: int, thought: int, everything: int) -> int:
    """Tokens of thoughts as the server counts them, else by their share of the characters."""
    details = _get(usage, "completion_tokens_details")
    counted = _number(_get(details, "reasoning_tokens"))
    return min(counted or (round(completed * thought / everything) if thought else 0), completed)


def _estimate(characters: int) -> int:
    return math.ceil(characters / _USUAL_TOKEN)


def read_words(body: bytes, secrets: Sequence[str] = ()) -> str:
    """Returns what a server said in an error, from any of the known bodies, fit to show."""
    text = body[:_MOST_WORDS].decode("utf-8", "replace")
    try:
        found = json.loads(text)
        for name in ("error", "detail", "message", "errors"):
            if _get(found, name):
                return _said(found[name], secrets)
    except (ValueError, RecursionError):
        pass
    return _said(text, secrets)


def _is_page(text: str) -> bool:
    return bool(re.match(r"\s*(?:<!doctype html|<html|<head|<body)", text, re.IGNORECASE))


def _said(error: Any, secrets: Sequence[str] = ()) -> str:
    words = error.get("message", error) if isinstance(error, dict) else error
    if isinstance(words, str) and _is_page(words):
        title = _TITLE.search(words)
        return f"an HTML page ({fit_to_show(title[1], secrets, 80)})" if title else "an HTML page"
    return fit_to_show(str(words), secrets)


def _content(content: Any) -> str:
    """The text of a message; a list of parts is joined."""
    if isinstance(content, list):
        content = "".join(text for part in content if isinstance(text := _get(part, "text"), str))
    if content is None:
        return ""
    if not isinstance(content, str):
        raise NoAnswer("an answer whose content is no text")
    return clean(content)


def _tokens(logprobs: Any) -> list[dict[str, Any]]:
    """Returns the tokens of an answer with their log-probabilities, as far as the server gives any."""
    content = _get(logprobs, "content")
    return content if isinstance(content, list) and all(isinstance(entry, dict) for entry in content) else []


def _last_tokens(tokens: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Returns the tokens of the text alone, where those of thoughts stand before them."""
    joined = ""
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place].get("token")
        joined = (token if isinstance(token, str) else "") + joined
        if text.strip() and text.strip() in joined:
            return tokens[place:]
    return []


def _alternatives(entry: dict[str, Any]) -> list[tuple[str, float]] | None:
    """Returns what a token might have been, or None where the server's words make no sense."""
    alternatives, found = entry.get("top_logprobs"), []
    for one in alternatives if isinstance(alternatives, list) and alternatives else [entry]:
        token, logprob = _get(one, "token"), _get(one, "logprob")
        if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
            return None
        if math.isnan(logprob) or logprob > 1e-3:
            return None
        found.append((clean(token), float(logprob)))
    return found


def _answers(tokens: list[dict[str, Any]]) -> list[list[tuple[str, float]]] | None:
    """Returns the alternatives of each token that says yes or no; None where the server gave none that make sense."""
    said = [entry for entry in tokens if isinstance(entry.get("token"), str) and is_answer(entry["token"])]
    found = [_alternatives(entry) for entry in said]
    return found if found and None not in found else None


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    return fit_to_show(value) if isinstance(value, str) and value.strip() else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS else None
