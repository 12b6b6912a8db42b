"""Word documents: what stands in them in Markdown form, without what is deleted, hidden or a running head.

report.docx  ->  Row("# Mosses\\n\\nMosses have no roots …", title="Report")
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fanno_hf.sources.document import Row
from fanno_hf.sources.formula import LOWERED, RAISED, formula, script
from fanno_hf.sources.markdown import MarkdownWriter, first_heading
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.parts import Parts, parts_of, resolve

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_VALUE = f"{_W}val"
_OFFICE = "/officeDocument"
_HEADING = re.compile(r"heading (\d)")
_CODE = re.compile(r"code|source|verbatim|preformatted|listing|console|macro")
_CODE_FONTS = re.compile(r"mono|courier|consolas|menlo", re.IGNORECASE)
_CONTENTS = re.compile(r"toc \d|table of figures")
_PAGE_NUMBER = re.compile(r"\t\s*[\divxlc]*\s*$")
_LAYOUT = 600  # characters in a cell from which on a table only lays the page out
_SKIPPED = {
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",  # the same again, for older programs
    *(f"{_W}{name}" for name in ("del", "moveFrom", "instrText", "rPr", "pPr", "sdtPr", "tblPr", "trPr", "tcPr")),
    *(f"{_W}{name}" for name in ("rt", "rubyPr")),
}
_BLOCKS = (f"{_W}p", f"{_W}tbl")
_SCRIPTS = {"superscript": RAISED, "subscript": LOWERED}
_BREAKS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-", f"{_W}ptab": "\t"}


def read_docx(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the whole text, footnotes at its end."""
    with parts_of(file, "DOCX") as parts:
        where = _main_part(parts)
        reader = _Reader(parts, where)
        for element in parts.elements(where, _BLOCKS, _SKIPPED):
            reader.block(element)
        reader.notes()
        text = reader.writer.text()
        yield Row(text, title=_title(parts) or first_heading(text))


def _main_part(parts: Parts) -> str:
    relations = parts.optional_xml("_rels/.rels")
    for relation in () if relations is None else relations:
        if relation.get("Type", "").endswith(_OFFICE):
            return resolve("", relation.get("Target", ""))
    return "word/document.xml"


def _title(parts: Parts) -> str:
    core = parts.optional_xml("docProps/core.xml")
    title = None if core is None else core.findtext("{http://purl.org/dc/elements/1.1/}title")
    return " ".join((title or "").split())


@dataclass(slots=True)
class _Style:
    name: str = ""
    level: int = 0  # of a heading
    is_code: bool = False
    list: tuple[str, int] | None = None


class _Reader:
    """Writes the blocks of a document."""

    def __init__(self, parts: Parts, where: str):
        self.writer = MarkdownWriter()
        self._styles = _styles(parts.optional_xml(resolve(where, "styles.xml")))
        self._numbering = _numbering(parts.optional_xml(resolve(where, "numbering.xml")))
        self._notes = _notes(parts.optional_xml(resolve(where, "footnotes.xml")))
        self._cited: list[str] = []
        self._counts: Counter[tuple[str, int]] = Counter()

    def block(self, element: Any) -> None:
        """Writes a paragraph or a table, or those in another element."""
        if element.tag == f"{_W}p":
            self._paragraph(element)
        elif element.tag == f"{_W}tbl":
            self._table(element)
        elif element.tag not in _SKIPPED:
            for child in element:
                self.block(child)

    def notes(self) -> None:
        """Writes the footnotes that were cited."""
        for number, identifier in enumerate(self._cited, start=1):
            if identifier in self._notes:
                self.writer.paragraph(f"[^{number}]: {self._text(self._notes[identifier])}")

    def _paragraph(self, paragraph: Any) -> None:
        style = self._style(paragraph)
        text = self._text(paragraph)
        if style.is_code or (text.strip() and _is_in_code_font(paragraph)):
            self.writer.code(text)
        elif style.level:
            self.writer.heading(style.level, text)
        elif _CONTENTS.match(style.name):
            self.writer.paragraph(_PAGE_NUMBER.sub("", text))
        elif (found := self._list(paragraph, style)) and text.strip():
            self.writer.item(found[1], self._mark(*found), text)
        else:
            self.writer.paragraph(text)

    def _style(self, paragraph: Any) -> _Style:
        found = paragraph.find(f"{_W}pPr/{_W}pStyle")
        style = self._styles.get("" if found is None else found.get(_VALUE), _Style())
        outline = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
        if outline is not None and outline.get(_VALUE, "9") < "9":
            return _Style(style.name, int(outline.get(_VALUE)) + 1)
        return style

    def _list(self, paragraph: Any, style: _Style) -> tuple[str, int] | None:
        found = paragraph.find(f"{_W}pPr/{_W}numPr")
        here = style.list if found is None else _list_of(found)
        return here if here and here[0] != "0" and self._numbering.get(here, "none") != "none" else None

    def _mark(self, number: str, depth: int) -> str:
        if self._numbering[number, depth] == "bullet":
            return "-"
        self._counts[number, depth] += 1
        for deeper in range(depth + 1, 9):
            self._counts[number, deeper] = 0
        return f"{self._counts[number, depth]}."

    def _table(self, element: Any) -> None:
        rows = [_cells(row) for row in _inner(element, f"{_W}tr")]
        cells = [cell for row in rows for cell in row if cell is not None]
        if any(len("".join(cell.itertext(f"{_W}t"))) > _LAYOUT or _has_table(cell) for cell in cells):
            for cell in cells:
                self.block(cell)
        else:
            self.writer.table([[" ".join(self._cell(cell).split()) for cell in row] for row in rows])

    def _cell(self, cell: Any) -> str:
        return "" if cell is None else " ".join(self._text(paragraph) for paragraph in _inner(cell, f"{_W}p"))

    def _text(self, element: Any) -> str:
        pieces: list[str] = []
        self._gather(element, pieces)
        return "".join(pieces)

    def _gather(self, element: Any, pieces: list[str]) -> None:
        last = None  # how the run before is raised
        for child in element.iterchildren("*"):
            tag, mark = child.tag, None
            if tag == f"{_W}t":
                pieces.append(child.text or "")
            elif tag in _BREAKS:
                pieces.append(_BREAKS[tag])
            elif tag == f"{_M}oMath":
                pieces.append(formula(child))
            elif tag == f"{_W}footnoteReference":
                self._cited.append(child.get(f"{_W}id"))
                pieces.append(f"[^{len(self._cited)}]")
            elif tag == f"{_W}r" and child.find(f"{_W}rPr/{_W}vanish") is not None:
                continue
            elif tag == f"{_W}r" and (mark := _mark(child)):
                text = self._text(child)
                pieces.append(text if mark == last else script(mark, text, "".join(pieces[-3:])[-1:]))
            elif tag in (f"{_W}p", f"{_W}txbxContent"):  # a text box, and what stands in it
                pieces.append("\n")
                self._gather(child, pieces)
                pieces.append("\n")
            elif tag not in _SKIPPED:
                self._gather(child, pieces)
            last = mark


def _mark(run: Any) -> str | None:
    found = run.find(f"{_W}rPr/{_W}vertAlign")
    return None if found is None else _SCRIPTS.get(found.get(_VALUE))


def _inner(element: Any, tag: str) -> Iterator[Any]:
    """Yields the elements of that tag in another one, but for those in another table, or in one of them."""
    for child in element.iterchildren("*"):
        if child.tag == tag:
            yield child
        elif child.tag not in _SKIPPED and child.tag != f"{_W}tbl":
            yield from _inner(child, tag)


def _cells(row: Any) -> list[Any]:
    """Returns the cells of a row; None for what another one spans."""
    cells = []
    for cell in _inner(row, f"{_W}tc"):
        merged = cell.find(f"{_W}tcPr/{_W}vMerge")
        cells.append(None if merged is not None and merged.get(_VALUE, "continue") == "continue" else cell)
        span = cell.find(f"{_W}tcPr/{_W}gridSpan")
        width = "1" if span is None else span.get(_VALUE, "1")
        cells += [None] * (min(int(width), 50) - 1 if width.isdecimal() else 0)
    return cells


def _has_table(cell: Any) -> bool:
    return next(cell.iter(f"{_W}tbl"), None) is not None


def _is_in_code_font(paragraph: Any) -> bool:
    runs = [run for run in paragraph.iter(f"{_W}r") if run.findtext(f"{_W}t", "").strip()]
    fonts = (run.find(f"{_W}rPr/{_W}rFonts") for run in runs)
    return bool(runs) and all(font is not None and _CODE_FONTS.search(font.get(f"{_W}ascii", "")) for font in fonts)


def _list_of(properties: Any) -> tuple[str, int]:
    number, level = properties.find(f"{_W}numId"), properties.find(f"{_W}ilvl")
    depth = "0" if level is None else level.get(_VALUE, "0")
    return "0" if number is None else number.get(_VALUE, "0"), int(depth) if depth.isdecimal() else 0


def _styles(root: Any) -> dict[str, _Style]:
    """Returns the styles of paragraphs by their ids, each with what it takes from the one that it is based on."""
    elements = {} if root is None else {style.get(f"{_W}styleId"): style for style in root.iterfind(f"{_W}style")}
    styles: dict[str, _Style] = {}

    def made(identifier: str | None, depth: int = 0) -> _Style:
        element = elements.get(identifier)
        if element is None or depth > 20:
            return _Style()
        if identifier not in styles:
            based = element.find(f"{_W}basedOn")
            styles[identifier] = _own_style(element, made(None if based is None else based.get(_VALUE), depth + 1))
        return styles[identifier]

    for identifier, element in elements.items():
        made(identifier)
        if element.get(f"{_W}default") == "1" and element.get(f"{_W}type") == "paragraph":
            styles[""] = styles[identifier]
    return styles


def _own_style(element: Any, based: _Style) -> _Style:
    found = element.find(f"{_W}name")
    name = "" if found is None else found.get(_VALUE, "").lower()
    outline = element.find(f"{_W}pPr/{_W}outlineLvl")
    level = based.level
    if outline is not None:
        level = (int(outline.get(_VALUE)) + 1) % 10 if outline.get(_VALUE, "").isdecimal() else 0
    elif match := _HEADING.fullmatch(name):
        level = int(match[1])
    elif name == "title":
        level = 1
    numbered = element.find(f"{_W}pPr/{_W}numPr")
    here = based.list if numbered is None else _list_of(numbered)
    return _Style(name, level, based.is_code or _CODE.search(name) is not None, here)


def _numbering(root: Any) -> dict[tuple[str, int], str]:
    """Returns the format of each level of each list: "bullet", "decimal", …, "none"."""
    if root is None:
        return {}
    formats: dict[str, dict[int, str]] = {}
    for abstract in root.iterfind(f"{_W}abstractNum"):
        found = {}
        for level in abstract.iterfind(f"{_W}lvl"):
            kind = level.find(f"{_W}numFmt")
            found[int(level.get(f"{_W}ilvl", "0"))] = "decimal" if kind is None else kind.get(_VALUE, "decimal")
        formats[abstract.get(f"{_W}abstractNumId")] = found
    numbering = {}
    for number in root.iterfind(f"{_W}num"):
        link = number.find(f"{_W}abstractNumId")
        for depth, kind in formats.get(None if link is None else link.get(_VALUE), {}).items():
            numbering[number.get(f"{_W}numId"), depth] = kind
    return numbering


def _notes(root: Any) -> dict[str, Any]:
    return {} if root is None else {note.get(f"{_W}id"): note for note in root.iterfind(f"{_W}footnote")}
