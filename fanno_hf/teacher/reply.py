"""What a server sent, read with suspicion: a field that is not what it should be counts for nothing.

    {"choices": [{"message": {"content": "Yes"}, "logprobs": …}], "usage": {"prompt_tokens": "many"}}
        ->  Completion("Yes", "stop", prompt_tokens=0, …)

What is journaled stays for good: an answer that no later step could use must not get that far.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fanno_hf.instructing.verdicts import is_answer, yes_probability
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.body import NoAnswer, decoded, get, read_json, read_stream
from fanno_hf.teacher.message import content_of, thoughts_beside
from fanno_hf.teacher.thoughts import without_thoughts
from fanno_hf.texts.fit import clean, fit_to_show
from fanno_hf.texts.hidden import without_keys

_MOST_TOKENS = 2**31 - 1
_LEAST_LIKELY = -1e9  # a log-probability; JSON has no name for those of 0
_MOST_LIKELY = 1.01  # probabilities of one token together; more make no sense, however a server rounds
_MOST_WORDS = 100_000  # bytes of an error that are looked at
# no tokenizer has tokens of a hundred characters on average: more is no answer to this request
_CHARACTERS_A_TOKEN, _SPARE = 100, 1_000
# characters a token where a server counts none: between English prose and code or other scripts
_USUAL_TOKEN = 3.5
_STOPS = ("stop", "eos_token", "stop_sequence", "eos", "end_turn", "complete", "completed")
_CUT = ("length", "max_tokens")
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
    max_texts: int | None = None  # texts to embed in one request (TEI)
    max_input_tokens: int | None = None  # of one text to embed (TEI)
    cuts: bool | None = None  # whether it cuts longer ones by itself (TEI)


def read_server(info: Any, models: Any) -> Server:
    """Reads the bodies of `/info` and `/v1/models`, of whatever shape."""
    info = info if _text(get(info, "model_id")) else {}
    served = get(models, "data")
    served = [entry for entry in served if isinstance(entry, dict)] if isinstance(served, list) else []
    first = served[0] if served else {}
    names = tuple(name for entry in served if (name := _text(entry.get("id"))))
    server = Server(
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
    embedding = get(info.get("model_type"), "embedding")
    return server if embedding is None else _embedding_server(server, info, embedding)


def _embedding_server(server: Server, info: dict[str, Any], embedding: Any) -> Server:
    """Adds what TEI tells besides: number format and pooling decide its vectors, too, and it counts texts, not requests."""
    decisive = (server.revision, _text(info.get("model_dtype")), _text(get(embedding, "pooling")))
    max_texts = _number(info.get("max_client_batch_size")) or None
    at_once = server.max_in_flight and max(1, server.max_in_flight // (max_texts or 1))
    return replace(
        server,
        revision=", ".join(filter(None, decisive)) or None,
        max_in_flight=at_once,
        max_texts=max_texts,
        max_input_tokens=_number(info.get("max_input_length")),
        cuts=info.get("auto_truncate") is True,
    )


def read_completion(content: bytes, kind: str, request: Request, secrets: Sequence[str] = ()) -> Completion:
    """Reads the body of an answer, of content type `kind`. Raises NoAnswer, with what it cost: there is none in it."""
    reply = _read_body(content, kind, secrets)
    choices, usage = get(reply, "choices"), get(reply, "usage")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        error = get(reply, "error") or get(reply, "detail") or get(reply, "message")
        words = f"no answer, but: {_said(error, secrets)}" if error else "an answer without choices"
        raise NoAnswer(words, paid=_told(usage))
    choice, longest = choices[0], _CHARACTERS_A_TOKEN * (request.max_tokens + request.room) + _SPARE
    finish_reason = _finish_reason(choice.get("finish_reason"))
    written, apart, is_long = _written(choice, usage, longest, secrets, is_cut=finish_reason == "length")
    text, thought = without_thoughts(written[:longest], request.messages[-1]["content"])
    counts, is_estimated = _counts(usage, request, len(written) + len(apart), thought + len(apart))
    if finish_reason is None:
        raise _unfinished(choice.get("finish_reason"), counts, secrets)
    for string in request.stop:
        text = text.split(string, 1)[0]  # TGI keeps the string, the others remove it
    tokens = _tokens(choice.get("logprobs"), request.max_tokens + request.room)
    if request.room or apart or text.strip() != written.strip():
        tokens = _last_tokens(tokens, text)
    answers = _answers(tokens, secrets) if request.top_logprobs and request.max_tokens > 1 else None
    prompt, cached, completed, thinking = counts
    return Completion(
        text=text[:longest],
        finish_reason="length" if is_long else finish_reason,
        prompt_tokens=prompt,
        completion_tokens=completed,
        cached_tokens=cached,
        thinking_tokens=thinking,
        estimated=is_estimated,
        top_logprobs=_first_alternatives(tokens, text, secrets, is_verdict=request.top_logprobs > 0 and not answers),
        answers=answers,
    )


def _written(
    choice: dict[str, Any], usage: Any, longest: int, secrets: Sequence[str], *, is_cut: bool
) -> tuple[str, str, bool]:
    """Returns what a choice says and the thoughts that stand apart from it, both up to where no answer would go on, and
    whether it says more."""
    message = choice.get("message")
    said, among = content_of(get(message, "content"))
    if not isinstance(said, str | None):
        raise NoAnswer("an answer whose content is no text", paid=_told(usage))
    written, apart = clean(said or ""), thoughts_beside(message) + among
    is_long = len(written) > longest
    # what is kept may be published; hidden before it is cut, so that no half of a key is left
    written = without_keys(written[: longest + _SPARE], secrets, is_cut=is_cut or is_long)
    return written[: longest + 1], apart[:longest], is_long


def _read_body(content: bytes, kind: str, secrets: Sequence[str]) -> Any:
    """Reads JSON, or the events of a stream that nobody asked for."""
    head = decoded(content[:_MOST_WORDS], kind).strip()
    if "event-stream" in kind or head.startswith(("data:", "event:", ":")):
        return read_stream(content)
    try:
        return read_json(content, kind)
    except NoAnswer as error:
        said = _said(head, secrets) if _is_page(head) else f"{error}: {_said(head, secrets) or 'nothing'}"
        raise NoAnswer(said) from None


def _finish_reason(said: Any) -> str | None:
    """Returns "stop" or "length", None for any other: what was written then is not what was asked for."""
    reason = said.strip().lower() if isinstance(said, str) else ""
    return "stop" if reason in _STOPS else "length" if reason in _CUT else None


def _unfinished(said: Any, paid: tuple[int, int, int, int], secrets: Sequence[str]) -> NoAnswer:
    """What an answer that did not end well is taken for, with what it cost."""
    words = fit_to_show(said if isinstance(said, str) else _shown(said), secrets, 60)
    reason = said.strip().lower() if isinstance(said, str) else ""
    return NoAnswer(f"finish_reason {words}", is_final=reason not in _NO_REASON, paid=paid)


def _told(usage: Any) -> tuple[int, int, int, int]:
    """`Completion.paid` as a server counts it; 0 for what it does not tell."""
    prompt, completed = _number(get(usage, "prompt_tokens")) or 0, _number(get(usage, "completion_tokens")) or 0
    cached = _number(get(get(usage, "prompt_tokens_details"), "cached_tokens")) or 0
    thinking = _number(get(get(usage, "completion_tokens_details"), "reasoning_tokens")) or 0
    return prompt, cached, completed, min(thinking, completed)


def _counts(usage: Any, request: Request, written: int, thought: int) -> tuple[tuple[int, int, int, int], bool]:
    """Returns `Completion.paid` of an answer of so many characters, of them those of thoughts, and whether it is estimated.

    No prompt has no tokens, and nothing that was written: what is told as 0 was not counted.
    """
    prompt, cached, completed, thinking = _told(usage)
    is_told = prompt > 0 and (completed > 0 or not written) and _number(get(usage, "completion_tokens")) is not None
    if not is_told:
        prompt, completed = _estimate(sum(len(turn["content"]) for turn in request.messages)), _estimate(written)
    if not thinking and thought:  # by their share of the characters
        thinking = round(completed * thought / written)
    return (prompt, cached, completed, min(thinking, completed)), not is_told


def _shown(value: Any) -> str:
    try:
        return json.dumps(value)
    except (ValueError, RecursionError):
        return type(value).__name__


def _estimate(characters: int) -> int:
    return math.ceil(characters / _USUAL_TOKEN)


def read_words(body: bytes, secrets: Sequence[str] = ()) -> str:
    """Returns what a server said in an error, from any of the known bodies, fit to show."""
    text = decoded(body[:_MOST_WORDS])
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
    # a token that is named twice is one; and of several something must have been possible, but no more than everything
    return found if 0.0 < sum(math.exp(logprob) for _, logprob in set(found)) <= _MOST_LIKELY else None


def _first_alternatives(
    tokens: list[dict[str, Any]], text: str, secrets: Sequence[str], *, is_verdict: bool
) -> list[tuple[str, float]] | None:
    """Returns what the first token might have been; None where a verdict says yes or no and they name neither, as numbers do."""
    found = _alternatives(tokens[0], secrets) if tokens else None
    is_mute = is_verdict and yes_probability(text, None) is not None and yes_probability("", found) is None
    return None if is_mute else found


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
