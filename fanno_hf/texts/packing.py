"""Puts the blocks of a text into passages, as many in each as there is room for, and cuts those that are too large.

heading, paragraph, table of 300 rows  ->  heading + paragraph | table's head + rows 1 to 90 | table's head + rows 91 to …

What stays together: a heading and what follows it; a fence that fits into a passage; the rows of a table and its head,
which is repeated in each piece; the lines of a larger fence, which is closed at the end of each piece and opened again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from fanno_hf.texts.blocks import Block
from fanno_hf.texts.cuts import Span, cuts, window_size
from fanno_hf.texts.rulers import Measure

# What is repeated takes this share of a passage at most; a table with a larger head would grow without bounds.
_MOST_REPEATED = 7 / 8


class Piece(NamedTuple):
    """A part of a text that is a passage, or that is still to be put into one."""

    start: int
    end: int
    before: str = ""  # repeated in front of it: a table's head, the first line of a fence
    after: str = ""  # what closes a fence that was cut

    def of(self, text: str) -> str:
        """Returns it as a passage."""
        return self.before + text[self.start : self.end] + self.after


class _Part(NamedTuple):
    """A block, or what is left of one whose beginning is in an earlier passage."""

    block: Block
    piece: Piece

    @property
    def is_rest(self) -> bool:
        return self.piece.start > self.block.start

    @property
    def is_heading(self) -> bool:
        return self.block.kind == "heading" and not self.is_rest


class _Way(NamedTuple):
    """How a part may be cut: what is cut, and what each piece has around it."""

    body: int
    end: int
    before: str = ""
    after: str = ""


def pack(text: str, blocks: Sequence[Block], ruler: Measure, max_tokens: int, min_tokens: int = 0) -> list[Piece]:
    """Returns the passages of a text; see `segment.split_passages`.

    Args:
        blocks: of `find_blocks`, at least one.
        ruler: of the text.
    """
    packer = _Packer(text, blocks, ruler)
    pieces = list(packer.pieces(max_tokens))
    if len(pieces) > 1 and packer.tokens(pieces[-1]) < min_tokens:
        pieces[-2:] = _lengthen_last(packer, *pieces[-2:], max_tokens, min_tokens)
    return pieces


def _lengthen_last(packer: "_Packer", one: Piece, last: Piece, max_tokens: int, min_tokens: int) -> list[Piece]:
    """Returns the last two passages, parted again so that both have `min_tokens`; unchanged where that would tear what
    belongs together, or no cut does it."""
    room = packer.tokens(Piece(one.start, last.end, one.before)) - min_tokens
    moved = list(packer.pieces(min(max(1, room), max_tokens), one))
    if len(moved) != 2 or min(map(packer.tokens, moved)) < min_tokens:
        return [one, last]
    torn = packer.torn(moved[1].start)
    return moved if torn in (None, packer.torn(last.start)) else [one, last]


class _Packer:
    """Packs the blocks of one text."""

    def __init__(self, text: str, blocks: Sequence[Block], ruler: Measure):
        self._text, self._blocks, self._ruler = text, blocks, ruler
        self._starts = [block.start for block in blocks]

    def tokens(self, piece: Piece) -> int:
        """Returns the tokens of a piece."""
        return self._ruler.count(piece.start, piece.end, piece.before, piece.after)

    def torn(self, place: int) -> int | None:
        """Returns which block a cut at this place tears, or takes from its heading; None for a paragraph or none."""
        index = bisect_right(self._starts, place) - 1
        if self._blocks[index].start < place:
            return None if self._blocks[index].kind == "text" else index
        return index if index and self._blocks[index - 1].kind == "heading" else None

    def pieces(self, limit: int, first: Piece | None = None) -> Iterator[Piece]:
        """Yields passages of at most `limit` tokens.

        Args:
            first: a piece that this gave before, where to begin; None: with the first block.
        """
        parts = self._parts(first)
        sizes = [0, *accumulate(self._sizes(parts, limit))]
        index = 0
        while index < len(parts):
            stop = self._fitting(parts, sizes, index, limit)
            end = stop if stop == len(parts) else self._end(parts, index, stop, limit)
            if end > index:
                yield _joined(parts, index, end)
                index = end
                continue
            found = self._cut(parts[index].piece.start, parts[stop], limit)
            if not found:  # the heading leaves no room for what follows
                yield parts[index].piece
                index += 1
                continue
            yield from found[:-1] or found
            parts[stop] = parts[stop]._replace(piece=found[-1])
            index = stop if found[1:] else stop + 1

    def _parts(self, first: Piece | None) -> list[_Part]:
        index = bisect_right(self._starts, first.start) - 1 if first else 0
        parts = [_Part(block, Piece(block.start, block.end)) for block in self._blocks[index:]]
        if first:
            parts[0] = parts[0]._replace(piece=Piece(first.start, parts[0].piece.end, first.before))
        return parts

    def _sizes(self, parts: Sequence[_Part], limit: int) -> list[int]:
        """Returns about how many tokens each part adds to a passage, with the white space behind it."""
        starts = [part.piece.start for part in parts]
        bounds = zip(starts, [*starts[1:], len(self._text)], strict=True)
        # a text that is far too long is not looked at as a whole
        most = window_size(limit)
        return [limit + 1 if end - start > most else self._ruler.count(start, end) for start, end in bounds]

    def _fits(self, piece: Piece, limit: int) -> bool:
        return piece.end - piece.start <= window_size(limit) and self.tokens(piece) <= limit

    def _fitting(self, parts: Sequence[_Part], sizes: Sequence[int], index: int, limit: int) -> int:
        """Returns before which part a passage must end that begins with the part `index`; that one where it is too large."""

        def fits(stop: int) -> bool:
            return stop <= index or (stop <= len(parts) and self._fits(_joined(parts, index, stop), limit))

        # first by the sums, in which the size of a rest is that of its whole block, and those of others are nearly exact
        rest = parts[index].is_rest
        base, room = (index + 1, limit - self.tokens(parts[index].piece)) if rest else (index, limit)
        stop = bisect_right(sizes, sizes[base] + room, lo=base) - 1
        is_far = stop < len(parts) and sizes[stop + 1] - sizes[base] > room + 2 * (stop + 1 - base)
        if fits(stop) and (is_far or not fits(stop + 1)):
            return stop
        return bisect_left(range(len(parts) + 2), True, lo=index + 1, key=lambda stop: not fits(stop)) - 1

    def _end(self, parts: Sequence[_Part], index: int, stop: int, limit: int) -> int:
        """Returns where a passage ends that could hold the parts from `index` to before `stop`: before its last headings.

        It is `index` where there is nothing before these headings: then what follows is cut behind them.
        """
        headings = stop
        while headings > index and parts[headings - 1].is_heading:
            headings -= 1
        if headings == stop:
            return stop
        following = parts[stop]
        if following.is_heading and headings == index:
            return stop  # more headings than a passage can hold
        if following.block.kind == "fence" and self._fits(following.piece, limit):
            # a fence stays whole, and headings that it leaves no room for stay where they are
            end = following.piece.end
            fits = lambda place: self._fits(Piece(parts[place].piece.start, end), limit)  # noqa: E731
            return bisect_left(range(stop), True, lo=headings, key=fits)
        return headings

    def _cut(self, start: int, part: _Part, limit: int) -> list[Piece] | None:
        """Cuts a part into pieces, the first of which begins at `start`, with the headings before it.

        Returns None where these leave no room; else the last piece is what is left to be put into a passage.
        """
        for way in self._ways(part, limit):
            opening = way.before if part.is_rest else self._text[start : way.body]
            if not (spans := self._spans(way, opening, limit)):
                continue
            pieces = [Piece(begin, end, way.before, way.after) for begin, end in spans]
            pieces[0] = pieces[0]._replace(start=start, before=way.before if part.is_rest else "")
            pieces[-1] = pieces[-1]._replace(end=part.piece.end, after="")
            in_doubt = pieces if way.before else pieces[:1] if opening else []
            if all(self.tokens(piece) <= limit for piece in in_doubt):
                return pieces
        return None

    def _ways(self, part: _Part, limit: int) -> Iterator[_Way]:
        """Yields the ways to cut a part, the better first; the last one repeats nothing."""
        block, piece = part.block, part.piece
        end, after = block.end, ""
        if block.closing is not None:
            end, after = block.closing - 1, "\n" + self._text[block.closing : block.end]
        if part.is_rest:
            if piece.before:
                yield _Way(piece.start, end, piece.before, after)
            yield _Way(piece.start, piece.end)
            return
        for head in block.heads:
            before = self._text[block.start : head + 1]
            if head < end and self._ruler.of(before + after) <= _MOST_REPEATED * limit:
                yield _Way(head + 1, end, before, after)
        yield _Way(piece.start, piece.end)

    def _spans(self, way: _Way, opening: str, limit: int) -> list[Span]:
        """Returns where what a way cuts is cut, the first time behind `opening`, later behind what is repeated."""
        (start, stop), by_lines = (way.body, way.end), bool(way.before)

        def cut(begin: int, before: str) -> Iterator[Span]:
            around = self._ruler.of(before + way.after)
            if around >= limit:
                return iter(())
            count = lambda one, other: self._ruler.count(one, other, before, way.after) - around  # noqa: E731
            return cuts(self._text, (begin, stop), count, limit - around, by_lines=by_lines)

        if opening == way.before:
            return list(cut(start, opening))
        end = next((end for _, end in cut(start, opening)), start)
        line = Piece(start, start + len(self._text[start:stop].partition("\n")[0].rstrip()), way.before, way.after)
        if by_lines and end < line.end and self.tokens(line) <= limit:
            return [(start, start - 1), *cut(start, way.before)]  # nothing of it: better than a torn line
        return [(start, end), *cut(end, way.before)] if end > start else []


def _joined(parts: Sequence[_Part], index: int, stop: int) -> Piece:
    """Returns some parts, one after the other, as one piece."""
    return parts[index].piece._replace(end=parts[stop - 1].piece.end)
