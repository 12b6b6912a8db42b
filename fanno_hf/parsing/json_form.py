"""Reads JSON as language models write it: cut off, with raw newlines, trailing commas, smart quotes or LaTeX in it.

'{"instruction": "Name a moss.", "input": "",'  ->  {"instruction": "Name a moss.", "input": ""}
"""

import json
import re
from typing import Any

from fanno_hf.parsing.labels import alternatives, field_of
from fanno_hf.parsing.removed import Removed
from fanno_hf.parsing.words import MATERIALS, PRESENTERS

# a hostile completion may open brackets without end
_DEEPEST = 20
_CLOSERS = {'"': '"”', "'": "'’", "“": '”"', "‘": "’'", "„": '“”"', "«": "»", "`": "`"}
# a quotation mark ends a string only where JSON can go on behind it; others are the teacher's own
_ENDS_KEY = re.compile(r"\s*[:：]")
_ENDS_VALUE = re.compile(
    r"""\s*(?:,\s*(?:["'“„‘][\w .\-]{1,60}["'”“’]\s*[:：]|[A-Za-z_]\w{0,60}\s*:|\}|\Z)|\}\s*(?:[,\]}`]|\n|\Z)|\Z)"""
)
_ENDS_ITEM = re.compile(r"""\s*(?:,\s*(?:["'“„‘\]{\[]|\Z|-?\d)|\]|\Z)""")
_BARE = re.compile(r"[^,}\]\n]*")
_BARE_KEY = re.compile(r"[\w ]{0,60}")
_NAMED = {"null": None, "none": None, "true": True, "false": False}
# a fence, or what announces JSON, may stand before it: "Here is the JSON:"
_OPENING = re.compile(
    rf"(?P<preamble>(?:{alternatives(PRESENTERS)})[^\n{{\[]{{0,80}}?json[^\n{{\[]{{0,60}}\s*)?"
    r"(?:\W{0,4}(?:json|output|result|response)\W{0,4}[:：]\W{0,4}?)?\s*(?:[`~]{3,}\s?\w{0,10}\s*)?(?=[{\[])",
    re.IGNORECASE,
)
_SPACE = re.compile(r"[\s,]*")
# LaTeX commands that begin like an escape of JSON: \times is no tab and "imes"
_LATEX = "times|text|textbf|theta|tau|tan|to|triangle|top|right|rightarrow|rho|rangle|neq|nabla|nu|ne|neg|not|notin|underline|uparrow"
_ESCAPE = re.compile(
    rf'\\(?:(?P<keep>[\\"/]|u[0-9a-fA-F]{{4}}|(?!(?:{_LATEX})(?![A-Za-z]))[nrt])|(?P<own>.|$))', re.DOTALL
)


def read_json(text: str) -> tuple[Any, str]:
    """Reads the object or list that a text begins with, as far as it goes; returns the value and what stands behind it."""
    # strict first: it keeps what is right
    escaped = _ESCAPE.sub(_doubled, text)
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(escaped)
        return value, escaped[end:]
    except (ValueError, RecursionError):
        value, end = _value(text, 0, 0, _ENDS_VALUE)
        return value, text[end:]


def readable(value: Any) -> str:
    """Returns a value of JSON as text: strings as they are, a list of them one a line, objects as indented JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return "\n".join(readable(item) for item in value)
    return json.dumps(value, ensure_ascii=False, indent=2)


def _doubled(escape: re.Match) -> str:
    if escape["own"] in ("'", "’"):
        return escape["own"]
    return escape[0] if escape["keep"] else "\\" + escape[0]


def _value(text: str, at: int, depth: int, ends: re.Pattern) -> tuple[Any, int]:
    """Returns the value at a place and where it ends; None where the text ends or brackets are too deep."""
    at = _SPACE.match(text, at).end()
    if depth > _DEEPEST or at == len(text):
        return None, len(text)
    if text[at] == "{":
        return _object(text, at + 1, depth + 1)
    if text[at] == "[":
        return _list(text, at + 1, depth + 1)
    if text[at] in _CLOSERS:
        return _string(text, at, ends)
    found = _BARE.match(text, at)
    return _NAMED.get(found[0].strip().lower(), found[0].strip()), found.end()


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while (at := _SPACE.match(text, at).end()) < len(text) and text[at] != "}":
        if text[at] in _CLOSERS:
            key, at = _string(text, at, _ENDS_KEY)
        else:
            bare = _BARE_KEY.match(text, at)
            key, at = bare[0].strip(), bare.end()
        colon = _ENDS_KEY.match(text, at)
        if not colon:
            return found, at
        found[key], at = _value(text, colon.end(), depth, _ENDS_VALUE)
    return found, at + 1


def _list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while (at := _SPACE.match(text, at).end()) < len(text) and text[at] not in "]}":
        value, at = _value(text, at, depth, _ENDS_ITEM)
        found.append(value)
    return found, at + 1


def _string(text: str, at: int, ends: re.Pattern) -> tuple[str, int]:
    """Reads a string up to a quotation mark that ends it, or to the end of a text that was cut off."""
    closers = _CLOSERS[text[at]]
    for mark in re.compile(rf"\\.|[{closers}]", re.DOTALL).finditer(text, at + 1):
        if mark[0][0] != "\\" and ends.match(text, mark.end()):
            return _decoded(text[at + 1 : mark.start()]), mark.end()
    return _decoded(text[at + 1 :].rstrip()), len(text)


def _decoded(body: str) -> str:
    """Resolves escapes; an unescaped quotation mark or newline is what it is."""
    body = _ESCAPE.sub(_doubled, body)
    body = re.sub(r'(\\.)|"', lambda found: found[1] or '\\"', body, flags=re.DOTALL)
    try:
        return json.loads(f'"{body}"', strict=False)
    except ValueError:
        return body


def from_json(text: str, removed: Removed) -> dict[str, str] | None:
    """Returns the fields of a completion that is JSON, a fence around JSON or a list of such objects; None for others.

    An object without an instruction among its keys is data, as is one that stands behind a task.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return None
    value, rest = read_json(text[opening.end() :])
    first = _form(value)
    if first is None:
        return None
    named = {field: key for key in reversed(first) if (field := field_of(key))}
    # "Here is the JSON from our shop: …" is a task about data that has a prompt or a question
    if opening["preamble"] and not ("instruction" in first or named.keys() & {"input", "kind"}):
        return None
    named["instruction"] = _instruction_key(first)
    material = next(
        (key for key in first if key.casefold().strip() in MATERIALS and key != named["instruction"]), None
    )
    if material is not None:
        named.setdefault("input", material)
    removed.take("preamble", opening["preamble"] or "")
    fields = {field: readable(first[named[field]]) for field in ("instruction", "input", "kind") if field in named}
    for key in first.keys() - {named[field] for field in fields}:
        kind = {"answer": "answer", "output": "answer", "wish": "label"}.get(field_of(key), "other")
        removed.take(kind, readable(first[key]))
    if isinstance(value, list):
        removed.take("others", "".join(readable(other) for other in value[1:]))
    rest = rest.strip().lstrip("`~").strip(" \n,")
    removed.take("others" if rest.startswith("{") else "other", rest)
    return fields


def _form(value: Any, depth: int = 0) -> dict[str, Any] | None:
    """Returns the object that has an instruction: the first of a list, or one inside an object."""
    if depth > _DEEPEST or not isinstance(value, dict | list):
        return None
    if isinstance(value, dict) and (key := _instruction_key(value)) is not None and not isinstance(value[key], dict):
        return value
    inside = value[:1] if isinstance(value, list) else value.values()
    return next(filter(None, (_form(other, depth + 1) for other in inside)), None)


def _instruction_key(found: dict[str, Any]) -> str | None:
    """Returns the key of the instruction; where several could be, the one whose name is the most certain."""
    keys = [key for key in found if field_of(key) == "instruction" and readable(found[key]).strip()]
    order = {"instruction": 0, "instructions": 1, "prompt": 2, "request": 3}
    return min(keys, key=lambda key: order.get(key.casefold().strip(), 4), default=None)
