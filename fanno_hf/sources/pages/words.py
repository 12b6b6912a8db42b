"""Words as they are meant: hyphens at line ends, ligatures and dotted leaders are the printer's."""

import re
import unicodedata
from collections.abc import Container, Iterable

_SOFT = "\u00ad"
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_LEADER = re.compile(r"(?:\s*[.\u2026\u00b7]){4,}\s*[\divxlc]*\s*$|(?:\s\.){3,}\s*[\divxlc]*\s*$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_END = re.compile(r"(\S*?)([^\W\d_]*)[-\u2010\u00ad]$")
_START = re.compile(r"[^\W\d_]+")


def words_of(texts: Iterable[str]) -> set[str]:
    """Returns the words of lines, in lower case, without those that a line's end cuts."""
    found = set()
    for text in texts:
        text = text.lower()
        if text.endswith(("-", "\u2010", _SOFT)):
            text = text.rpartition(" ")[0]
        found.update(_WORD.findall(text))
    return found


def without_ligatures(text: str) -> str:
    """Writes ligatures as the letters that they are.

    >>> without_ligatures("\\ufb01nd 5²")
    'find 5²'
    """
    return _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)


def without_leader(text: str) -> str:
    """Takes dots that lead to a page number off a line, and the number.

    >>> without_leader("1.1 What is Debian? . . . . . . . 12")
    '1.1 What is Debian?'
    """
    return _LEADER.sub("", text)


def join(first: str, second: str, words: Container[str]) -> str:
    """Joins two lines. A hyphen goes where the word without it is one of the `words`, or where nothing says that it belongs there.

    >>> join("a non-depen-", "dent moss", {"dependent"}), join("well-", "known mosses", {"well-known"})
    ('a non-dependent moss', 'well-known mosses')
    """
    end, start = _END.search(first), _START.match(second)
    if not end:
        return f"{first} {second}"
    stem = first[: end.end() - 1]
    if not start or not end[2]:
        is_link = end[1].endswith("/") and not end[2]
        return f"{stem}{second}" if first.endswith(_SOFT) or is_link else f"{stem}-{second}"
    left, right = end[2].lower(), start.group().lower()
    if left + right in words:
        return f"{stem}{second}"
    is_compound = f"{left}-{right}" in words or not right.islower() or (left in words and right in words)
    return f"{stem}-{second}" if is_compound or start.group()[0].isupper() else f"{stem}{second}"
