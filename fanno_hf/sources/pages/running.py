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
    edges = [_edges(page) for page in pages]
    seen = Counter(key for sides in edges for key in {key for side in sides for _, key in side})
    heights = Counter(height for key, count in seen.items() if count > 1 for height in [key[1]] * count)
    often = {height for height, count in heights.items() if count >= max(2, len(pages) / 2)}
    left = [_without(page, sides, seen, often) for page, sides in zip(pages, edges, strict=True)]
    return left if any(left) else list(pages)  # what is all there is, is the text


def _edges(page: list[Line]) -> list[list[tuple[int, tuple[str, int]]]]:
    """Returns the outermost lines from above, and those from below, each with its number and what makes it the same on pages."""
    order = sorted(range(len(page)), key=lambda number: -page[number].bottom)
    keys = {number: _key(page[number]) for number in {*order[:_EDGE], *order[-_EDGE:]}}
    return [[(number, keys[number]) for number in side[:_EDGE]] for side in (order, order[::-1])]


def _key(line: Line) -> tuple[str, int]:
    return _NUMBER.sub("#", " ".join(line.text.split())), round(line.bottom / _NEAR)


def _without(page: list[Line], sides: list, seen: Counter, often: set[int]) -> list[Line]:
    gone = set()
    for side in sides:
        for number, key in side:
            if seen[key] < 2 and key[1] not in often:
                break
            gone.add(number)
    return [line for number, line in enumerate(page) if number not in gone] if gone else page
