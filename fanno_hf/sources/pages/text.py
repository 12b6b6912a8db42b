"""The text of pages, and where each begins.

text = PageText(); text.add(pages_1_to_200); text.add(pages_201_to_260); text.text()
  ->  "# Mosses\n\nMosses have no roots …", ((0, "page 1"), (2210, "page 2"), …)
"""

from collections.abc import Sequence

from fanno_hf.sources.markdown import fence
from fanno_hf.sources.pages.line import Line
from fanno_hf.sources.pages.paragraphs import Block, blocks_of
from fanno_hf.sources.pages.running import without_running
from fanno_hf.sources.pages.words import SOFT_HYPHEN, join, without_leader, without_ligatures, words_of


class PageText:
    """Gathers the text of a document whose pages come in parts."""

    def __init__(self):
        self._parts: list[str] = []
        self._length, self._pages = 0, 0
        self._places: list[tuple[int, str]] = []

    def add(self, pages: Sequence[list[Line]]) -> None:
        """Adds the next pages, each a list of lines in the order in which they are read."""
        pages = without_running(pages)
        for page in pages:
            for line in page:
                line.text = without_leader(without_ligatures(line.text))
        words = words_of(line.text for page in pages for line in page)
        last = -1
        was_item = False
        for block in blocks_of([[line for line in page if line.text] for page in pages]):
            text, starts = _written(block, words)
            gap = "" if not self._parts else "\n" if was_item and block.kind == "item" else "\n\n"
            for offset, page in starts:
                for number in range(last + 1, page + 1):
                    self._places.append((self._length + len(gap) + offset, f"page {self._pages + number + 1}"))
                last = max(last, page)
            self._parts.append(gap + text)
            self._length += len(gap) + len(text)
            was_item = block.kind == "item"
        self._pages += len(pages)

    def text(self) -> tuple[str, tuple[tuple[int, str], ...]]:
        """Returns the text and the places of the pages that have some."""
        places = dict(self._places)  # of pages that begin in one place the last
        return "".join(self._parts), tuple(places.items())


def _written(block: Block, words: set[str]) -> tuple[str, list[tuple[int, int]]]:
    """Returns a block as Markdown, and at which offset each of its pages begins."""
    if block.kind == "code":
        return _code(block)
    head = "#" * block.level + " " if block.kind == "heading" else ""
    pieces, starts, length = [], [], 0
    for page, line in block.lines:
        piece = line.text.strip()
        if not pieces and block.kind == "item":
            head = f"{block.mark if block.mark[-1] in '.)' else '-'} "
            piece = piece[len(block.mark) :].strip()
        if pieces:
            length -= len(pieces[-1])
            joined = join(pieces.pop(), piece, words)
            piece = joined[-len(piece) :] if piece else piece
            pieces.append(joined[: len(joined) - len(piece)])
            length += len(pieces[-1])
        if not starts or starts[-1][1] != page:
            starts.append((len(head) + length if pieces else 0, page))
        pieces.append(piece)
        length += len(piece)
    return head + "".join(pieces).rstrip(SOFT_HYPHEN), starts


def _code(block: Block) -> tuple[str, list[tuple[int, int]]]:
    margin = min(line.left for _, line in block.lines)
    lines, starts, length = [], [], 4
    for page, line in block.lines:
        indent = round((line.left - margin) / line.letter) if line.letter else 0
        if not starts or starts[-1][1] != page:
            starts.append((length if starts else 0, page))
        lines.append(" " * indent + line.text.rstrip().replace("\u00ad", "-"))
        length += len(lines[-1]) + 1
    return fence("\n".join(lines)), starts
