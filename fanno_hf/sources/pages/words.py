"""Words as they are meant: hyphens at line ends, ligatures and dotted leaders are the printer's."""

import re
import unicodedata
from collections.abc import Container, Iterable

SOFT_HYPHEN = "\u00ad"
_HYPHENS = ("-", "\u2010", SOFT_HYPHEN)
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_LEADER = re.compile(r"(?:\s*[.\u2026\u00b7]){4,}\s*[\divxlc]*\s*$|(?:\s\.){3,}\s*[\divxlc]*\s*$")
_PREFIXES = ("self", "well")  # of which no other words are made
_MARKS = ".,;:!?()[]{}<>\"'“”‘’„«»…"
_START = re.compile(r"[^\W\d_]+")
_END = re.compile(r"[^\W\d_]*\Z")


def words_of(lines: Iterable[str]) -> set[str]:
    """Returns the words of lines, in lower case, without those that a line's end cuts."""
    whole, is_cut_before = [], False
    for line in lines:
        if is_cut_before:
            line = line.partition(" ")[2]
        is_cut_before = line.endswith(_HYPHENS)
        whole.append(line.rpartition(" ")[0] if is_cut_before else line)
    return {word.strip(_MARKS) for word in set("\n".join(whole).lower().split())}


def without_ligatures(text: str) -> str:
    """Writes ligatures as the letters that they are.

    >>> without_ligatures("\ufb01nd 5\u00b2")
    'find 5²'
    """
    if text.isascii():
        return text
    return _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)


def without_leader(text: str) -> str:
    """Takes dots that lead to a page number off a line, and the number.

    >>> without_leader("1.1 What is Debian? . . . . . . . 12")
    '1.1 What is Debian?'
    """
    if text.count(".") < 3 and "\u2026" not in text and "\u00b7" not in text:
        return text
    return _LEADER.sub("", text)


def join(first: str, second: str, words: Container[str]) -> str:
    """Joins two lines. A hyphen goes where the word without it is one of the `words`, or where nothing says that it belongs there.

    >>> join("a non-depen-", "dent moss", {"dependent"}), join("well-", "known mosses", {"well-known"})
    ('a non-dependent moss', 'well-known mosses')
    """
    if not first.endswith(_HYPHENS):
        return f"{first}{second}" if _is_cut_link(first, second) else f"{first} {second}"
    stem = first[:-1]
    left, start = _END.search(stem[-100:]).group().lower(), _START.match(second)
    if not start or not left:
        return f"{stem}{second}" if first.endswith(SOFT_HYPHEN) or stem.endswith("/") else f"{stem}-{second}"
    right = start.group().lower()
    if left + right in words:
        return f"{stem}{second}"
    is_compound = f"{left}-{right}" in words or start.group() != right or (left in words and right in words)
    is_compound |= len(left) == 1 or left in _PREFIXES
    return f"{stem}-{second}" if is_compound else f"{stem}{second}"


def _is_cut_link(first: str, second: str) -> bool:
    """Whether a line ends within an address or a path."""
    if first[-1] not in "/.?&=_%:" or not (second[0].islower() or second[0].isdigit()):
        return False
    word = first[-300:].rpartition(" ")[2]
    return len(word) > 1 and ("://" in word or word.startswith(("/", "www.")))
