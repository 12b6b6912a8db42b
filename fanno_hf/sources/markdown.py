"""The parts of a document as Markdown, the form in which readers give what is laid out: headings, lists, code and tables.

writer.heading(2, "Mosses"); writer.item(0, "-", "no roots"); writer.item(0, "-", "no seeds")
  ->  "## Mosses\n\n- no roots\n- no seeds"
"""

import re

_DEEPEST = 8  # lists within lists are set in no further
_HEADING = re.compile(r"(#{1,6}) (.+)")
_FENCE = re.compile(r"^\s*(`{3,})", re.MULTILINE)


class MarkdownWriter:
    """Takes the blocks of a document in order."""

    def __init__(self):
        self._blocks: list[str] = []
        self._code: list[str] = []
        self._was_item = False

    def heading(self, level: int, text: str) -> None:
        """Adds a heading; `level` from 1 on."""
        if text := " ".join(text.split()):
            self._add(f"{'#' * max(1, min(level, 6))} {text}")

    def paragraph(self, text: str) -> None:
        """Adds a paragraph; its newlines stay."""
        if text := tidy(text):
            self._add(text)

    def item(self, depth: int, mark: str, text: str) -> None:
        """Adds an item of a list, `depth` 0 for the outermost; `mark` as "-" or "3.", or "" for more of the item before."""
        if text := tidy(text):
            indent = "  " * min(depth, _DEEPEST)
            head = f"{mark} " if mark else "  "
            self._add(f"{indent}{head}{text}".replace("\n", f"\n{indent}  "), is_item=True)

    def code(self, line: str) -> None:
        """Adds a line of code, or several; what comes without anything else between stands in one fence."""
        self._code.append(line)

    def table(self, rows: list[list[str]]) -> None:
        """Adds a table, its head first."""
        if text := table(rows):
            self._add(text)

    def text(self) -> str:
        """Returns what there is so far."""
        self._end_code()
        return "".join(self._blocks)

    def _end_code(self) -> None:
        lines, self._code = "\n".join(self._code), []
        if lines.strip():
            self._add(fence(lines))

    def _add(self, block: str, is_item: bool = False) -> None:
        if self._code:
            self._end_code()
        if self._blocks:
            self._blocks.append("\n" if is_item and self._was_item else "\n\n")
        self._blocks.append(block)
        self._was_item = is_item


def first_heading(text: str) -> str:
    """Returns the first of the highest headings of a text in Markdown form, outside of fences; "" where there is none."""
    found, fence = [], ""
    for line in text.splitlines():
        if match := _FENCE.match(line):
            fence = match[1] if not fence else "" if line.strip() == fence else fence
        elif not fence and (match := _HEADING.match(line)):
            found.append(match)
    return min(found, key=lambda match: len(match[1]))[2].strip() if found else ""


def tidy(text: str) -> str:
    """Returns a text without white space at the ends of its lines, or twice within them."""
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)


def fence(text: str, language: str = "") -> str:
    """Returns code between fences that are longer than any in it."""
    longest = max(map(len, _FENCE.findall(text)), default=2) if "```" in text else 2
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{text.strip(chr(10)).rstrip()}\n{marks}"


def table(rows: list[list[str]]) -> str:
    """Returns rows of cells of one line each, the first of them the head, as a table; one column only, as paragraphs.

    >>> print(table([["moss", "height"], ["Tortula", "1 cm"]]))
    | moss | height |
    | --- | --- |
    | Tortula | 1 cm |
    """
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    if width < 2:
        return "\n\n".join(cell for row in rows for cell in row)
    lines = ["\0".join(row).replace("|", "\\|").replace("\0", " | ") + " |" * (width - len(row)) for row in rows]
    lines.insert(1, " | ".join(["---"] * width))
    return "\n".join(f"| {line} |" for line in lines)
