"""What is in a file, row after row, whatever its kind; a file of a million rows is never in memory as a whole.

pages.jsonl  ->  (1, {"id": 7, "text": "Mosses have no roots …"}), (2, …)
moss.txt     ->  (None, "Mosses have no roots …")
"""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from fanno_hf.errors import UserError
from fanno_hf.sources.run_files import check_table
from fanno_hf.sources.text_column import find_text_column

Rows = Iterator[tuple[int | None, Any]]

_HEAD = 1_000  # rows that tell which column holds the text
# old spreadsheets end a line with \r alone; the end of what is quoted is for the reader to find
_CSV_LINE = re.compile(r"[^\r]*\r\n?|[^\r]+")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def kind_of(path: Path) -> str:
    """Returns the kind of a file by its name, a final .gz left out: "jsonl"."""
    return Path(path.name.removesuffix(".gz")).suffix.lower().lstrip(".")


def read_rows(path: Path, name: str) -> Iterator[tuple[str, Any]]:
    """Yields ("name:row", its value), rows counted from 1: an object of all its columns, or a string. A text file is one
    row that has only the name.

    Raises:
        UserError: names the file, and the line or byte that cannot be read.
    """
    return _named_rows(path, name, READERS[kind_of(path)](path))


def read_texts(path: Path, name: str, wanted: str | None) -> Iterator[tuple[Any, str]]:
    """Yields (text, "name:row"); a string is a text, an object has it in the file's text column.

    The first thousand objects together tell which column that is; one that lacks it, and any other value, has no text.
    """
    numbered = _parquet_column(path, wanted) if kind_of(path) == "parquet" else READERS[kind_of(path)](path)
    rows = _named_rows(path, name, numbered)
    head = list(islice(rows, _HEAD))
    columns: dict[str, bool] = {}
    for _, row in head:
        if isinstance(row, dict):
            columns.update({key: columns.get(key, False) or isinstance(value, str) for key, value in row.items()})
    column = find_text_column(columns, wanted, str(path)) if columns else None
    for place, row in chain(head, rows):
        text = row.get(column) if isinstance(row, dict) else row
        yield text, place


def _named_rows(path: Path, name: str, rows: Rows) -> Iterator[tuple[str, Any]]:
    try:
        for number, row in rows:
            yield name if number is None else f"{name}:{number}", row
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.endswith(".gz") else open(path, "rb")


def _decode(path: Path, data: bytes, offset: int = 0) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8: byte {offset + error.start} is 0x{data[error.start]:02x}; convert it first "
            "(for example: iconv -f latin1 -t utf-8)"
        ) from error


def _read_whole(path: Path) -> str:
    with _open(path) as file:
        data = file.read()
    return _decode(path, data.removeprefix(_BYTE_ORDER_MARK))


def _lines(path: Path) -> Iterator[str]:
    """Yields the lines with their ends; only a newline ends one."""
    offset = 0
    with _open(path) as file:
        for number, line in enumerate(file):
            yield _decode(path, line if number else line.removeprefix(_BYTE_ORDER_MARK), offset)
            offset += len(line)


def _read_text(path: Path) -> Rows:
    yield None, _read_whole(path)


def _read_json_lines(path: Path) -> Rows:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            yield number, _parse(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number} {_fault(error)}") from error


def _read_json(path: Path) -> Rows:
    content = _read_whole(path)
    try:
        rows = _parse(content)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and "\n" in content.strip():
            yield from _read_json_lines(path)
            return
        raise UserError(f"{path} {_fault(error)}") from error
    yield from enumerate(rows if isinstance(rows, list) else [rows], start=1)


def _parse(text: str) -> Any:
    """Returns the value of a JSON text; raises ValueError, in words: it is none, or one that cannot be read."""
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError as error:
        raise ValueError("has brackets that are nested too deep") from error


def _whole_number(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:  # Python's own words name a function that nobody here can call
        raise ValueError(
            f"has a number of {len(digits.lstrip('-')):,} digits: shorten it, or put it in quotes"
        ) from error


def _fault(error: ValueError) -> str:
    return f"is not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)


def _read_csv(path: Path) -> Rows:
    csv.field_size_limit(sys.maxsize)
    number, record = 0, []

    def recorded() -> Iterator[str]:
        for line in _lines(path):
            for part in _CSV_LINE.findall(line):
                record.append(part)
                yield part

    reader = csv.DictReader(recorded())
    try:
        for number, row in enumerate(reader, start=1):
            row.pop(None, None)  # what stands beyond the last column
            yield number, row
            last, record = record, []
        if number and _is_open(last):
            raise UserError(f"{path}: the file ends inside a quoted text of row {number}: close or double the quote")
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num} is not CSV: {error}") from error


def _is_open(record: list[str]) -> bool:
    """Whether the lines of a CSV record end inside a quoted text, which only a strict reader minds."""
    try:
        list(csv.reader(record, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _read_parquet(path: Path, choose: Callable[[pa.Schema], list[str] | None] = lambda schema: None) -> Rows:
    check_table(path)
    try:
        packed = path.name.endswith(".gz")
        with pq.ParquetFile(io.BytesIO(gzip.decompress(path.read_bytes())) if packed else path) as file:
            batches = file.iter_batches(_HEAD, columns=choose(file.schema_arrow))
            yield from enumerate(chain.from_iterable(map(_values, batches)), start=1)
    # the last five are what Python makes of values that no date or time has, and of a damaged head
    except (pa.ArrowException, ValueError, OverflowError, LookupError, TypeError, SystemError) as error:
        raise UserError(f"{path} is not a readable parquet file: {' '.join(str(error).split())[:300]}") from error


def _values(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    batch.validate(full=True)  # else a damaged place of a text is read as if it were one
    return batch.to_pylist()


def _parquet_column(path: Path, wanted: str | None) -> Rows:
    """Reads the text column alone, as strings."""
    column = ""

    def choose(schema: pa.Schema) -> list[str]:
        nonlocal column
        column = find_text_column({field.name: _is_text(field.type) for field in schema}, wanted, str(path))
        return [column]

    return ((number, row[column]) for number, row in _read_parquet(path, choose))


def _is_text(type_: pa.DataType) -> bool:
    """Whether a column holds strings, those of a categorical column included."""
    type_ = type_.value_type if pa.types.is_dictionary(type_) else type_
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)


READERS: dict[str, Callable[[Path], Rows]] = {
    "jsonl": _read_json_lines,
    "ndjson": _read_json_lines,
    "json": _read_json,
    "parquet": _read_parquet,
    "csv": _read_csv,
    "txt": _read_text,
    "md": _read_text,
}
"""Kind of file -> what reads it."""
