"""Where personal data stands in a folded text: what each finder yields."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Span(NamedTuple):
    """A piece of a folded text that is personal data."""

    start: int
    end: int
    value: str  # the same for the same data, however it is written


class Replaced(NamedTuple):
    """A piece of a text in whose place something else is put."""

    start: int
    end: int
    length: int  # of what is put there


def moved(offsets: Sequence[int], replaced: Sequence[Replaced]) -> list[int]:
    """Returns where offsets are when pieces of a text (in order, apart) are replaced; one within a piece is where that begins.

    >>> moved([0, 6, 12], [Replaced(5, 9, 1)])
    [0, 5, 9]
    """
    ends = [piece.end for piece in replaced]
    grown = [0, *accumulate(piece.length - (piece.end - piece.start) for piece in replaced)]
    found = []
    for offset in offsets:
        place = bisect_right(ends, offset)
        within = place < len(replaced) and replaced[place].start < offset
        found.append((replaced[place].start if within else offset) + grown[place])
    return found
