"""JSON from a file that anything may have been written to: what other readers guess about is refused, in a few words.

{"kept": 3, "kept": 4}  ->  "the key 'kept' is there twice"
"""

import json
import math
from collections.abc import Mapping
from typing import Any

_DEEPEST = 64
_DIGITS = 400


def parse_exactly(content: bytes) -> Any:
    """Returns the value of a JSON text.

    Raises ValueError, in a few words: it is no UTF-8 or no JSON, is nested more than 64 deep, has a key twice, a number of
    more than 400 digits, one that is none (NaN, Infinity, 1e999), or half a character (a lone surrogate).
    """
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_whole_number,
            parse_float=_number,
            parse_constant=_number,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError(_deep()) from error
    if _depth(value) > _DEEPEST:
        raise ValueError(_deep())
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("it has half a character (a lone surrogate)") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:40]!r} is there twice")
    return found


def _whole_number(text: str) -> int:
    if len(text) > _DIGITS:  # Python itself reads 4,300 at most, and says so in words of its own
        raise ValueError(f"it has a number of {len(text):,} digits")
    return int(text)


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:40]} is no number")
    return number


def _deep() -> str:
    return f"its brackets are nested more than {_DEEPEST} deep"


def _depth(value: Any) -> int:
    """Returns how deep lists and objects stand in one another, without recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | Mapping)]:
        depth += 1
        level = [part for item in level for part in (item.values() if isinstance(item, Mapping) else item)]
    return depth
