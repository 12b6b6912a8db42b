"""The instructions and responses that the rules are held against: files of JSON lines beside this one.

good_instructions.jsonl   what people ask, each with a right response: instruction, input, response, kind, language
bad_instructions.jsonl    what must go: instruction, input, document, reason (the kind of fault), language
bad_responses.jsonl       the same of responses: instruction, input, response, reason, language
"""

import copy
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fanno_hf.errors import UserError
from fanno_hf.rules.instruction import Candidate

HERE = Path(__file__).parent
_CANDIDATE = ("instruction", "input", "document", "counterexamples", "finish_reason", "demonstrations", "tags")


@cache
def _profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((HERE.parents[1] / "conf" / "rules" / f"{name}.yaml").read_text(encoding="utf-8"))


def profile(name: str) -> dict[str, Any]:
    """Returns the rules of conf/rules/<name>.yaml, the caller's to change."""
    return copy.deepcopy(_profile(name))


def candidate(row: Mapping[str, Any]) -> Candidate:
    """Returns what the rules look at; keys that a row lacks have their defaults.

    Where there is a response, `finish_reason` is how that one ended.
    """
    names = [name for name in _CANDIDATE if name != "finish_reason" or row.get("response") is None]
    return Candidate(**{name: row[name] for name in names if name in row})


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yields the rows of a file with `instruction`, and `input` and `response` ("" and None where it has none).

    `output` is read as the response, and the first of `instances` (as in Self-Instruct) as input and response.

    Raises UserError with file and line where there is no such row, or the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _row(line, f"{path}, line {number}")


def _row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: no JSON ({error})") from error
    if not isinstance(row, dict):
        raise UserError(f"{place}: a row is an object with the key instruction")
    instances = row.get("instances")
    first = instances[0] if isinstance(instances, list) and instances and isinstance(instances[0], dict) else {}
    row = {**row, **first}
    response = row.get("response", row.get("output"))
    row |= {"input": row.get("input") or "", "response": response}
    for name in ("instruction", "input", *(() if response is None else ("response",))):
        if not isinstance(row.get(name), str):
            raise UserError(f"{place}: {name} is missing or no text")
    return row
