"""What a server sent, read with suspicion: a field that is not what it should be counts for nothing.

    {"choices": [{"message": {"content": "Yes"}, "logprobs": …}], "usage": {"prompt_tokens": "many"}}
        ->  Completion("Yes", "stop", prompt_tokens=0, …)

What is journaled stays for good: an answer that no later step could use must not get that far.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from fanno_hf.instructing.verdicts import is_answer
from fanno_hf.teacher.base import Completion, Request

_MOST_TOKENS = 2**31 - 1
# no tokenizer has tokens of a hundred characters on average: more is no answer to this request
_CHARACTERS_A_TOKEN, _SPARE = 100, 1_000


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


def read_completion(reply: Any, request: Request) -> Completion:
    """Reads an answer of huggingface_hub's client. Raises ValueError: there is no text in it."""
    if not isinstance(reply.choices, list) or not reply.choices:
        error = getattr(reply, "error", None)
        raise ValueError(f"no answer, but: {_said(error)}" if error else "an answer without choices")
    choice, usage = reply.choices[0], reply.usage
    text, tokens = _content(choice.message.content), _tokens(choice.logprobs)
    for string in request.stop:
        text = text.split(string, 1)[0]  # TGI keeps the string, the others remove it
    longest = _CHARACTERS_A_TOKEN * request.max_tokens + _SPARE
    return Completion(
        text=text[:longest],
        finish_reason="length" if choice.finish_reason == "length" or len(text) > longest else "stop",
        prompt_tokens=_number(_get(usage, "prompt_tokens")) or 0,
        completion_tokens=_number(_get(usage, "completion_tokens")) or 0,
        cached_tokens=_number(_get(_get(usage, "prompt_tokens_details"), "cached_tokens")) or 0,
        top_logprobs=_alternatives(tokens[0]) if tokens else None,
        answers=_answers(tokens) if request.top_logprobs and request.max_tokens > 1 else None,
    )


def read_words(body: bytes) -> str:
    """Returns what a server said in an error, from any of the known bodies, at most 300 characters."""
    text = body.decode("utf-8", "replace")
    try:
        return _said(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return _said(text)


def _said(error: Any) -> str:
    words = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(clean(str(words)).split())[:300]


def clean(text: str) -> str:
    """Replaces lone surrogates, which no file and no request can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _content(content: Any) -> str:
    """The text of a message; a list of parts is joined."""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    if content is None:
        return ""
    if not isinstance(content, str):
        raise ValueError("an answer whose content is no text")
    return clean(content)


def _tokens(logprobs: Any) -> list[Any]:
    """Returns the tokens of an answer with their log-probabilities, as far as the server gives any."""
    content = getattr(logprobs, "content", None)
    return content if isinstance(content, list) else []


def _alternatives(entry: Any) -> list[tuple[str, float]] | None:
    """Returns what a token might have been, or None where the server's words make no sense."""
    found = []
    for one in entry.top_logprobs or [entry]:
        token, logprob = one.token, one.logprob
        if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
            return None
        if math.isnan(logprob) or logprob > 1e-3:
            return None
        found.append((clean(token), float(logprob)))
    return found


def _answers(tokens: list[Any]) -> list[list[tuple[str, float]]] | None:
    """Returns the alternatives of each token that says yes or no; None where the server gave none that make sense."""
    found = [_alternatives(entry) for entry in tokens if isinstance(entry.token, str) and is_answer(entry.token)]
    return found if found and None not in found else None


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    return clean(value) if isinstance(value, str) and value else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_TOKENS else None
