"""Lines to blocks: paragraphs, headings, items of lists, code."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fanno_hf.sources.pages.line import Line
from fanno_hf.sources.pages.words import SOFT_HYPHEN

_ITEM = re.compile(r"(?:[•‣◦▪●○■–—*·\uf0b7\uf0a7-]|\(?(?:\d{1,3}|[a-z])[.)]|\(?[ivx]{1,5}[.)])\s+(?=\S)")
_SECTION = re.compile(r"(?:\d{1,3}|[A-Z])(?:\.\d{1,3}){0,5}\.?\s+\S")
_LARGER = 1.12  # times the size of the text that a heading has at least
_NEAR = 2.2  # times their size by which lines of one column begin apart
_STOPS = ".!?:;"  # behind which a page ends a paragraph
_LONGEST = 200  # characters of a heading


@dataclass(slots=True)
class Block:
    """Lines that belong together.

    Attributes:
        kind: "text", "item", "heading" or "code".
        lines: each with the index of its page.
        mark: of an item.
        level: of a heading.
    """

    kind: str
    lines: list[tuple[int, Line]] = field(default_factory=list)
    mark: str = ""
    level: int = 0


def blocks_of(pages: Sequence[list[Line]]) -> list[Block]:
    """Returns the blocks of all pages; one may go on from page to page."""
    body = _body_size(pages)
    blocks: list[Block] = []
    before = 0.0
    for number, page in enumerate(pages):
        leading = _leading(page)
        for line, edge in zip(page, _right_edges(page), strict=True):
            if not blocks or not _continues(blocks[-1], line, number, max(before, edge), leading):
                blocks.append(_begin(line, body))
            blocks[-1].lines.append((number, line))
            before = edge
    return blocks


def _body_size(pages: Sequence[list[Line]]) -> float:
    sizes = Counter()
    for page in pages:
        for line in page:
            sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _right_edges(page: list[Line]) -> list[float]:
    """Returns for each line how far right the lines reach that stand above and below it and begin near where it does."""
    edges: list[float] = []
    run: list[Line] = []
    for line in page:
        last = run[-1] if run else line
        is_beside = abs(line.left - last.left) <= _NEAR * line.size
        if line.bottom > last.bottom or not is_beside or line.is_code != last.is_code:
            edges += [max(each.right for each in run)] * len(run)
            run = []
        run.append(line)
    return edges + [max(each.right for each in run)] * len(run) if run else edges


def _leading(page: list[Line]) -> float:
    """Returns the usual distance of a line from the one above it; 0 where there is none."""
    steps = Counter(round(a.bottom - b.bottom) for a, b in zip(page, page[1:], strict=False) if a.bottom > b.bottom)
    return steps.most_common(1)[0][0] if steps else 0.0


def _begin(line: Line, body: float) -> Block:
    if line.is_code:
        return Block("code")
    is_large = line.size > body * _LARGER
    if not is_large and (match := _ITEM.match(line.text)):
        return Block("item", mark=match.group().strip())
    if is_large and len(line.text) <= _LONGEST:
        return Block("heading", level=_level(line, body))
    return Block("text")


def _level(line: Line, body: float) -> int:
    if _SECTION.match(line.text):
        return min(6, line.text.split()[0].rstrip(".").count(".") + 1)
    ratio = line.size / body
    return 1 if ratio > 1.7 else 2 if ratio > 1.35 else 3


def _continues(block: Block, line: Line, number: int, edge: float, leading: float) -> bool:
    """Whether a line goes on with a block."""
    page, last = block.lines[-1]
    if line.is_code or last.is_code:
        return line.is_code and last.is_code
    if abs(line.size - last.size) > 0.08 * last.size:
        return False
    if last.text[-1] == SOFT_HYPHEN:
        return True
    is_below = page == number and line.bottom < last.bottom
    if is_below and last.bottom - line.bottom > max(1.45 * leading, 1.1 * line.size):
        return False
    if block.kind == "heading" or (page != number and last.text[-1] in _STOPS):
        return is_below
    if _is_short(last, line, edge) or _ITEM.match(line.text):
        return False
    return not (is_below and _is_indented(block, last, line))


def _is_short(last: Line, line: Line, edge: float) -> bool:
    """Whether the first word of a line would have found room at the end of the one before, so that somebody ended that one."""
    room = edge - 0.5 * last.size - last.right
    if room < last.size:
        return False
    word = (line.text.find(" ") + 1) or len(line.text) + 1
    return word * max(last.letter, 0.2 * last.size) < room


def _is_indented(block: Block, last: Line, line: Line) -> bool:
    """Whether a line begins further right than the one before, as the first of a paragraph does, and the second of a list's
    item or of a text behind a word in the margin."""
    return len(block.lines) > 1 and line.left > last.left + 0.8 * line.size
