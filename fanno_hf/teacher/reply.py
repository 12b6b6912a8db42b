"""What a server sent, read with suspicion: a field that is not what it should be counts for nothing.

    {"choices": [{"message": {"content": "Yes"}, "logprobs": …}], "usage": {"prompt_tokens": "many"}}
        ->  Completion("Yes", "stop", prompt_tokens=0, …)

What is journaled stays for good: an answer that no later step could use must not get that far.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fanno_hf.instructing.verdicts import is_answer
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.body import THOUGHT_FIELDS, NoAnswer, get, read_json, read_stream
from fanno_hf.teacher.thoughts import without_thoughts
from fanno_hf.texts.fit import clean, fit_to_show
from fanno_hf.texts.hidden import without_keys

_MOST_TOKENS = 2**31 - 1
_LEAST_LIKELY = -1e9  # a log-probability; JSON has no name for those of 0
_MOST_WORDS = 100_000  # bytes of an error that are looked at
# no tokenizer has tokens of a hundred characters on average: more is no answer to this request
_CHARACTERS_A_TOKEN, _SPARE = 100, 1_000
# characters a token where a server counts none: between English prose and code or other scripts
_USUAL_TOKEN = 3.5
_STOPS = ("stop", "eos_token", "stop_sequence", "eos", "end_turn", "complete", "completed")
_NO_REASON = ("abort", "aborted", "error", "none", "null", "cancelled", "")
_LONGEST_NAME = 1_000  # characters of the name of a model
REFUSAL = "refusal"
"""Key of what stands for a list of models where there is none: the server's words."""
_WORD = re.compile(r"\w+")
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """What a server tells about itself, as it is: what is shown of it is made fit first. None where it does not say."""

    model: str | None = None  # the name it serves the model under
    revision: str | None = None  # commit of the model (TGI)
    version: str | None = None  # of the server (TGI)
    max_in_flight: int | None = None  # requests it takes before it answers 429 (TGI)
    max_total_tokens: int | None = None  # of a prompt and its answer (TGI, vLLM, llama.cpp)
    models: tuple[str, ...] = ()  # all names it serves, where there are several
    refusal: str | None = None  # what it said when it was asked for its models, where it named none


def read_server(info: Any, models: Any) -> Server:
    """Reads the bodies of `/info` and `/v1/models`, of whatever shape."""
    info = info if _text(get(info, "model_id")) else {}
    served = get(models, "data")
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
        or _number(get(first.get("meta"), "n_ctx")),
        models=names,
        refusal=get(models, REFUSAL),
    )


def read_completion(content: bytes, kind: str, request: Request, secrets: Sequence[str] = ()) -> Completion:
    """Reads the body of an answer, of content type `kind`. Raises NoAnswer: there is none in it."""
    reply = _read_body(content, kind, secrets)
    choices = get(reply, "choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        error = get(reply, "error") or get(reply, "detail") or get(reply, "message")
        raise NoAnswer(f"no answer, but: {_said(error, secrets)}" if error else "an answer without choices")
    choice, usage = choices[0], get(reply, "usage")
    longest = _CHARACTERS_A_TOKEN * (request.max_tokens + request.room) + _SPARE
    written, apart, finish_reason = _written(choice, longest, secrets)
    text, thought = without_thoughts(written[:longest])
    for string in request.stop:
        text = text.split(string, 1)[0]  # TGI keeps the string, the others remove it
    tokens = _tokens(choice.get("logprobs"), request.max_tokens + request.room)
    if request.room or apart or text.strip() != written.strip():
        tokens = _last_tokens(tokens, text)
    everything = len(written) + len(apart)
    counted, asked = (_number(get(usage, name)) for name in ("completion_tokens", "prompt_tokens"))
    is_counted = counted is not None and asked is not None and (counted > 0 or asked > 0)
    completed = counted if is_counted else _estimate(everything)
    return Completion(
        text=text[:longest],
        finish_reason=finish_reason,
        prompt_tokens=asked if is_counted else _estimate(sum(len(turn["content"]) for turn in request.messages)),
        completion_tokens=completed,
        cached_tokens=_number(get(get(usage, "prompt_tokens_details"), "cached_tokens")) or 0,
        thinking_tokens=_thinking_tokens(usage, completed, thought + len(apart), everything),
        estimated=not is_counted,
        top_logprobs=_alternatives(tokens[0], secrets) if tokens else None,
        answers=_answers(tokens, secrets) if request.top_logprobs and request.max_tokens > 1 else None,
    )


def _written(choice: dict[str, Any], longest: int, secrets: Sequence[str]) -> tuple[str, str, str]:
    """Returns what a choice says, the thoughts that stand apart from it, and how it ended; both end where no answer would go on."""
    finish_reason = _finish_reason(choice.get("finish_reason"), secrets)
    message = choice.get("message")
    written = _content(get(message, "content"))
    apart = "".join(thought for name in THOUGHT_FIELDS if isinstance(thought := get(message, name), str))
    finish_reason = "length" if len(written) > longest else finish_reason
    # what is kept may be published; hidden before it is cut, so that no half of a key is left
    written = without_keys(written[: longest + _SPARE], secrets, is_cut=finish_reason == "length")
    return written[: longest + 1], apart[:longest], finish_reason


def _read_body(content: bytes, kind: str, secrets: Sequence[str]) -> Any:
    """Reads JSON, or the events of a stream that nobody asked for."""
    head = content[:_MOST_WORDS].decode("utf-8", "replace").strip()
    if "event-stream" in kind or head.startswith(("data:", "event:", ":")):
        return read_stream(content)
    try:
        return read_json(content)
    except NoAnswer as error:
        said = _said(head, secrets) if _is_page(head) else f"{error}: {_said(head, secrets) or 'nothing'}"
        raise NoAnswer(said) from None


def _finish_reason(said: Any, secrets: Sequence[str]) -> str:
    """Returns "stop" or "length". Raises NoAnswer for any other: what was written then is not what was asked for."""
    reason = said.strip().lower() if isinstance(said, str) else ""
    if reason in _STOPS:
        return "stop"
    if reason in ("length", "max_tokens"):
        return "length"
    words = fit_to_show(said if isinstance(said, str) else _shown(said), secrets, 60)
    raise NoAnswer(f"finish_reason {words}", is_final=reason not in _NO_REASON)


def _thinking_tokens(usage: Any, completed: int, thought: int, everything: int) -> int:
    """Tokens of thoughts as the server counts them, else by their share of the characters."""
    details = get(usage, "completion_tokens_details")
    counted = _number(get(details, "reasoning_tokens"))
    return min(counted or (round(completed * thought / everything) if thought else 0), completed)


def _shown(value: Any) -> str:
    try:
        return json.dumps(value)
    except (ValueError, RecursionError):
        return type(value).__name__


def _estimate(characters: int) -> int:
    return math.ceil(characters / _USUAL_TOKEN)


def read_words(body: bytes, secrets: Sequence[str] = ()) -> str:
    """Returns what a server said in an error, from any of the known bodies, fit to show."""
    text = body[:_MOST_WORDS].decode("utf-8", "replace")
    try:
        found = json.loads(text)
        for name in ("error", "detail", "message", "errors"):
            if get(found, name):
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
    return fit_to_show(words if isinstance(words, str) else _shown(words), secrets)


def _content(content: Any) -> str:
    """The text of a message; a list of parts is joined."""
    if isinstance(content, list):
        content = "".join(text for part in content if isinstance(text := get(part, "text"), str))
    if content is None:
        return ""
    if not isinstance(content, str):
        raise NoAnswer("an answer whose content is no text")
    return clean(content)


def _tokens(logprobs: Any, most: int) -> list[dict[str, Any]]:
    """Returns the tokens of an answer with their log-probabilities, as far as the server gives any that make sense."""
    content = get(logprobs, "content")
    if not isinstance(content, list) or len(content) > most + _SPARE:
        return []
    return content if all(isinstance(entry, dict) for entry in content) else []


def _last_tokens(tokens: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Returns the tokens from the first yes or no of the text on, where those of thoughts or of a template stand before them."""
    said = [match.group().casefold() for match in _WORD.finditer(text) if is_answer(match.group())]
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place].get("token")
        if not said or not isinstance(token, str) or not is_answer(token):
            continue
        if said.pop() not in token.casefold():
            return []
        if not said:
            return tokens[place:]
    return []


def _alternatives(entry: dict[str, Any], secrets: Sequence[str]) -> list[tuple[str, float]] | None:
    """Returns what a token might have been, or None where the server's words make no sense."""
    alternatives, found = entry.get("top_logprobs"), []
    for one in alternatives if isinstance(alternatives, list) and alternatives else [entry]:
        token, logprob = get(one, "token"), get(one, "logprob")
        if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
            return None
        if not logprob <= 1e-3:  # nor is NaN
            return None
        found.append((without_keys(clean(token), secrets), float(max(logprob, _LEAST_LIKELY))))
    return found


def _answers(tokens: list[dict[str, Any]], secrets: Sequence[str]) -> list[list[tuple[str, float]]] | None:
    """Returns the alternatives of each token that says yes or no; None where the server gave none that make sense."""
    said = [entry for entry in tokens if isinstance(entry.get("token"), str) and is_answer(entry["token"])]
    found = [_alternatives(entry, secrets) for entry in said]
    return found if found and None not in found else None


def _text(value: Any) -> str | None:
    """A name, with nothing changed in it: a server knows its model under this one alone."""
    return value if isinstance(value, str) and value.strip() and len(value) <= _LONGEST_NAME else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS else None
