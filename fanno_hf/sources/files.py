"""Documents from files: a file, a folder or a glob of jsonl, json, parquet, csv, txt, md, each also as .gz.

notes/moss.txt        ->  ("Mosses have no roots …", "moss.txt")
pages.jsonl, line 12  ->  ("Tides turn turbines …", "pages.jsonl:12")
"""

import glob
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.sources.formats import READERS, kind_of, read_texts
from fanno_hf.texts.fit import clean

_KNOWN = ", ".join(READERS)
_CHECKED = 20  # files whose beginning is read by a check


class FileSource:
    """Reads documents from files, sorted by path, so that the order is the same everywhere.

    Args:
        path: a file, a folder (read with everything below it) or a glob.
        text_column: of the text in tables and JSON objects; found where it is not given.

    Raises:
        UserError: from `documents`, naming the file, and the line or byte, when something cannot be read.
    """

    def __init__(self, path: str, text_column: str | None = None, limit: int | None = None):
        self._path, self._text_column, self._limit = path, text_column, limit

    def about(self) -> dict[str, Any]:
        """Returns how many files there are; their place on this machine is nobody's business."""
        count = len(find_files(self._path, "data.path"))
        return {"name": f"{count} local file{'s'[: count != 1]}"}

    def check(self) -> str:
        """Returns what was found of the files without reading them to their end; raises as `documents` does."""
        return check_files(self._path, "data.path", lambda path, name: read_texts(path, name, self._text_column))

    def documents(self) -> Iterator[tuple[Any, str]]:
        """Yields (text, source); the source is the path below `path` and, in tables, the row's number from 1 on."""
        return islice(file_texts(self._path, "data.path", self._text_column), self._limit)


def check_files(where: str | None, key: str, rows: Callable[[Path, str], Iterator[Any]]) -> str:
    """Reads the beginning of files by `rows`, as `read_texts` or `read_rows` do; of many, of the first ones.

    Returns how many files there are. Raises UserError where there is none, one cannot be read, or lacks its column.
    """
    found = find_files(where, key)
    for path, name in found[:_CHECKED]:
        next(rows(path, name), None)
    looked = "" if len(found) <= _CHECKED else f", the first {_CHECKED} looked into"
    return f"{len(found):,} file{'s'[: len(found) != 1]}{looked}"


def file_texts(where: str | None, key: str, text_column: str | None) -> Iterator[tuple[Any, str]]:
    """Yields (text, source) as `FileSource.documents` does, without a limit."""
    for path, name in find_files(where, key):
        yield from read_texts(path, name, text_column)


def find_files(where: str | None, key: str) -> list[tuple[Path, str]]:
    """Returns the files that can be read, sorted, each with its path below `where`: a file, a folder or a glob.

    Raises UserError with the `key` where there is none.
    """
    if not where:
        raise UserError(f"{key} is missing: give a file, a folder or a glob, as in {key}=notes/")
    path = Path(where).expanduser()
    if path.is_file():
        if kind_of(path) not in READERS:
            raise UserError(f"{key}={path}: files of this kind are not read; known: {_KNOWN} (.gz)")
        return [(path, clean(path.name))]
    if path.is_dir():
        found, root = path.rglob("*"), path
    else:
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
        root = Path(*takewhile(set("*?[").isdisjoint, path.parts[:-1]))  # the folder above the first wildcard
        if not found:
            raise UserError(f"{key}={where}: there is no such file or folder (from {Path.cwd()})")
    files = sorted(
        file
        for file in found
        if file.is_file()
        and kind_of(file) in READERS
        and not any(part.startswith(".") for part in file.relative_to(root).parts)
    )
    if not files:
        raise UserError(f"{key}={where}: no file in it can be read; known: {_KNOWN} (.gz)")
    # a name may have bytes that are no UTF-8; a column of texts may not
    return [(file, clean(file.relative_to(root).as_posix())) for file in files]
