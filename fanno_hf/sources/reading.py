"""From one file to its documents, whatever its kind and wherever it lies.

notes/moss.txt           ->  Document("Mosses have no roots …", "notes/moss.txt")
pages.jsonl              ->  Document(…, "pages.jsonl:1"), Document(…, "pages.jsonl:2"), …
manuals.zip              ->  Document(…, "manuals.zip/policy.html"), Unread("manuals.zip/cover.png", "kind", ".png"), …
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError, needs_extra
from fanno_hf.sources.document import KIND, Document, Row, Unread, Unreadable
from fanno_hf.sources.kinds import KINDS, LOOKED_AT, kind_by_content, kind_of, packing_by_content
from fanno_hf.sources.opened import Opened, readable
from fanno_hf.sources.options import Options
from fanno_hf.sources.text_column import find_text_column
from fanno_hf.texts.fit import clean

_HEAD = 1_000  # rows that tell which column holds the text
_DEPTH = 3  # archives within archives


@dataclass(frozen=True, slots=True)
class Column:
    """Which column of a table holds the text."""

    file: str
    name: str


def open_file(path: Path, name: str, options: Options) -> Opened:
    """Returns a file on disk, of the kind that its name or its first bytes tell. Raises Unreadable where it cannot be opened."""
    kind, packing = kind_of(path.name)
    with readable():
        size = path.stat().st_size
        if not kind and not packing:
            with open(path, "rb") as file:
                packing = packing_by_content(file.read(LOOKED_AT))
    return _with_kind(Opened(name, lambda: open(path, "rb"), kind, packing, size, options.max_file_size, path))


def _with_kind(file: Opened) -> Opened:
    if not file.kind:
        with file.stream() as opened:
            file.kind = kind_by_content(opened.read(LOOKED_AT))
    return file


def leaves(file: Opened, options: Options, depth: int = 0) -> Iterator[Opened | Unread]:
    """Yields the file, or, of an archive, the files in it, those of archives within it too; and what is none that is read."""
    kind = KINDS.get(file.kind)
    if kind is None:
        yield Unread(file.name, KIND, f".{file.kind}")
    elif not kind.is_container:
        yield file
    elif depth == _DEPTH:
        yield Unread(file.name, "too_deep", f": archives within archives are read {_DEPTH} deep")
    else:
        try:
            for member in load(file)(file, options):
                if isinstance(member, Unread):
                    yield member
                else:
                    yield from leaves(_with_kind(member), options, depth + 1)
        except Unreadable as error:
            yield Unread(file.name, error.reason, error.detail)


def load(file: Opened) -> Any:
    """Returns the reader of a file. Raises UserError, with the command, where its package is not installed."""
    kind = KINDS[file.kind]
    try:
        return kind.load()
    except ModuleNotFoundError as error:
        if not kind.package:
            raise
        raise needs_extra(f"reading {file.name}", error.name or kind.package, "documents") from error


def rows_of(file: Opened, options: Options) -> Iterator[Row]:
    """Yields what is in a file that is no archive. Raises Unreadable, also later."""
    with readable():
        yield from load(file)(file, options)


def documents_of(file: Opened, options: Options) -> Iterator[Document | Unread | Column]:
    """Yields the documents of a file that is no archive; the last item may say why there are no more.

    A string is a text; an object has it in the file's text column. The first thousand objects together tell which that is.
    """
    try:
        rows = rows_of(file, options)
        head = list(islice(rows, _HEAD))
        if (column := _column(head, options, file)) is not None:
            yield Column(file.name, column)
        for row in chain(head, rows):
            text = row.value.get(column) if isinstance(row.value, dict) else row.value
            source = f"{file.name}:{row.place}" if row.place else file.name
            yield Document(clean(text) if isinstance(text, str) else None, source, clean(row.title), row.places)
    except Unreadable as error:
        yield Unread(file.name, error.reason, error.detail)


def _column(head: list[Row], options: Options, file: Opened) -> str | None:
    columns: dict[str, bool] = {}
    for row in head:
        if isinstance(row.value, dict):
            columns.update(
                {key: columns.get(key, False) or isinstance(value, str) for key, value in row.value.items()}
            )
    if not columns:
        return None
    try:
        return find_text_column(columns, options.text_column, "")
    except UserError as error:
        raise Unreadable("no_text_column", str(error)) from error
