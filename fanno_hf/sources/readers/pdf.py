"""PDF: the text of its pages, by PDFium. What is on a page but no text goes; see `sources/pages.py`.

policy.pdf  ->  Row("# Debian Policy Manual …", title="Debian Policy Manual", places=((0, "page 1"), (2210, "page 2"), …))
"""

import ctypes
import re
from collections.abc import Iterator
from typing import Any

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.pages.line import Line
from fanno_hf.sources.pages.text import PageText

_BATCH = 200  # pages that are looked at together
_LINE = re.compile(r"[^\r\n\ufffe]+\ufffe?")
_MONOSPACED = re.compile(rb"mono|courier|typewriter|consol|menlo|inconsolata|cmtt|\bcode", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"(?i)\s*(?:microsoft \w+ - .*|untitled.*|.*\.(?:docx?|dvi|indd|odt|pdf|ps|qxd|rtf|tex|xlsx?))?\s*"
)


def read_pdf(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the whole text, with the place where each page begins."""
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(file.plain_path or file.content())
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("encrypted", " is encrypted: remove its password first") from error
        raise Unreadable("damaged", f" is not a readable PDF: {error}") from error
    try:
        whole, damaged = PageText(), []
        for start in range(0, len(document), _BATCH):
            numbers = range(start, min(start + _BATCH, len(document)))
            whole.add([_lines(document, number, damaged) for number in numbers])
        text, places = whole.text()
        if text:
            yield Row(text, title=_title(document), places=places)
        elif not damaged:
            raise Unreadable("no_text_layer", " has no text layer: it is a scan or pictures; recognise its text first")
        if damaged:
            some = ", ".join(map(str, damaged[:3])) + (", …" if len(damaged) > 3 else "")
            raise Unreadable("damaged", f" has pages that cannot be read: {some}")
    finally:
        document.close()


def _title(document: Any) -> str:
    title = document.get_metadata_value("Title")
    return "" if _NO_TITLE.fullmatch(title) else " ".join(title.split())


def _lines(document: Any, number: int, damaged: list[int]) -> list[Line]:
    """Returns the lines of a page, in the order in which they are read; a page that cannot be read has none and is noted."""
    import pypdfium2 as pdfium

    try:
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
    measure = _Measure(textpage.raw)
    lines = []
    for match in _LINE.finditer(text):
        words = match.group().replace("\ufffe", "\u00ad").strip(" \t\xa0\0")
        if words:
            start = match.start() + match.group().index(words[0])
            lines.append(measure.line(words, start, start + len(words) - 1))
    return lines


class _Measure:
    """Asks PDFium where letters stand."""

    def __init__(self, textpage: Any):
        import pypdfium2.raw as raw

        self._raw, self._page = raw, textpage
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._box = [ctypes.c_double() for _ in range(4)]
        self._font, self._flags = ctypes.create_string_buffer(64), ctypes.c_int()

    def line(self, text: str, start: int, end: int) -> Line:
        """Returns the line between two places in the text of the page."""
        raw, page = self._raw, self._page
        start, end = (raw.FPDFText_GetCharIndexFromTextIndex(page, place) for place in (start, end))
        raw.FPDFText_GetCharOrigin(page, start, self._x, self._y)
        raw.FPDFText_GetCharBox(page, end, *self._box)
        is_code = self._is_code(start) and self._is_code(end)
        size = raw.FPDFText_GetFontSize(page, start)
        return Line(text, self._x.value, self._box[1].value, self._y.value, size, is_code)

    def _is_code(self, place: int) -> bool:
        self._raw.FPDFText_GetFontInfo(self._page, place, self._font, 64, self._flags)
        return _MONOSPACED.search(self._font.value) is not None
