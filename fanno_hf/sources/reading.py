"""From one file to its documents, whatever its kind and wherever it lies.

notes/moss.txt           ->  Document("Mosses have no roots …", "notes/moss.txt")
pages.jsonl              ->  Document(…, "pages.jsonl:1"), Document(…, "pages.jsonl:2"), …
manuals.zip              ->  Document(…, "manuals.zip/policy.html"), Unread("manuals.zip/cover.png", "kind", ".png"), …
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError, needs_extra
from fanno_hf.sources.document import KIND, Document, Row, Said, Unread, Unreadable
from fanno_hf.sources.kinds import KINDS, LOOKED_AT, kind_by_content, kind_of, packing_by_content
from fanno_hf.sources.opened import Opened, readable
from fanno_hf.sources.options import Options
from fanno_hf.sources.records import Records, find_records
from fanno_hf.sources.text_column import find_text_column
from fanno_hf.texts.fit import clean

_HEAD, _HEAD_CHARACTERS = 1_000, 16 << 20  # rows, and characters in them, that tell which column holds the text
_DEEPEST = 12  # lists and objects in one another
_DEPTH = 3  # archives within archives


def open_file(path: Path, name: str, options: Options) -> Opened:
    """Returns a file on disk, of the kind that its name or its first bytes tell. Raises Unreadable where it cannot be opened."""
    kind, packing = kind_of(path.name)
    with readable():
        size = path.stat().st_size
        if not kind and not packing:
            with open(path, "rb") as file:
                packing = packing_by_content(file.read(LOOKED_AT))
    if not size and kind in KINDS and KINDS[kind].is_parsed:
        raise Unreadable("empty", " is empty")
    return _with_kind(Opened(name, lambda: open(path, "rb"), kind, packing, size, options.max_file_size, path))


def _with_kind(file: Opened) -> Opened:
    if not file.kind:
        with file.stream() as opened:
            file.kind = kind_by_content(opened.read(LOOKED_AT))
    return file


def is_read(file: Opened) -> bool:
    """Whether there is a reader for it."""
    return file.kind in KINDS


def unknown(file: Opened) -> Unread:
    """Returns what is said of a file for which there is none."""
    return Unread(file.name, KIND, f".{file.kind}" if file.kind else "of unknown kind")


def leaves(file: Opened, options: Options, depth: int = 0) -> Iterator[Opened | Unread]:
    """Yields the file, or, of an archive, the files in it, those of archives within it too; and what is none that is read."""
    if not is_read(file):
        yield unknown(file)
    elif not KINDS[file.kind].is_container:
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


def rows_of(file: Opened, options: Options) -> Iterator[Row | Said]:
    """Yields what is in a file that is no archive, and what is to be said of it. Raises Unreadable, also later."""
    with readable():
        yield from load(file)(file, options)


def documents_of(file: Opened, options: Options) -> Iterator[Document | Unread | Said]:
    """Yields the documents of a file that is no archive; the last item may say why there are no more.

    A string is a text; an object has it in the file's text column, which the first objects together tell.
    """
    try:
        rows = rows_of(file, options)
        head, said, fault = _head(rows)
        texts = _texts(head, options)
        if texts is not None:
            said.append(texts.words())
            if KINDS[file.kind].is_columnar:
                head, rows = [], rows_of(file, replace(options, columns=(str(texts.column.path[0]),)))
        if said:
            yield Said(file.name, ", ".join(said))
        yield from _documents(chain(head, rows), texts, file.name)
        if fault:
            raise fault
    except Unreadable as error:
        yield Unread(file.name, error.reason, error.detail)


def _head(rows: Iterator[Row | Said]) -> tuple[list[Row], list[str], Unreadable | None]:
    """Returns the first rows, what the reader says of the file, and why there are no more rows, if it is a fault.

    Raises Unreadable where there is nothing in any.
    """
    head, said, characters = [], [], 0
    try:
        for row in rows:
            if isinstance(row, Said):
                said.append(row.words)
                continue
            head.append(row)
            characters += _length(row.value)
            if len(head) == _HEAD or characters > _HEAD_CHARACTERS:
                break
    except Unreadable as error:
        if all(row.value is None for row in head):
            raise
        return head, said, error
    return head, said, None


def _length(value: Any, depth: int = 0) -> int:
    """Returns about how many characters are in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict | list) and depth < _DEEPEST:
        return sum(_length(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value))
    return 1


def _texts(head: list[Row], options: Options) -> Records | None:
    """Returns where the texts are in rows that are objects; None where they are texts themselves."""
    values = [row.value for row in head if isinstance(row.value, dict | list)]
    if not values:
        if head and not any(isinstance(row.value, str) for row in head):
            raise Unreadable("no_text", f" has no text: its first value is {str(head[0].value)[:40]}")
        return None
    try:
        if len(head) == 1 and not head[0].place:
            return find_records(values[0], options.text_column, options.join)
        return Records((), find_text_column(values, options.text_column, options.join))
    except UserError as error:
        raise Unreadable("no_text_column", str(error)) from error


def _documents(rows: Iterable[Row], texts: Records | None, name: str) -> Iterator[Document]:
    for row in rows:
        if isinstance(row.value, str) or texts is None:
            yield _document(row.value, name, row.place, row)
        elif not texts.path:
            yield _document(texts.column.text(row.value), name, row.place, row)
        else:
            for number, text in enumerate(texts.texts(row.value), start=1):
                yield _document(text, name, str(number), row)


def _document(text: Any, name: str, place: str, row: Row) -> Document:
    source = f"{name}:{place}" if place else name
    return Document(clean(text) if isinstance(text, str) else None, source, row.title and clean(row.title), row.places)
