"""Counts the tokens of any part of a text without tokenising it again.

"Mosses have no roots."  ->  units "Mosses" 3, "have" 1, "no" 1, "roots." 2  ->  characters 7 to 14 ("have no"): 1 + 1

A unit is a stretch of text whose tokens do not depend on what is around it. A part consists of whole units, which are summed,
and of the pieces of units at its two ends, which are counted themselves.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, chain
from typing import Protocol

import numpy as np

from fanno_hf.texts.cuts import Span

_BLOCK = 1 << 20  # characters looked at together
_BETWEEN = " \t\n\r"  # units; not \s: tokenizers take some of these characters for letters, or leave them out
_FROM_SPACE_TO_SPACE = r"(?:\A|(?<=\S) )[^ ]*(?:(?<!\S) +[^ ]*)*"
_KNOWN = 1 << 24  # characters of units that are remembered


class Measure(Protocol):
    """Counts parts of one text."""

    is_exact: bool  # whether `count` says what the tokenizer would; else it may be off by a few tokens

    def of(self, text: str) -> int:
        """Returns the tokens of a text that is no part of this one."""

    def count(self, start: int, end: int, before: str = "", after: str = "") -> int:
        """Returns the tokens of `before + text[start:end] + after`."""


class Ruler:
    """Counts by units.

    Args:
        text: the text.
        starts, ends: where each unit begins and ends, in characters.
        before: tokens before each unit, and of all of them.
        count: tells the tokens of a text.
        is_exact: whether units have as many tokens alone as together.
    """

    def __init__(
        self, text: str, starts: array, ends: array, before: array, count: Callable[[str], int], is_exact: bool
    ):
        self._text, self._starts, self._ends, self._before = text, starts, ends, before
        self._count, self.is_exact = lru_cache(maxsize=256)(count), is_exact

    def of(self, text: str) -> int:
        """See `Measure`."""
        return self._count(text)

    def count(self, start: int, end: int, before: str = "", after: str = "") -> int:
        """See `Measure`."""
        text, starts, ends = self._text, self._starts, self._ends
        first, last = bisect_right(ends, start), bisect_left(starts, end)  # units first … last - 1 have a part in it
        if first >= last:
            return self._count(before + text[start:end] + after)
        is_torn = starts[first] < start or before
        is_open = ends[last - 1] > end or after
        if last - first == 1 and (is_torn or is_open):
            return self._count(before + text[start:end] + after)
        total = 0
        if is_torn:
            total += self._count(before + text[start : ends[first]])
            first += 1
        if is_open:
            last -= 1
            total += self._count(text[starts[last] : end] + after)
        return total + self._before[last] - self._before[first]


class Slow:
    """Counts each part by itself: exact for any tokenizer."""

    is_exact = True

    def __init__(self, text: str, count: Callable[[str], int]):
        self._text, self.of = text, lru_cache(maxsize=64)(count)  # one count in five is asked for twice

    def count(self, start: int, end: int, before: str = "", after: str = "") -> int:
        """See `Measure`."""
        return self.of(before + self._text[start:end] + after)


class Words:
    """Makes rulers for a counter; the tokens of each unit are counted once and remembered, since most occur again and again.

    Args:
        count_batch: tells the tokens of each of some texts.
        alone: a character class: what is a unit wherever it stands, such as ideographs, with the characters of the class
            `extending` behind it, such as accents; everything else between white space is one. None: a unit goes from one space
            to the next, which tokenizers hardly ever join (a space belongs to the word behind it); the caller has to count what
            it makes of it, since they may.
        part: a regular expression that finds one part of a unit after another, if the tokens of a unit are those of its parts, which
            recur more often than units do ("roots" and "." of "roots.").
    """

    def __init__(
        self,
        count_batch: Callable[[list[str]], list[int]],
        alone: str | None = None,
        extending: str = "",
        part: str | None = None,
    ):
        self._count_batch, self.is_exact = count_batch, alone is not None
        unit = rf"[^{_BETWEEN}{alone}]+|[{alone}][{extending}]*" if self.is_exact else _FROM_SPACE_TO_SPACE
        self._unit = re.compile(unit)
        self._part = re.compile(part) if part else None
        self._known: dict[str, int] = {}
        self._remembered = 0

    def ruler(self, text: str) -> Ruler:
        """Returns a ruler for a text."""
        starts, ends, counts = array("I"), array("I"), array("I")
        for begin, end in _blocks(text):
            units = self._unit.findall(text, begin, end)
            counts.extend(self._counts(units))
            # the characters of the units, one after another, are those of the text without what is between units
            inside = begin + self._inside(text[begin:end])
            lengths = np.fromiter(map(len, units), dtype=np.int64, count=len(units))
            stops = np.cumsum(lengths)
            starts.frombytes(inside[stops - lengths].astype(np.uint32).tobytes())
            ends.frombytes((inside[stops - 1] + 1).astype(np.uint32).tobytes())
        before = array("I", accumulate(counts, initial=0))
        return Ruler(text, starts, ends, before, lambda part: self._count_batch([part])[0], self.is_exact)

    def _inside(self, text: str) -> np.ndarray:
        """Returns the places of the characters that are in units."""
        if not self.is_exact:
            return np.arange(len(text))
        letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        return np.flatnonzero(~np.logical_or.reduce([letters == ord(mark) for mark in _BETWEEN]))

    def _counts(self, units: list[str]) -> list[int]:
        known = self._known
        if self._remembered > _KNOWN:
            known.clear()
            self._remembered = 0
        new = self._unknown(units)
        if self._part:
            parts = [self._part.findall(unit) for unit in new]
            self._remember(self._unknown(chain.from_iterable(parts)))
            known.update((unit, sum(map(known.__getitem__, of))) for unit, of in zip(new, parts, strict=True))
        else:
            self._remember(new)
        self._remembered += sum(map(len, new))
        return list(map(known.__getitem__, units))

    def _unknown(self, texts: Iterable[str]) -> list[str]:
        return [text for text in dict.fromkeys(texts) if text not in self._known]

    def _remember(self, texts: list[str]) -> None:
        self._known.update(zip(texts, self._count_batch(texts), strict=True))


def _blocks(text: str) -> Iterator[Span]:
    """Yields the bounds of blocks of a text, cut before a space or, where there is none, a newline."""
    begin = 0
    while begin < len(text):
        least, most = begin + _BLOCK, begin + 2 * _BLOCK
        end = text.find(" ", least, most)
        if end < 0 and (end := text.find("\n", least, most)) < 0:
            end = len(text)
        yield begin, end
        begin = end
