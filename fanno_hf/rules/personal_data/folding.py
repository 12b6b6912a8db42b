"""Texts as personal data is looked for in them: compatibility forms and the digits of all scripts become ASCII.

"ｊａｎｅ＠ｆｅｎｎｏｌｄ．ｃｏｍ"  ->  "jane@fennold.com", and each place in it as a place of the original
"""

import unicodedata
from functools import cached_property


class _Folds(dict):
    """Code point -> what it becomes; by character, because NFKC on a whole text sorts runs of combining marks, which takes
    quadratic time."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


def _fold(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.category(char) == "Cf":  # soft hyphens and zero-width spaces hide inside numbers and addresses
        return ""
    if unicodedata.category(char) == "Pd":  # PDFs print numbers with typographic hyphens
        return "-"
    return unicodedata.normalize("NFKC", char)


_FOLDS = _Folds()


class Folded:
    """A text, folded: `text`; `span` finds a place of it in the original."""

    def __init__(self, original: str):
        self._original = original
        self.text = original if original.isascii() else original.translate(_FOLDS)

    @cached_property
    def _places(self) -> list[int] | None:
        """The place in the original of each character, and of the end; None where all are the same."""
        if all(len(_FOLDS[ord(char)]) == 1 for char in set(self._original)):
            return None
        places = [place for place, char in enumerate(self._original) for _ in _FOLDS[ord(char)]]
        return [*places, len(self._original)]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the span of the original that became this one, `start` < `end`."""
        if self._original.isascii() or self._places is None:
            return start, end
        return self._places[start], self._places[end - 1] + 1
