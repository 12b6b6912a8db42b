"""Where a text is cut that has no headings, fences or tables, or that is one of their parts.

"Mosses have no roots. They drink through their leaves.", 6 words  ->  (0, 21), (22, 54)
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from semantic_text_splitter import TextSplitter

Span = tuple[int, int]

# The splitter sees this many characters per allowed token at a time: several passages of any usual text.
_WINDOW_CHARACTERS_PER_TOKEN = 16


def window(max_tokens: int) -> int:
    """Returns how many characters are looked at together where passages have at most `max_tokens`."""
    return _WINDOW_CHARACTERS_PER_TOKEN * max_tokens


def cuts(text: str, count: Callable[[str], int], max_tokens: int, *, by_lines: bool = False) -> Iterator[Span]:
    """Yields the bounds of each piece, in characters: at paragraph bounds, else at sentence bounds, else between words.

    The splitter is given a window at a time: over a whole book it slows down and its memory grows. The last piece of
    a window may have been cut by the window's end, so the next window starts with it again.

    Args:
        count: tells the tokens of a piece; what it adds for text around the piece takes room from it.
        by_lines: keeps and counts the white space that lines begin with, as code needs it.
    """
    # The splitter asks for one count in five twice.
    splitter = TextSplitter.from_callback(lru_cache(maxsize=64)(count), max_tokens, trim=not by_lines)
    start, size = 0, window(max_tokens)
    while start < len(text):
        chunks = splitter.chunk_indices(text[start : start + size])
        at_end = start + size >= len(text)
        if not at_end and len(chunks) < 2:
            size *= 2  # long tokens or much white space: no cut is certain yet
            continue
        for offset, chunk in chunks if at_end else chunks[:-1]:
            # Python knows a few more white space characters than the splitter does.
            begin = start + offset + len(chunk) - len(chunk.lstrip())
            if solid := chunk.strip():
                end = begin + len(solid)
                if by_lines:
                    begin = _line_start(text, begin, start + offset)
                yield begin, end
        if at_end:
            return
        start, size = start + chunks[-1][0], window(max_tokens)


def _line_start(text: str, begin: int, least: int) -> int:
    """Returns where the line begins whose first word is at `begin`; `begin` where that is before `least`."""
    line = text.rfind("\n", 0, begin) + 1
    return line if line >= least else begin
