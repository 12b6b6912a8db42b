"""Pages in columns whose lines come across all of them: each column is read from top to bottom.

["Mosses have Their leaves", "no roots. are small."]  ->  ["Mosses have", "no roots.", "Their leaves", "are small."]
"""

from collections.abc import Sequence
from statistics import median

from fanno_hf.sources.pages.line import Line

_LEAST = 5  # lines in each column
_WIDEST = 0.15  # of the page's width that the space between columns may have
_NARROWEST = 0.7  # times the size of its letters
_AGREE = 0.6  # share of the lines looked at that have a space in one place
_FULL = 0.7  # of its column's width that a line has in the middle, as lines of a text do, and cells of a table do not


def gutter(gaps: Sequence[tuple[float, float]], size: float, width: float) -> float | None:
    """Returns the middle of the space between two columns; None where there is none.

    Args:
        gaps: where the words around the middle of the page end and begin, for some of its lines.
        size: of letters.
        width: of the page's text.
    """
    wide = [gap for gap in gaps if is_wide(gap, size)]
    middle = median((left + right) / 2 for left, right in wide) if wide else 0.0
    here = [gap for gap in wide if gap[0] <= middle <= gap[1]]
    if len(here) < max(3, _AGREE * len(gaps)):
        return None
    left, right = max(gap[0] for gap in here), min(gap[1] for gap in here)
    return (left + right) / 2 if right - left < _WIDEST * width else None


def in_order(lines: list[Line], gutters: Sequence[float]) -> list[Line]:
    """Returns lines that stand between the middles of the spaces between columns, or across them, in the order in which they are read."""
    sides = [_side(line, gutters) for line in lines]
    columns = (
        [line for line, side in zip(lines, sides, strict=True) if side == which] for which in range(len(gutters) + 1)
    )
    if not all(map(_is_text, columns)) or not _is_mixed(sides):
        return lines
    ordered, region = [], []
    for line, side in sorted(zip(lines, sides, strict=True), key=lambda pair: -pair[0].bottom):
        if side is None:
            ordered += [*_in_columns(region), line]
            region = []
        else:
            region.append((line, side))
    return [*ordered, *_in_columns(region)]


def _side(line: Line, gutters: Sequence[float]) -> int | None:
    """Returns the number of the column in which a line stands; None where it stands across a space between two."""
    side = sum(line.left >= gutter for gutter in gutters)
    return None if side < len(gutters) and line.right > gutters[side] else side


def is_wide(gap: tuple[float, float], size: float) -> bool:
    """Whether a space between words is wider than one within a line."""
    return gap[1] - gap[0] > _NARROWEST * size


def _is_text(lines: Sequence[Line]) -> bool:
    if len(lines) < _LEAST:
        return False
    width = max(line.right for line in lines) - min(line.left for line in lines)
    return median(line.right - line.left for line in lines) > _FULL * width


def _is_mixed(sides: Sequence[int | None]) -> bool:
    """Whether lines change sides again and again, as they do not where one column comes after the other."""
    there = [side for side in sides if side is not None]
    return sum(a != b for a, b in zip(there, there[1:], strict=False)) >= _LEAST


def _in_columns(region: Sequence[tuple[Line, int]]) -> list[Line]:
    return [line for line, _ in sorted(region, key=lambda pair: pair[1])]
