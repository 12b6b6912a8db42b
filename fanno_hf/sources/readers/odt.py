"""Documents of OpenOffice and LibreOffice: what stands in them in Markdown form, without what is deleted.

report.odt  ->  Row("# Mosses\\n\\nMosses have no roots …", title="Report")
"""

import re
from collections.abc import Iterator
from typing import Any

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.formula import LOWERED, RAISED, formula, script
from fanno_hf.sources.markdown import MarkdownWriter, first_heading
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.parts import Parts, parts_of, resolve

_NAMESPACES = "urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE = f"{{{_NAMESPACES}text:1.0}}", f"{{{_NAMESPACES}table:1.0}}"
_OFFICE, _STYLE = f"{{{_NAMESPACES}office:1.0}}", f"{{{_NAMESPACES}style:1.0}}"
_DRAW, _SVG = f"{{{_NAMESPACES}drawing:1.0}}", f"{{{_NAMESPACES}svg-compatible:1.0}}"
_MATH, _LINK = "{http://www.w3.org/1998/Math/MathML}math", "{http://www.w3.org/1999/xlink}href"
_CODE = re.compile(r"code|source|verbatim|preformatted|listing|console", re.IGNORECASE)
_SKIPPED = {
    f"{_OFFICE}annotation", f"{_OFFICE}annotation-end", f"{_TEXT}tracked-changes", f"{_TEXT}sequence-decls",
    f"{_OFFICE}forms", f"{_TEXT}table-of-content-source", f"{_TEXT}note-citation", f"{_TEXT}variable-decls",
    f"{_TEXT}ruby-text", f"{_SVG}title", f"{_SVG}desc",
}  # fmt: skip
_STYLES = (f"{_STYLE}style", f"{_TEXT}list-style")
_BLOCKS = (f"{_TEXT}h", f"{_TEXT}p", f"{_TEXT}list", f"{_TABLE}table")
_PAGE_NUMBER = re.compile(r"\t\s*[\divxlc]*\s*$")
_LAYOUT = 600  # characters in a cell from which on a table only lays the page out


def read_odt(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the whole text, footnotes at its end."""
    with parts_of(file, "ODT") as parts:
        if _is_encrypted(parts):
            raise Unreadable("encrypted", " is encrypted: remove its password first")
        reader = _Reader(parts)
        styles = parts.optional_xml("styles.xml")
        for style in () if styles is None else styles.iter(*_STYLES):
            reader.style(style)
        for element in parts.elements("content.xml", (*_STYLES, *_BLOCKS), _SKIPPED):
            reader.style(element) if element.tag in _STYLES else reader.block(element)
        reader.notes()
        text = reader.writer.text()
        yield Row(text, title=_title(parts) or first_heading(text))


def _is_encrypted(parts: Parts) -> bool:
    manifest = parts.optional_xml("META-INF/manifest.xml")
    return manifest is not None and manifest.find(".//{*}encryption-data") is not None


def _title(parts: Parts) -> str:
    meta = parts.optional_xml("meta.xml")
    title = None if meta is None else meta.findtext(".//{http://purl.org/dc/elements/1.1/}title")
    return " ".join((title or "").split())


class _Reader:
    """Writes the blocks of a document."""

    def __init__(self, parts: Parts):
        self.writer = MarkdownWriter()
        self._parts = parts
        self._parents: dict[str, str] = {}
        self._ordered: set[tuple[str, int]] = set()
        self._marks: dict[str, str] = {}  # of styles that raise or lower
        self._notes: list[str] = []

    def style(self, element: Any) -> None:
        """Takes note of a style."""
        name = element.get(f"{_STYLE}name")
        if element.tag == f"{_STYLE}style":
            self._parents[name] = element.get(f"{_STYLE}parent-style-name")
            for properties in element.iterchildren(f"{_STYLE}text-properties"):
                if mark := _mark(properties.get(f"{_STYLE}text-position", "")):
                    self._marks[name] = mark
        for level in element.iterchildren(f"{_TEXT}list-level-style-number"):
            self._ordered.add((name, int(level.get(f"{_TEXT}level", "1"))))

    def block(self, element: Any) -> None:
        """Writes a heading, paragraph, list or table, or those in another element."""
        tag = element.tag
        if tag == f"{_TEXT}h":
            self._heading(element)
        elif tag == f"{_TEXT}p":
            self._paragraph(element)
        elif tag == f"{_TEXT}list":
            self._list(element, 0, None)
        elif tag == f"{_TABLE}table":
            self._table(element)
        elif tag not in _SKIPPED:
            for child in element.iterchildren("*"):
                self.block(child)

    def notes(self) -> None:
        """Writes the footnotes."""
        for number, note in enumerate(self._notes, start=1):
            self.writer.paragraph(f"[^{number}]: {note}")

    def _heading(self, element: Any) -> None:
        level = element.get(f"{_TEXT}outline-level", "1")
        self.writer.heading(int(level) if level.isdecimal() else 1, self._text(element))

    def _paragraph(self, element: Any) -> None:
        text = self._text(element)
        if self._is_code(element.get(f"{_TEXT}style-name")):
            self.writer.code(text)
        elif self._is(element.get(f"{_TEXT}style-name"), "Title"):
            self.writer.heading(1, text)
        else:
            self.writer.paragraph(_PAGE_NUMBER.sub("", text))

    def _is_code(self, style: str | None) -> bool:
        for _ in range(10):
            if style is None:
                return False
            if _CODE.search(style):
                return True
            style = self._parents.get(style)
        return False

    def _is(self, style: str | None, name: str) -> bool:
        return style == name or self._parents.get(style) == name

    def _list(self, element: Any, depth: int, style: str | None) -> None:
        style = element.get(f"{_TEXT}style-name", style)
        is_ordered = (style, depth + 1) in self._ordered
        number = 0
        for item in element:
            if item.tag == f"{_TEXT}list-item":
                start = item.get(f"{_TEXT}start-value", "")
                number = int(start) if start.isdecimal() else number + 1
            self._item(item, depth, style, f"{number}." if is_ordered else "-")

    def _item(self, item: Any, depth: int, style: str | None, mark: str) -> None:
        if item.tag == f"{_TEXT}list-header":
            mark = ""
        for element in item:
            if element.tag == f"{_TEXT}list":
                self._list(element, depth + 1, style)
            elif element.tag == f"{_TEXT}p" and not self._is_code(element.get(f"{_TEXT}style-name")):
                self.writer.item(depth, mark, self._text(element))
                mark = ""
            else:
                self.block(element)

    def _table(self, element: Any) -> None:
        rows = [_cells(row) for row in _rows(element)]
        cells = [cell for row in rows for cell in row]
        if any(len("".join(cell.itertext())) > _LAYOUT or _has_table(cell) for cell in cells):
            for cell in cells:
                self.block(cell)
        else:
            self.writer.table([[" ".join(" ".join(map(self._text, cell)).split()) for cell in row] for row in rows])

    def _text(self, element: Any) -> str:
        pieces: list[str] = []
        self._gather(element, pieces)
        return "".join(pieces)

    def _gather(self, element: Any, pieces: list[str]) -> None:
        pieces.append(element.text or "")
        for child in element.iterchildren("*"):
            tag = child.tag
            if tag == f"{_TEXT}s":
                count = child.get(f"{_TEXT}c", "1")
                pieces.append(" " * (min(int(count), 200) if count.isdecimal() else 1))
            elif tag == f"{_TEXT}tab":
                pieces.append("\t")
            elif tag == f"{_TEXT}line-break":
                pieces.append("\n")
            elif tag == f"{_TEXT}note":
                body = child.find(f"{_TEXT}note-body")
                if body is not None:
                    number = len(self._notes)
                    self._notes.append("")  # it may have a note itself
                    self._notes[number] = " ".join(self._text(part) for part in body.iterchildren("*"))
                    pieces.append(f"[^{number + 1}]")
            elif tag == f"{_TEXT}span" and (mark := self._marks.get(child.get(f"{_TEXT}style-name"))):
                pieces.append(script(mark, self._text(child), "".join(pieces[-3:])[-1:]))
            elif tag in (_MATH, f"{_DRAW}object"):
                pieces.append(self._formula(child))
            elif tag in (f"{_TEXT}p", f"{_TEXT}h", f"{_TEXT}list-item", f"{_DRAW}text-box"):
                pieces.append("\n")
                self._gather(child, pieces)
                pieces.append("\n")
            elif tag not in _SKIPPED:
                self._gather(child, pieces)
            pieces.append(child.tail or "")

    def _formula(self, element: Any) -> str:
        """Returns a formula, which is a document of its own; "" for any other object."""
        if element.tag != _MATH:
            inside = next(element.iterchildren(_MATH), None)
            link = element.get(_LINK)
            element = (
                self._parts.optional_xml(resolve("", f"{link}/content.xml")) if link and inside is None else inside
            )
        return formula(element) if element is not None and element.tag == _MATH else ""


def _mark(position: str) -> str | None:
    """Returns the mark of a position, as in "super 58%" or "-33% 58%"."""
    place = position.partition(" ")[0]
    if place in ("super", "sub"):
        return RAISED if place == "super" else LOWERED
    percent = place.removesuffix("%")
    return (
        None if not percent.lstrip("-").isdecimal() or not int(percent) else LOWERED if percent[0] == "-" else RAISED
    )


def _rows(element: Any) -> Iterator[Any]:
    """Yields the rows of a table, but for those of tables in it."""
    for child in element.iterchildren("*"):
        if child.tag == f"{_TABLE}table-row":
            yield child
        elif child.tag.startswith(f"{_TABLE}table-"):  # the head, or a group of rows
            yield from _rows(child)


def _has_table(cell: Any) -> bool:
    return next(cell.iter(f"{_TABLE}table"), None) is not None


def _cells(row: Any) -> list[Any]:
    cells = []
    for cell in row.iterchildren("*"):
        repeated = cell.get(f"{_TABLE}number-columns-repeated", "1")
        times = min(int(repeated), 50) if repeated.isdecimal() else 1
        cells += [cell] * times
    return cells
