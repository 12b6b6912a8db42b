"""Small helpers that the rules for texts share."""

import re
from collections.abc import Iterable

import regex

WORD_CHARACTERS = regex.compile(r"[\p{L}\p{M}\p{N}]+")


def total_length(matches: Iterable[re.Match[str]]) -> int:
    return sum(match.end() - match.start() for match in matches)


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def shorten(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def count_non_space(text: str) -> int:
    return sum(map(len, text.split()))
