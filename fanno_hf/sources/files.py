"""Documents from files: a file, a folder or a glob of jsonl, json, parquet, csv, txt, md, each also as .gz.

notes/moss.txt        ->  ("Mosses have no roots …", "moss.txt")
pages.jsonl, line 12  ->  ("Tides turn turbines …", "pages.jsonl:12")
"""

import csv
import glob
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fanno_hf.errors import UserError
from fanno_hf.sources.text_column import find_text_column

Documents = Iterator[tuple[Any, str]]


class FileSource:
    """Reads documents from files, sorted by path, so that the order is the same everywhere.

    Args:
        path: a file, a folder (read with everything below it) or a glob.
        text_column: of the text in tables and JSON objects; found where it is not given.
        limit: at most this many documents; None for all.

    Raises:
        UserError: from `documents`, naming the file, and the line or byte, when something cannot be read.
    """

    def __init__(self, path: str, text_column: str | None = None, limit: int | None = None):
        self._path, self._text_column, self._limit = path, text_column, limit

    def documents(self) -> Documents:
        """Yields (text, source); the source is the path below `path` and, in tables, the row's number from 1 on."""
        return islice(self._all(), self._limit)

    def _all(self) -> Documents:
        root, paths = self._find()
        for path in paths:
            name = path.relative_to(root).as_posix()
            try:
                yield from _READERS[_kind(path)](path, name, self._text_column)
            except (OSError, EOFError, zlib.error) as error:
                raise UserError(f"{path} cannot be read: {error}") from error

    def _find(self) -> tuple[Path, list[Path]]:
        if not self._path:
            raise UserError("data.path is missing: give a file, a folder or a glob, as in data.path=notes/")
        path = Path(self._path).expanduser()
        if path.is_file():
            if _kind(path) not in _READERS:
                raise UserError(
                    f"data.path={path}: files of this kind are not read; known: {', '.join(_READERS)} (.gz)"
                )
            return path.parent, [path]
        if path.is_dir():
            found, root = path.rglob("*"), path
        else:
            found = [Path(name) for name in glob.glob(str(path), recursive=True)]
            root = _fixed_part(path)
            if not found:
                raise UserError(f"data.path={self._path}: there is no such file or folder (from {Path.cwd()})")
        files = sorted(
            file
            for file in found
            if file.is_file()
            and _kind(file) in _READERS
            and not any(p.startswith(".") for p in file.relative_to(root).parts)
        )
        if not files:
            raise UserError(f"data.path={self._path}: no file in it can be read; known: {', '.join(_READERS)} (.gz)")
        return root, files


def _fixed_part(pattern: Path) -> Path:
    """The folder above the first wildcard of a glob."""
    parts = []
    for part in pattern.parts[:-1]:
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()


def _kind(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower().lstrip(".")


def _unpack(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()


def _decode(path: Path) -> str:
    """Returns the file's text, unpacked if it ends in .gz.

    Raises:
        UserError: it is not UTF-8; names the byte.
    """
    data = _unpack(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}; convert it first "
            "(for example: iconv -f latin1 -t utf-8)"
        ) from error


def _read_text(path: Path, name: str, text_column: str | None) -> Documents:
    yield _decode(path), name


def _read_json_lines(path: Path, name: str, text_column: str | None) -> Documents:
    rows = []
    for number, line in enumerate(_decode(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number} is not JSON: {error}") from error
    yield from _texts_of(rows, path, name, text_column)


def _read_json(path: Path, name: str, text_column: str | None) -> Documents:
    content = _decode(path)
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        if "\n" in content.strip():
            yield from _read_json_lines(path, name, text_column)
            return
        raise UserError(f"{path} is not JSON: {error}") from error
    rows = rows if isinstance(rows, list) else [rows]
    yield from _texts_of(list(enumerate(rows, start=1)), path, name, text_column)


def _texts_of(rows: list[tuple[int, Any]], path: Path, name: str, text_column: str | None) -> Documents:
    """Yields the texts of numbered JSON values: a string is one, an object has it in the file's text column.

    All objects of a file together tell which column that is; one that lacks it, and any other value, has no text.
    """
    columns: dict[str, bool] = {}
    for _, row in rows:
        if isinstance(row, dict):
            columns.update({key: columns.get(key, False) or isinstance(value, str) for key, value in row.items()})
    column = find_text_column(columns, text_column, str(path)) if columns else None
    for number, row in rows:
        yield row.get(column) if isinstance(row, dict) else row, f"{name}:{number}"


def _read_csv(path: Path, name: str, text_column: str | None) -> Documents:
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader(io.StringIO(_decode(path), newline=""))
    try:
        column = find_text_column(dict.fromkeys(reader.fieldnames or [], True), text_column, str(path))
        for number, row in enumerate(reader, start=1):
            yield row[column], f"{name}:{number}"
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num} is not CSV: {error}") from error


def _read_parquet(path: Path, name: str, text_column: str | None) -> Documents:
    try:
        with pq.ParquetFile(io.BytesIO(_unpack(path)) if path.name.endswith(".gz") else path) as file:
            strings = {
                field.name: pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
                for field in file.schema_arrow
            }
            column = find_text_column(strings, text_column, str(path))
            number = 0
            for batch in file.iter_batches(columns=[column]):
                for text in batch.column(0).to_pylist():
                    number += 1
                    yield text, f"{name}:{number}"
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a readable parquet file: {error}") from error


_READERS: dict[str, Callable[[Path, str, str | None], Documents]] = {
    "jsonl": _read_json_lines,
    "ndjson": _read_json_lines,
    "json": _read_json,
    "parquet": _read_parquet,
    "csv": _read_csv,
    "txt": _read_text,
    "md": _read_text,
}
