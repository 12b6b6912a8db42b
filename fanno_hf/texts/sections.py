"""Parts a very large text where something new begins, so that several processes can cut it.

a book of 800,000 characters  ->  Section(0, ""), Section(262,480, "The moss at the north wall"), Section(531,002, "Rain")
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from fanno_hf.texts.blocks import Block, has_marks, marked_blocks
from fanno_hf.texts.cuts import window_size

SIZE = 1 << 18
"""Characters of a section, about; a text of up to half as many more is one."""
_WINDOWS = 8  # that a section has at least, however long passages are: about 25 of them
_NEAR = 4  # a heading, or a paragraph, is worth going on for this part of a section
_GAP, _NEWLINE = re.compile(r"\n\s*\n\s*"), re.compile(r"\n\s*")


class Section(NamedTuple):
    """A part of a text, from its first character to the next one's."""

    start: int  # in characters
    heading: str  # the nearest before it; "" where there is none


def find_sections(text: str, max_tokens: int) -> list[Section]:
    """Returns the sections of a text, the first from 0 on.

    One begins at a heading if there is one near, else at a paragraph, else at a line; never in a table or fence, and not behind a
    heading. A text that has none of these is one section.

    Args:
        max_tokens: of a passage.
    """
    size = max(SIZE, _WINDOWS * window_size(max_tokens))
    most, sections, seen = size + size // 2, [Section(0, "")], 0
    if len(text) <= most:
        return sections
    marked = list(marked_blocks(text)) if has_marks(text) else []
    while len(text) - (start := sections[-1].start) > most:
        place = _heading(text, marked, start + size, start + size + size // _NEAR)
        place = place or _line(text, marked, start + size, size // _NEAR)
        if place is None or len(text) - place < size // 2:
            break
        above, seen = marked[seen : (last := _after(marked, place - 1))], last
        titles = [block.title for block in above if block.kind == "heading"]
        sections.append(Section(place, titles[-1] if titles else sections[-1].heading))
    return sections


def _after(marked: Sequence[Block], place: int) -> int:
    """Returns how many blocks begin at a place or before it."""
    return bisect_right(marked, place, key=lambda block: block.start)


def _heading(text: str, marked: Sequence[Block], least: int, stop: int) -> int | None:
    """Returns where the first heading in these bounds begins that is not right behind another one."""
    for index in range(_after(marked, least - 1), _after(marked, stop - 1)):
        if marked[index].kind == "heading" and not _follows_heading(text, marked, index, marked[index].start):
            return marked[index].start
    return None


def _line(text: str, marked: Sequence[Block], least: int, near: int) -> int | None:
    """Returns where the first paragraph from `least` on begins, the first line if that is not near."""
    place = least
    while found := _GAP.search(text, place, place + near) or _NEWLINE.search(text, place):
        index = _after(marked, found.start())
        if index and found.start() < marked[index - 1].end:
            place = marked[index - 1].end  # in a table or fence
        elif _follows_heading(text, marked, index, found.end()):
            place = found.end()
        else:
            return found.end()
    return None


def _follows_heading(text: str, marked: Sequence[Block], index: int, place: int) -> bool:
    """Whether the block before the one of this index is a heading, and nothing stands between it and the place."""
    above = marked[index - 1] if index else None
    return above is not None and above.kind == "heading" and not text[above.end : place].strip()
