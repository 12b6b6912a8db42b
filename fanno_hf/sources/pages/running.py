"""Running heads and feet, and page numbers: lines at the edges of pages that say the same on others, but for their digits."""

import re
from collections import Counter
from collections.abc import Sequence

from fanno_hf.sources.pages.line import Line

_EDGE = 3  # lines from the top, and from the bottom, that may be running
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_NEAR = 3.0  # points by which the place of a running line may differ


def without_running(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """Returns the pages without their running lines.

    A line is running where a page has it at its edge that another page has at the same height, with other digits at most; and a
    line in the place where most pages have a running one, and nothing beyond it.
    """
    seen = Counter(key for page in pages for key in {_key(line) for _, line in _edges(page)})
    heights = Counter(round(line.bottom / _NEAR) for page in pages for _, line in _edges(page) if seen[_key(line)] > 1)
    often = {height for height, count in heights.items() if count > max(2, len(pages) / 2)}
    return [_without(page, seen, often) for page in pages]


def _key(line: Line) -> tuple[str, int]:
    return _NUMBER.sub("#", " ".join(line.text.split())), round(line.bottom / _NEAR)


def _edges(page: list[Line]) -> list[tuple[int, Line]]:
    """Returns the outermost lines by height with their numbers, those at the top from above, those at the bottom from below."""
    order = sorted(range(len(page)), key=lambda number: -page[number].bottom)
    return [(number, page[number]) for number in dict.fromkeys([*order[:_EDGE], *order[: -_EDGE - 1 : -1]])]


def _without(page: list[Line], seen: Counter, often: set[int]) -> list[Line]:
    order = sorted(range(len(page)), key=lambda number: -page[number].bottom)
    gone = set()
    for side in (order, order[::-1]):
        for number in side[:_EDGE]:
            line = page[number]
            if seen[_key(line)] < 2 and round(line.bottom / _NEAR) not in often:
                break
            gone.add(number)
    return [line for number, line in enumerate(page) if number not in gone]
