"""Overrides as Python has them become those of the command line.

"stages.seed.combinations=2"                          ->  the same
{"stages": {"seed": {"combinations": 2}}}             ->  stages.seed.combinations=2
{"teacher.model": "me/my model", "judge": "openai"}   ->  teacher.model='me/my model'   judge=openai
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fanno_hf.cli.keys import configuration_keys, renamed_override
from fanno_hf.cli.quoting import as_typed, for_hydra
from fanno_hf.errors import UserError

# a text that Hydra reads as one without quotes, too; and what it takes within braces for more than a part of a name
_PLAIN = re.compile(r"(?!(?:null|true|false|nan|inf)$)[a-z_/][\w./:-]*", re.ASCII | re.IGNORECASE)
_SPECIAL, _ESCAPED = re.compile(r"[\\()\[\]{}:=, \t]"), r"\\\g<0>"
Overrides = Iterable[str | Mapping[str, Any]]


def as_words(overrides: Overrides) -> list[str]:
    """Returns overrides as the command line has them, in their order; raises UserError for what is none."""
    words: list[str] = []
    for given in overrides:
        if isinstance(given, Mapping):
            words += map(as_typed, _of_mapping(given, "", configuration_keys()))
        elif isinstance(given, str):
            words.append(as_typed(given))
        else:
            raise UserError(
                f"{given!r:.60} is no override: give key=value in quotes, as in 'stage=augment', or a mapping of keys"
            )
    return [renamed_override(word) for word in words]


def override(key: str, value: Any) -> str:
    """Returns the override that gives a key this value, whatever characters are in it."""
    return f"{key}={_value(value, key)}"


def _of_mapping(given: Mapping[str, Any], prefix: str, known: list[str]) -> Iterator[str]:
    """A mapping under a key that has keys of its own in the configuration sets those; under any other it is the value."""
    for name, value in given.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and any(other.startswith(f"{key}.") for other in known):
            yield from _of_mapping(value, f"{key}.", known)
        else:
            yield override(key, value)


def _value(value: Any, key: str) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(int(value))
        case float():
            return repr(float(value))
        case str() | Path():
            return str(value) if _PLAIN.fullmatch(str(value)) else for_hydra(str(value))
        case list() | tuple():
            return f"[{','.join(_value(item, key) for item in value)}]"
        case Mapping():
            items = (f"{_SPECIAL.sub(_ESCAPED, str(name))}:{_value(item, key)}" for name, item in value.items())
            return f"{{{','.join(items)}}}"
    raise UserError(
        f"{key}: a {type(value).__name__} is no value of a setting: give a text, a number, a list or a mapping"
    )
