"""What the strings of a column are: text, or addresses, numbers, dates, paths, identifiers, labels.

["Mosses have no roots.", …]    ->  Content("text", words=4.0, sample="Mosses have no roots.", count=9)
["https://moss.org/a", …]       ->  Content("addresses", sample="https://moss.org/a", count=9)
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

TEXT, LABELS, EMPTY = "text", "labels", "nothing"

_STRINGS, _LOOKED_AT = 200, 1_000  # strings, and characters of one, that are looked at
_FORMED = 300  # characters up to which a string may be an address, a date, …
_LETTERS_A_WORD = 2  # in scripts that put no spaces between words
# forms of a whole string, from the surest on; any other string is text
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(form, re.IGNORECASE))
    for kind, form in (
        ("addresses", r"(?:[a-z][a-z0-9+.-]*://|www\.|mailto:)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
        ("dates", r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ][\dTZAPMGUC:.+ -]{3,30})?|\d{1,2}:\d\d(?::\d\d)?"),
        ("numbers", r"[-+]?[$€£¥]?\s?\d[\d.,\u00a0\u202f' ]*(?:e[-+]?\d+)?\s?[%€$£¥]?"),
        ("yes or no", r"true|false|yes|no|null|none|nan|n/a"),
        ("paths", r"(?:[a-z]:|\.{0,2}|~)[\\/]\S*|\S+[\\/]\S+\.\w{1,5}|\S+\.(?:jpe?g|png|gif|pdf|txt|html?|wav|mp3)"),
        ("identifiers", r"(?=\S*\d)[!-~]+|[!-~]{30,}"),
    )
)
_WIDE = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LABELLED = 20  # strings from which on repetition tells
_DISTINCT = 0.1  # share of distinct ones up to which they are labels
_LABEL = 3  # words of a label on average


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a column.

    Attributes:
        kind: TEXT, LABELS, EMPTY, or what its strings are.
        words: of a string that is text, on average.
        sample: the first string that is of this kind.
        count: of the strings that are not blank.
    """

    kind: str
    words: float = 0.0
    sample: str = ""
    count: int = 0


def content_of(strings: Iterable[str]) -> Content:
    """Returns what strings are; most of the first ones that are not blank decide."""
    filled = [string for string in strings if string and not string.isspace()]
    if not filled:
        return Content(EMPTY)
    some = [string[:_LOOKED_AT].strip() for string in filled[:_STRINGS]]
    kinds = list(map(_kind, some))
    count = Counter(kinds)
    kind = TEXT if 2 * count[TEXT] >= len(some) else max(count, key=count.get)
    alike = [string for string, its_kind in zip(some, kinds, strict=True) if its_kind == kind]
    words = sum(map(_words, alike)) / len(alike) if kind == TEXT else 0.0
    if kind == TEXT and len(alike) >= _LABELLED and len(set(alike)) <= _DISTINCT * len(alike) and words <= _LABEL:
        kind = LABELS
    return Content(kind, words, alike[0], len(filled))


def _kind(string: str) -> str:
    forms = _KINDS if len(string) <= _FORMED else _KINDS[-1:]
    return next((kind for kind, form in forms if form.fullmatch(string)), TEXT)


def _words(string: str) -> float:
    return len(string.split()) + len(_WIDE.findall(string)) / _LETTERS_A_WORD
