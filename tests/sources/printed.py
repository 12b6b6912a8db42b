"""Known documents as PDF."""

from pathlib import Path

from tests.sources.known import Code, Heading, Items, Part, Text

_LEFT, _TOP, _BOTTOM = 20.0, 25.0, 270.0  # millimetres


class _Printer:
    """Sets lines in columns, with running heads and page numbers, as a printer does."""

    def __init__(self, columns: int, head: str):
        from fpdf import FPDF

        self.pdf = FPDF(format="A4")
        self.pdf.set_auto_page_break(False)
        self._columns, self._head = columns, head
        self._width = (170.0 - 10.0 * (columns - 1)) / columns
        self._column, self._y = columns - 1, _BOTTOM
        self._rows: list[list[tuple[float, str, tuple]]] = []

    def paragraph(self, text: str, font: tuple = ("Times", "", 10), indent: float = 0.0, mark: str = "") -> None:
        """Sets a text, broken into lines; long words are cut at hyphens."""
        self.pdf.set_font(*font)
        lines, line = [], ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if self.pdf.get_string_width(longer) <= self._width - indent - 2:
                line = longer
                continue
            half = len(word) // 2
            if len(word) >= 8 and self.pdf.get_string_width(f"{line} {word[:half]}-") <= self._width - indent - 2:
                lines.append(f"{line} {word[:half]}-")
                line = word[half:]
            else:
                lines.append(line)
                line = word
        for number, each in enumerate([*lines, line]):
            self.line(each, font, indent, mark if number == 0 else "")
        self._y += 2.5

    def line(self, text: str, font: tuple, indent: float = 0.0, mark: str = "") -> None:
        """Sets one line as it is."""
        if self._y + 5 > _BOTTOM:
            self._next_column()
        self.pdf.set_font(*font)
        x = _LEFT + self._column * (self._width + 10)
        self.pdf.text(x + indent, self._y, text)
        if mark:
            self.pdf.text(x, self._y, mark)
        self._y += 0.5 * font[2]

    def _next_column(self) -> None:
        self._column = (self._column + 1) % self._columns
        self._y = _TOP
        if self._column == 0:
            self.pdf.add_page()
            self.pdf.set_font("Times", "I", 9)
            number = self.pdf.page_no()
            self.pdf.text(_LEFT, 12, f"{self._head}, volume {number}")
            self.pdf.text(105, 287, str(number))


def write_pdf(path: Path, parts: list[Part], columns: int = 1, **metadata: str) -> None:
    """Writes a PDF; a table is set as lines."""
    printer = _Printer(columns, "Proceedings on mosses")
    for part in parts:
        if isinstance(part, Heading):
            printer.paragraph(part.text, ("Helvetica", "B", 18 - 3 * part.level))
        elif isinstance(part, Text):
            printer.paragraph(part.text)
        elif isinstance(part, Items):
            for number, item in enumerate(part.items, start=1):
                printer.paragraph(item, indent=6, mark=f"{number}." if part.is_numbered else "\x95")
        else:
            is_code = isinstance(part, Code)
            for line in part.lines if is_code else (" ".join(row) for row in part.rows):
                indent = len(line) - len(line.lstrip())
                if line.strip():
                    printer.line(line.strip(), ("Courier" if is_code else "Times", "", 9), indent=1.9 * indent)
            printer.paragraph("")
    printer.pdf.set_title(metadata.get("title", "Mosses and ferns"))
    printer.pdf.output(str(path))
