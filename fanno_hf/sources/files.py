"""Documents from files: a file, a folder or a glob of jsonl, json, parquet, csv, txt, md, each also as .gz.

notes/moss.txt        ->  ("Mosses have no roots …", "moss.txt")
pages.jsonl, line 12  ->  ("Tides turn turbines …", "pages.jsonl:12")
"""

import glob
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.sources.formats import READERS, kind_of, read_texts

Documents = Iterator[tuple[Any, str]]
_KNOWN = ", ".join(READERS)


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
        count = len(find_files(self._path, "data.path")[1])
        return {"name": f"{count} local file{'s'[: count != 1]}"}

    def documents(self) -> Documents:
        """Yields (text, source); the source is the path below `path` and, in tables, the row's number from 1 on."""
        return islice(self._all(), self._limit)

    def _all(self) -> Documents:
        root, paths = find_files(self._path, "data.path")
        for path in paths:
            yield from read_texts(path, path.relative_to(root).as_posix(), self._text_column)


def find_files(where: str | None, key: str) -> tuple[Path, list[Path]]:
    """Returns the folder that names are relative to, and the files that can be read, sorted; `where` is a file, folder or glob.

    Raises UserError with the `key` where there is none.
    """
    if not where:
        raise UserError(f"{key} is missing: give a file, a folder or a glob, as in {key}=notes/")
    path = Path(where).expanduser()
    if path.is_file():
        if kind_of(path) not in READERS:
            raise UserError(f"{key}={path}: files of this kind are not read; known: {_KNOWN} (.gz)")
        return path.parent, [path]
    if path.is_dir():
        found, root = path.rglob("*"), path
    else:
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
        root = _fixed_part(path)
        if not found:
            raise UserError(f"{key}={where}: there is no such file or folder (from {Path.cwd()})")
    files = sorted(
        file
        for file in found
        if file.is_file()
        and kind_of(file) in READERS
        and not any(p.startswith(".") for p in file.relative_to(root).parts)
    )
    if not files:
        raise UserError(f"{key}={where}: no file in it can be read; known: {_KNOWN} (.gz)")
    return root, files


def _fixed_part(pattern: Path) -> Path:
    """The folder above the first wildcard of a glob."""
    parts = []
    for part in pattern.parts[:-1]:
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()
