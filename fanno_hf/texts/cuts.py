"""Where a text is cut that has no headings, fences or tables, or that is one of their parts.

"Mosses have no roots. They drink through their leaves.", 6 words  ->  (0, 21), (22, 54)
"""

from collections.abc import Callable, Iterator

from semantic_text_splitter import TextSplitter

Span = tuple[int, int]

# The splitter sees this many characters per allowed token at a time: several passages of any usual text.
_WINDOW_CHARACTERS_PER_TOKEN = 16


def window_size(max_tokens: int) -> int:
    """Returns how many characters are looked at together where passages have at most `max_tokens`."""
    return _WINDOW_CHARACTERS_PER_TOKEN * max_tokens


def cuts(
    text: str, bounds: Span, count: Callable[[int, int], int], max_tokens: int, *, by_lines: bool = False
) -> Iterator[Span]:
    """Yields the bounds of each piece of `text[slice(*bounds)]`: at paragraph bounds, else at sentence bounds, else between words.

    The splitter is given a window at a time: over a whole book it slows down and its memory grows. The last piece of
    a window may have been cut by the window's end, so the next window starts with it again.

    Args:
        bounds: in characters, as is what is yielded.
        count: tells the tokens between two places; what it adds for text around the piece takes room from it.
        by_lines: keeps and counts the white space that lines begin with, as code needs it.
    """
    window = _Window(count)
    splitter = TextSplitter.from_callback(window.count, max_tokens, trim=not by_lines)
    (start, stop), size = bounds, window_size(max_tokens)
    while start < stop:
        at_end = start + size >= stop
        chunks = splitter.chunk_indices(window.move(text[start : min(start + size, stop)], start))
        if not at_end and len(chunks) < 2:
            size *= 2  # long tokens or much white space: no cut is certain yet
            continue
        for offset, chunk in chunks if at_end else chunks[:-1]:
            # Python knows a few more white space characters than the splitter does.
            begin = start + offset + len(chunk) - len(chunk.lstrip())
            if solid := chunk.strip():
                end = begin + len(solid)
                if by_lines:
                    begin = _line_start(text, bounds[0], begin, start + offset)
                yield begin, end
        if at_end:
            return
        start, size = start + chunks[-1][0], window_size(max_tokens)


class _Window:
    """Tells the splitter the tokens of what it asks about, a part of the window of which it does not say where it begins.

    All that it asks about before it has found a piece begins at the same place, and the next piece begins behind it. Equal parts
    have as many tokens wherever they stand, so the first one from there on will do.
    """

    def __init__(self, count: Callable[[int, int], int]):
        self._count = count
        self._text, self._start, self._place = "", 0, 0

    def move(self, text: str, start: int) -> str:
        self._text, self._start, self._place = text, start, 0
        return text

    def count(self, part: str) -> int:
        place = self._text.find(part, self._place)
        if place < 0:
            place = self._text.index(part)
        self._place = place
        return self._count(self._start + place, self._start + place + len(part))


def _line_start(text: str, first: int, begin: int, least: int) -> int:
    """Returns where the line begins whose first word is at `begin`, in a text from `first` on; `begin` where that is before `least`."""
    newline = text.rfind("\n", first, begin)
    line = first if newline < 0 else newline + 1
    return line if line >= least else begin
