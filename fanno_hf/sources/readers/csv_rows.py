"""Tables as text: CSV and TSV."""

import csv
import re
import sys
from collections.abc import Iterator

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.encoding import decode
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options

# old spreadsheets end a line with \r alone; the end of what is quoted is for the reader to find
_LINE = re.compile(r"[^\r]*\r\n?|[^\r]+")


def read_csv(file: Opened, options: Options) -> Iterator[Row]:
    """Yields each row as an object of its columns, with its number."""
    csv.field_size_limit(sys.maxsize)
    number, record, last = 0, [], []

    def recorded() -> Iterator[str]:
        offset = 0
        for line in file.lines():
            for part in _LINE.findall(decode(line, options.encoding, offset)):
                record.append(part)
                yield part
            offset += len(line)

    reader = csv.DictReader(recorded())
    try:
        for number, row in enumerate(reader, start=1):
            row.pop(None, None)  # what stands beyond the last column
            yield Row(row, str(number))
            last, record = record, []
        if number and _is_open(last):
            raise Unreadable(
                "not_csv", f": the file ends inside a quoted text of row {number}: close or double the quote"
            )
    except csv.Error as error:
        raise Unreadable("not_csv", f", line {reader.line_num} is not CSV: {error}") from error


def _is_open(record: list[str]) -> bool:
    """Whether the lines of a CSV record end inside a quoted text, which only a strict reader minds."""
    try:
        list(csv.reader(record, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False
