"""Texts as personal data is looked for in them: compatibility forms and the digits of all scripts become ASCII.

"ｊａｎｅ＠ｆｅｎｎｏｌｄ．ｃｏｍ"  ->  "jane@fennold.com", and each place in it as a place of the original
"""

import re
import unicodedata
from functools import cached_property

import numpy as np

_NOT_ASCII = re.compile(r"[^\x00-\x7F]+")


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
        # only these pieces, because `translate` looks each character up
        self.text = _NOT_ASCII.sub(lambda match: match[0].translate(_FOLDS), original)

    @cached_property
    def _places(self) -> np.ndarray:
        """The place in the original of each character."""
        codes = np.frombuffer(self._original.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        lengths, others = np.ones(len(codes), dtype=np.int64), np.flatnonzero(codes > 0x7F)
        lengths[others] = [len(_FOLDS[code]) for code in codes[others].tolist()]
        return np.repeat(np.arange(len(codes)), lengths)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the span of the original that became this one, `start` < `end`."""
        if self._original.isascii():
            return start, end
        return int(self._places[start]), int(self._places[end - 1]) + 1
