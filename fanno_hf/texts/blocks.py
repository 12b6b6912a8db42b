r"""Finds the parts of a Markdown text that belong together: headings, fences, tables, and paragraphs between them.

"# Moss\nIt drinks.\n```csv\na,b\n1,2\n```"  ->  heading "Moss", paragraph "It drinks.", fence with the head "```csv\na,b"

It reads what people and converters write, not all of CommonMark: a fence or table may be indented by any width, a line
under dashes is a heading only where it stands alone, and a fence that nothing closes is none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["heading", "fence", "table", "text"]

_LONGEST_HEADING = 200  # characters; what is longer is no heading, and would be copied into every passage below it
_HEADING = rf"[ ]{{0,3}}\#{{1,6}}[ \t]+[^\s#][^\n]{{0,{_LONGEST_HEADING}}}$"
_FENCE = r"[ \t]*(?:`{3,16}(?!`)(?=[^`\n]*$)|~{3,16}(?!~))"
_RULE = r"[ \t]*[-=|:][-=|:\ \t\r]*$"  # a heading's underline, or what stands below a table's head
_MARK = re.compile(rf"^(?:(?P<heading>{_HEADING})|(?P<fence>{_FENCE})|(?P<rule>{_RULE}))", re.MULTILINE | re.VERBOSE)
# The same, less exactly; opened with a newline, which is searched for ten times as fast as the beginning of a line.
_ANY_MARK = re.compile(r"\n[ \t]*(?:#|`{3}|~{3}|[-=|:][-=|: \t\r]*(?:\n|\Z))")

_DELIMITERS = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_PIPE = re.compile(r"(?<!\\)\|")
_UNDERLINE = re.compile(r"[ ]{0,3}(?:={2,}|-{3,})\s*")
_NO_TITLE = re.compile(
    r"[ ]{4}|\t|\s*(?:[-*+>|#]\s|>|\||\d+[.)]\s|[\W_]*$)"
)  # indented, a list, a quote, a row, no word
_CLOSING_MARKS = re.compile(r"\s#+$")
_SEPARATED = re.compile(r"[\s{.]*(?:csv|tsv)\b", re.IGNORECASE)
_GAP = re.compile(r"\n\s*\n\s*")


class Block(NamedTuple):
    """One part of a text, from its first to its last character that is no white space."""

    kind: Kind
    start: int
    end: int
    # where the lines end that each piece of it may repeat, the better first: a table's head, a fence's first line
    heads: tuple[int, ...] = ()
    closing: int | None = None  # where the last line of a fence begins
    title: str = ""  # of a heading


def find_blocks(text: str) -> list[Block]:
    """Returns the blocks of a text in order; every character that is no white space is in exactly one.

    Takes time in proportion to the text, whatever it is. A text without headings, fences and tables has blocks of kind
    "text" alone, one for each paragraph; see also `has_marks`.
    """
    found: list[Block] = []
    position = 0  # everything before it is in a block
    for block in marked_blocks(text):
        found += [*_paragraphs(text, position, block.start), block]
        position = block.end
    return [*found, *_paragraphs(text, position, len(text))]


def marked_blocks(text: str) -> Iterator[Block]:
    """Yields the headings, fences and tables of a text, in order."""
    unclosed: set[str] = set()
    position = at = 0
    while mark := _MARK.search(text, at):
        block = _block(text, mark, position, unclosed)
        if block is None:
            at = mark.end()
            continue
        yield block
        position = at = block.end


def has_marks(text: str) -> bool:
    """Tells, fast, whether a text may have a heading, a fence or a table; where it says no there is none."""
    return bool(_ANY_MARK.match("\n" + text[: text.find("\n") + 1 or None]) or _ANY_MARK.search(text))


@dataclass(frozen=True)
class _Line:
    """A line of a text, without the newline behind it."""

    text: str
    start: int
    end: int

    @classmethod
    def around(cls, text: str, position: int) -> "_Line":
        end = text.find("\n", position)
        return cls(text, text.rfind("\n", 0, position) + 1, len(text) if end < 0 else end)

    @property
    def words(self) -> str:
        return self.text[self.start : self.end]

    def before(self, least: int = 0) -> "_Line | None":
        """The line above; None where it begins before `least`."""
        line = self.around(self.text, self.start - 1) if self.start else None
        return line if line and line.start >= least else None

    def after(self) -> "_Line | None":
        return self.around(self.text, self.end + 1) if self.end < len(self.text) else None

    def block(self, kind: Kind, last: "_Line | None" = None, **more) -> Block:
        """The block from this line to the last one."""
        start = self.start + len(self.words) - len(self.words.lstrip())
        last = last or self
        return Block(kind, start, last.start + len(last.words.rstrip()), **more)


def _block(text: str, mark: re.Match, least: int, unclosed: set[str]) -> Block | None:
    """Returns the block that a mark belongs to, of lines that begin at `least` or later; None where it marks nothing.

    `unclosed` remembers the fences that nothing closes: looked for again and again, they would take quadratic time.
    """
    if words := mark["heading"]:
        title = _CLOSING_MARKS.sub("", words.strip().lstrip("#")).strip()
        return Block("heading", mark.end() - len(words.lstrip()), mark.start() + len(words.rstrip()), title=title)
    line = _Line.around(text, mark.start())
    if mark["fence"]:
        return _fence(line, mark["fence"].strip(), unclosed)
    above = line.before(least)
    if above is None:
        return None
    return _table(above, line) if "|" in line.words else _underlined(above, line, least)


def _fence(line: _Line, marker: str, unclosed: set[str]) -> Block | None:
    if marker in unclosed:
        return None
    closing = re.compile(rf"^[ \t]*{marker[0]}{{{len(marker)},}}[ \t\r]*$", re.MULTILINE)
    found = closing.search(line.text, line.end)
    if not found:
        unclosed.add(marker)
        return None
    last = _Line.around(line.text, found.start())
    heads = (line.end,)
    first = line.after()
    if first and first.start < last.start and _SEPARATED.match(line.words.strip().lstrip(marker[0])):
        heads = (first.end, line.end)
    return line.block("fence", last, heads=heads, closing=last.start)


def _table(head: _Line, delimiters: _Line) -> Block | None:
    columns = [len(_PIPE.findall(_inner(line.words))) for line in (head, delimiters)]
    if "|" not in head.words or columns[0] != columns[1] or not _DELIMITERS.fullmatch(delimiters.words.strip()):
        return None
    last = delimiters
    while (row := last.after()) and "|" in row.words:
        last = row
    return head.block("table", last, heads=(delimiters.end,))


def _inner(row: str) -> str:
    """Returns a row of a table without the marks at its ends."""
    return row.strip().removeprefix("|").removesuffix("|")


def _underlined(title: _Line, underline: _Line, least: int) -> Block | None:
    """A heading above a line of "=" or "-", and below another one where there is (reStructuredText)."""
    words = title.words
    if len(words) > _LONGEST_HEADING or _NO_TITLE.match(words) or not _UNDERLINE.fullmatch(underline.words):
        return None
    first, above = title, title.before(least)
    if above and above.words.strip():
        if above.words.strip() != underline.words.strip():
            return None  # the last line of a paragraph
        first = above
    return first.block("heading", underline, title=words.strip())


def _paragraphs(text: str, start: int, end: int) -> Iterator[Block]:
    """Yields the paragraphs between two places as blocks."""
    bounds = [start, *(place for gap in _GAP.finditer(text, start, end) for place in gap.span()), end]
    for begin, stop in zip(bounds[::2], bounds[1::2], strict=True):
        part = text[begin:stop]
        if solid := part.strip():
            first = begin + len(part) - len(part.lstrip())
            yield Block("text", first, first + len(solid))
