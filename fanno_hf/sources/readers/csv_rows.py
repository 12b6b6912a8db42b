"""Tables as text: CSV and TSV, whatever stands between their fields."""

import csv
from collections.abc import Iterator

from fanno_hf.sources.dialect import Dialect, doubled, find_dialect
from fanno_hf.sources.document import Row, Said, Unreadable
from fanno_hf.sources.encoding import open_text
from fanno_hf.sources.kinds import LOOKED_AT, kind_by_content
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.texts.fit import fit_to_show

_HEAD = 1 << 17  # characters that tell how a table is written


def read_csv(file: Opened, options: Options) -> Iterator[Row | Said]:
    """Yields how the table is written, then each row as an object of its columns, with its number.

    Raises Unreadable where a row has another number of fields than the first, or a quotation mark is not closed.
    """
    with open_text(file, options.encoding, file.limit) as text:
        head = text.read(_HEAD)
        if (kind := kind_by_content(head.encode()[:LOOKED_AT])) in ("json", "jsonl"):
            raise Unreadable("not_csv", f" is no table: it begins as a .{kind} file does: give it that extension")
        dialect = find_dialect(head, len(head) < _HEAD, options.text_column)
    if dialect is None:
        return
    yield Said(file.name, f"{dialect.shown}{'' if dialect.has_header else ', no header'}")
    with open_text(file, options.encoding, file.limit) as text:
        text.read(dialect.skipped)
        lines = map(doubled, text) if dialect.is_escaped else text
        yield from _rows(csv.reader(lines, **dialect.format), dialect, file.limit)


def _rows(reader: Iterator[list[str]], dialect: Dialect, limit: int) -> Iterator[Row]:
    csv.field_size_limit(limit)
    names, width, number = dialect.names, len(dialect.names), -1 if dialect.has_header else 0
    try:
        for fields in reader:
            if len(fields) != width:
                if not any(map(str.strip, fields)):
                    continue
                raise _uneven(number + 1, fields, dialect)
            number += 1
            if number:
                yield Row(dict(zip(names, fields, strict=True)), str(number))
    except csv.Error as error:
        raise _fault(error, number + 1, dialect, limit) from error


def _uneven(number: int, fields: list[str], dialect: Dialect) -> Unreadable:
    return Unreadable(
        "not_csv",
        f", row {number} has {len(fields)} field{'s'[: len(fields) != 1]}, the {'header' if dialect.has_header else 'first row'} "
        f"has {len(dialect.names)} ({dialect.shown}): quote what holds a delimiter, or mend the row; it begins "
        f"{fit_to_show(fields[0], limit=60)!r}",
    )


def _fault(error: csv.Error, number: int, dialect: Dialect, limit: int) -> Unreadable:
    said = str(error)
    if "unexpected end" in said:
        return Unreadable(
            "not_csv", f": the file ends inside a quoted text of row {number}: close or double the quote"
        )
    if "field limit" in said:
        return Unreadable(
            "too_large",
            f", row {number} has a field of more than data.max_file_size={limit:,} bytes: raise it, or close its quote",
        )
    if "expected after" in said:
        return Unreadable(
            "not_csv",
            f", row {number} goes on behind a closing quotation mark ({dialect.shown}): double those within a text",
        )
    return Unreadable("not_csv", f", row {number} is not CSV: {said}")
