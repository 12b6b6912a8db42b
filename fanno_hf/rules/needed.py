"""Words that a regular expression cannot match without: to look for them first is a hundred times faster than to search it.

needed_words(r"\\b(?:ignore|disregard)\\s+(?:all\\s+)?")  ->  {"ignore", "disregard"}: a match has one of them, in some case
needed_words(r"\\d+")                                 ->  none: such a pattern is always searched
"""

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache

import regex

try:  # nothing public reads a pattern
    from re import _parser
except ImportError:  # Python 3.10
    import sre_parse as _parser

# what `regex` reads otherwise, and `re` without an error: fuzzy matching, POSIX classes
_READ_OTHERWISE = re.compile(r"\{(?!\d*,?\d*\})|\[:")
_LONG_S = "ſ"  # matches an s without regard to case, but is none in lower case; all others are


def may_match(pattern: regex.Pattern[str], text: str, lower: str) -> bool:
    """Tells whether a pattern that ignores case may match in a text; `lower` is the text in lower case."""
    words = needed_words(pattern.pattern)
    return not words or any(word in lower for word in words) or _LONG_S in text


@lru_cache
def needed_words(pattern: str) -> frozenset[str]:
    """Returns ASCII words in lower case of which each match has at least one; none where that cannot be told."""
    if _READ_OTHERWISE.search(pattern):
        return frozenset()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _needed(_parser.parse(pattern))
    except (re.error, OverflowError, RecursionError):  # syntax that only `regex` has
        return frozenset()


def _needed(items: Iterable) -> frozenset[str]:
    found, word = [], ""
    for kind, value in [*items, (None, None)]:
        if kind is _parser.LITERAL and value < 0x80:
            word += chr(value).lower()
            continue
        found.append(frozenset(filter(None, [word])))
        word = ""
        if kind is _parser.BRANCH:
            branches = [_needed(branch) for branch in value[1]]
            found.append(frozenset().union(*branches) if all(branches) else frozenset())
        elif kind is _parser.SUBPATTERN or kind in (_parser.MAX_REPEAT, _parser.MIN_REPEAT) and value[0] > 0:
            found.append(_needed(value[-1]))
    return max(found, key=lambda words: (min(map(len, words), default=0), -len(words)))
