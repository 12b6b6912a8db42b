"""PDF: the text of its pages, by PDFium. What is on a page but no text goes; see `sources/pages.py`.

policy.pdf  ->  Row("# Debian Policy Manual …", title="Debian Policy Manual", places=((0, "page 1"), (2210, "page 2"), …))
"""

import ctypes
import math
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.markdown import first_heading
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.pages.columns import gutter, in_order, is_wide
from fanno_hf.sources.pages.line import Line
from fanno_hf.sources.pages.text import PageText
from fanno_hf.sources.pages.words import SOFT_HYPHEN

_BATCH = 200  # pages that are looked at together
_LONGEST = 250  # letters of a line, from which on it is looked whether it is one
_TURN = 20.0  # points to the left that end a line
_FREE = 0.2  # of the lines, that may stand across a space between columns
_FEW = 8  # lines of a page that tell whether it has columns
_LINE = re.compile(r"[^\r\n\ufffe]+\ufffe?")
_MONOSPACED = re.compile(
    rb"mono|nimbusmon|courier|typewriter|consol|menlo|andale|cousine|(?:cm|sf|ec|lm)tt|source ?code|fira ?code",
    re.IGNORECASE,
)
_BLANK = " \t\xa0\0"
_NO_TITLE = re.compile(
    r"(?i)\s*(?:microsoft \w+ - .*|untitled.*|.*\.(?:docx?|dvi|indd|odt|pdf|ps|qxd|rtf|tex|xlsx?))?\s*"
)


def read_pdf(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the whole text, with the place where each page begins."""
    source = file.plain_path or file.content()
    try:
        document = pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        raise _fault(source, error) from error
    try:
        whole, damaged = PageText(), []
        for start in range(0, len(document), _BATCH):
            numbers = range(start, min(start + _BATCH, len(document)))
            whole.add([_lines(document, number, damaged) for number in numbers])
        text, places = whole.text()
        if text:
            yield Row(text, title=_title(document) or first_heading(text), places=places)
        elif not damaged:
            raise Unreadable("no_text_layer", " has no text layer: it is a scan or pictures; recognise its text first")
        if damaged:
            some = ", ".join(map(str, damaged[:3])) + (", …" if len(damaged) > 3 else "")
            raise Unreadable("damaged", f" has pages that cannot be read: {some}")
    finally:
        document.close()


def _fault(source: Path | bytes, error: pdfium.PdfiumError) -> Unreadable:
    """Returns why a file gives nothing. Of one without pages PDFium's error is that of an earlier file: it is opened again."""
    if isinstance(source, bytes):
        document = raw.FPDF_LoadMemDocument64(source, len(source), None)
    else:
        document = raw.FPDF_LoadDocument(os.fsencode(source), None)
    if document:
        raw.FPDF_CloseDocument(document)
        return Unreadable("no_pages", " has no pages")
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        return Unreadable("encrypted", " is encrypted: remove its password first")
    return Unreadable("damaged", f" is not a readable PDF: {error}")


def _title(document: Any) -> str:
    title = document.get_metadata_value("Title")
    return "" if _NO_TITLE.fullmatch(title) else " ".join(title.split())


def _lines(document: Any, number: int, damaged: list[int]) -> list[Line]:
    """Returns the lines of a page, in the order in which they are read; a page that cannot be read has none and is noted."""
    try:
        page = document[number]
        if document.get_formtype():  # what is filled in becomes part of the page
            raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            page.close()
            page = document[number]
        try:
            textpage = page.get_textpage()
            try:
                return _measured(textpage)
            finally:
                textpage.close()
        finally:
            page.close()
    except pdfium.PdfiumError:
        damaged.append(number + 1)
        return []


def _measured(textpage: Any) -> list[Line]:
    text = textpage.get_text_range()
    measure = _Measure(textpage, len(text))
    lines, starts = [], []
    for match in _LINE.finditer(text):
        words, start = match.group(), match.start()
        if words[-1] == "\ufffe":
            words = words[:-1] + SOFT_HYPHEN
        stripped = words.strip(_BLANK)
        if not stripped:
            continue
        if stripped is not words:
            start += words.index(stripped)
        for piece, begin in [(stripped, start)] if len(stripped) <= _LONGEST else measure.pieces(stripped, start):
            lines.append(measure.line(piece.rstrip(_BLANK), begin))
            starts.append(begin)
    return _in_columns(lines, starts, measure) if len(lines) > _FEW else lines


def _in_columns(lines: list[Line], starts: list[int], measure: "_Measure") -> list[Line]:
    """Returns the lines of a page in the order in which they are read; those that go across two or three columns, in as many."""
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    sizes = lines[len(lines) // 2].size, right - left
    middle = (left + right) / 2
    for places in ((middle,), (left + sizes[1] / 3, right - sizes[1] / 3)):
        gutters = []
        for place in places:
            if (found := _gutter(lines, starts, measure, place, sizes)) is None:
                break
            gutters.append(found)
        else:
            return in_order(list(_parts(lines, starts, measure, gutters, sizes[0])), gutters)
    is_free = sum(line.left < middle < line.right for line in lines) < len(lines) / 3
    return in_order(lines, [middle]) if is_free else lines


def _gutter(
    lines: list[Line], starts: list[int], measure: "_Measure", place: float, sizes: tuple[float, float]
) -> float | None:
    """Returns the middle of the space between columns about there; None where there is none. `sizes`: of a letter and of the page."""
    crossing = [number for number, line in enumerate(lines) if line.left < place < line.right]
    if len(crossing) < len(lines) * _FREE:
        return place
    gaps, narrow = [], 0
    step = max(1, len(crossing) // _FEW)
    for number in crossing[step // 2 : -1 : step]:  # the first and the last may be running lines
        gaps.append(measure.gap(lines[number].text, starts[number], place)[:2])
        narrow += not is_wide(gaps[-1], sizes[0])
        if narrow > 3:  # most pages are not in columns, and this is soon seen
            return None
    return gutter(gaps, *sizes)


def _parts(
    lines: list[Line], starts: list[int], measure: "_Measure", gutters: list[float], size: float
) -> Iterator[Line]:
    """Yields the lines, those that have a wide space where one between columns is in parts."""
    for line, start in zip(lines, starts, strict=True):
        for place in gutters:
            cut = measure.gap(line.text, start, place) if line.left < place < line.right else (0.0, 0.0, 0)
            if is_wide(cut, size):
                yield measure.line(line.text[: cut[2]].rstrip(), start)
                line, start = measure.line(line.text[cut[2] :], start + cut[2]), start + cut[2]
        yield line


class _Measure:
    """Asks PDFium where the letters of a page stand.

    Args:
        textpage: of pypdfium2.
        length: of its text, in which some letters that the page has may be missing.
    """

    def __init__(self, textpage: Any, length: int):
        self._page = textpage.raw
        self._is_same = textpage.count_chars() == length
        self._x, self._y, self._box = ctypes.c_double(), ctypes.c_double(), raw.FS_RECTF()
        self._font, self._flags = ctypes.create_string_buffer(64), ctypes.c_int()

    def line(self, text: str, start: int) -> Line:
        """Returns the line that begins at a place in the text of the page."""
        page = self._page
        middle = start + len(text) // 2  # where neither a list's mark nor that of a footnote stands
        middle += text[middle - start] == " "
        end = start + len(text) - 1
        if not self._is_same:
            start, middle, end = self._index(start), self._index(middle), self._index(end)
        raw.FPDFText_GetCharOrigin(page, start, self._x, self._y)
        raw.FPDFText_GetLooseCharBox(page, end, self._box)
        size = raw.FPDFText_GetFontSize(page, middle)
        is_code = self._is_code(start) and self._is_code(end)
        return Line(text, self._x.value, self._box.right, self._y.value, size, is_code)

    def pieces(self, text: str, start: int) -> Iterator[tuple[str, int]]:
        """Yields what stands between the places where a line turns back, with where it begins: lines that are at half the height
        of those beside them are given as one."""
        begin, last = 0, -math.inf
        for place, letter in enumerate(text):
            if letter != " ":
                left = self._edges(start + place)[0]
                if left < last - _TURN:
                    yield text[begin:place], start + begin
                    begin = place
                last = left
        yield text[begin:], start + begin

    def gap(self, text: str, start: int, middle: float) -> tuple[float, float, int]:
        """Returns where the word before the middle of the page ends, where the one behind begins, and its place in the line."""
        low, high = 0, len(text) - 1
        while low < high:  # the first letter that begins behind the middle, or else the last
            here = (low + high) // 2
            low, high = (low, here) if self._edges(start + here)[0] > middle else (here + 1, high)
        end = low
        while low < len(text) - 1 and text[low] == " ":
            low += 1
        while end > 0 and text[end - 1] == " ":
            end -= 1
        return (self._edges(start + end - 1)[1], self._edges(start + low)[0], low) if end else (0.0, 0.0, 0)

    def _edges(self, place: int) -> tuple[float, float]:
        raw.FPDFText_GetLooseCharBox(self._page, self._index(place), self._box)
        return self._box.left, self._box.right

    def _index(self, place: int) -> int:
        return place if self._is_same else raw.FPDFText_GetCharIndexFromTextIndex(self._page, place)

    def _is_code(self, place: int) -> bool:
        raw.FPDFText_GetFontInfo(self._page, place, self._font, 64, self._flags)
        return _is_monospaced(self._font.value)


@lru_cache(maxsize=1_000)
def _is_monospaced(font: bytes) -> bool:
    return _MONOSPACED.search(font) is not None
