"""Values of a JSON text, and what is wrong with one in words."""

import json
from typing import Any


def parse(text: str) -> Any:
    """Returns the value of a JSON text; raises ValueError, in words: it is none, or one that cannot be read."""
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError as error:
        raise ValueError("has brackets that are nested too deep") from error


def _whole_number(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:  # Python's own words name a function that nobody here can call
        raise ValueError(
            f"has a number of {len(digits.lstrip('-')):,} digits: shorten it, or put it in quotes"
        ) from error


def fault(error: ValueError) -> str:
    """Returns what `parse` has found wrong, to go on behind the name of a file."""
    return f"is not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)
