"""Documents from files: a file, a folder or a glob of anything that sources/kinds.py lists, each also packed.

notes/moss.txt        ->  Document("Mosses have no roots …", "moss.txt")
pages.jsonl, line 12  ->  Document("Tides turn turbines …", "pages.jsonl:12")
manual.pdf            ->  Document("1. About …", "manual.pdf", "The manual", ((0, "page 1"), (2210, "page 2")))
"""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

from fanno_hf.cores import process_count
from fanno_hf.errors import UserError
from fanno_hf.sources.children import Children
from fanno_hf.sources.document import HIDDEN, KIND, Document, Said, Unread, Unreadable
from fanno_hf.sources.encoding import check_encoding
from fanno_hf.sources.finding import Found, counted, find_files
from fanno_hf.sources.json_path import parse_path
from fanno_hf.sources.kinds import KINDS, KNOWN
from fanno_hf.sources.options import Options
from fanno_hf.sources.reading import is_read, open_file, rows_of, unknown
from fanno_hf.sources.text_column import joiner

logger = logging.getLogger(__name__)

_CHECKED = 20  # files whose beginning is read by a check
_NAMED = 3  # files that a line of the log names


class FileSource:
    """Reads documents from files, sorted by path, so that the order is the same everywhere.

    Args:
        path: a file, a folder (read with everything below it) or a glob.
        text_column: of the text in tables and JSON objects; None finds it.
        limit: documents at most.
        unread: "report" goes on where a file of several gives no text, "stop" raises.
        processes: that parse at a time; None takes the cores there are.
        key: of the configuration that names the path, for messages.
        options: see `Options`.

    Attributes:
        unread: after `documents`, the files that gave no text.

    Raises:
        UserError: from `documents`, naming the file, and the line or byte, where the only file, or no file, can be read.
    """

    def __init__(
        self,
        path: str,
        text_column: str | None = None,
        *,
        limit: int | None = None,
        unread: str = "report",
        processes: int | None = None,
        key: str = "data.path",
        **options: Any,
    ):
        self._path, self._limit, self._stops, self._key = path, limit, unread == "stop", key
        options["join"] = joiner(options.get("join"))
        self._processes, self._options = process_count(processes), Options(text_column, **options)
        check_encoding(self._options.encoding)
        parse_path(self._options.records or "", "data.records")
        self.unread: list[Unread] = []

    def about(self) -> dict[str, Any]:
        """Returns how many files there are; their place on this machine is nobody's business."""
        count = len(self._found().files)
        return {"name": f"{count} local file{'s'[: count != 1]}"}

    def check(self, *, rows: bool = False) -> str:
        """Returns what was found of the files without reading all of them; raises as `documents` does, or, with `rows`, as those."""
        found = self._found()
        for file in found.files[:_CHECKED]:
            one = Found([file], is_alone=len(found.files) == 1)
            next(self._rows(one) if rows else self._read(one), None)
        looked = "" if len(found.files) <= _CHECKED else f", the first {_CHECKED} looked into"
        others = f"; left out: {counted(found.left_out)}" if found.left_out else ""
        return f"{_count(len(found.files), 'file')}{looked}{others}"

    def documents(self) -> Iterator[Document]:
        """Yields the documents; the source is the path below `path` and, in tables, the row's number from 1 on."""
        return islice(self._read(self._found()), self._limit)

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Yields ("name:row", its value): an object of all columns, or a string.

        Raises UserError, naming the file, where one cannot be read.
        """
        return self._rows(self._found())

    def _rows(self, found: Found) -> Iterator[tuple[str, Any]]:
        for path, name in found.files:
            try:
                file = open_file(path, name, self._options)
                if not is_read(file):
                    raise UserError(self._sentence(unknown(file), found))
                if KINDS[file.kind].is_parsed:
                    documents = self._read(Found([(path, name)], is_alone=True))
                    yield from ((document.source, document.text) for document in documents)
                    continue
                for row in rows_of(file, self._options):
                    if not isinstance(row, Said):
                        yield f"{name}:{row.place}" if row.place else name, row.value
            except Unreadable as error:
                raise UserError(f"{path}{error.detail}") from error

    def _found(self) -> Found:
        return find_files(self._path, self._key)

    def _read(self, found: Found) -> Iterator[Document]:
        self.unread, given = [], 0
        ways: set[str] = set()  # in which files are read
        with Children(self._processes, self._options) as children:
            for item in children.read(found.files):
                if isinstance(item, Document):
                    given += 1
                    yield item
                elif isinstance(item, Said):
                    self._say_way(item, ways)
                elif item.reason in (KIND, HIDDEN) and not (found.is_alone and item.file == found.files[0][1]):
                    found.left_out[item.detail or item.reason] += 1
                else:
                    self._note(item, found)
        if self.unread and not given:
            raise UserError(self._sentence(self.unread[0], found))
        self._say(found, ways)

    def _note(self, unread: Unread, found: Found) -> None:
        self.unread.append(unread)
        if self._stops or (found.is_alone and unread.file == found.files[0][1]):
            raise UserError(self._sentence(unread, found))

    def _sentence(self, unread: Unread, found: Found) -> str:
        """Returns what is wrong with a file, by the path under which it lies here; a member of an archive by its name."""
        path = next((path for path, name in found.files if name == unread.file), unread.file)
        return f"{path} is {unread.detail}: known are {KNOWN}" if unread.reason == KIND else f"{path}{unread.detail}"

    def _say_way(self, said: Said, ways: set[str]) -> None:
        """Says how a file is read, as soon as it is known; files that are read alike are named once."""
        if said.words not in ways and len(ways) < _NAMED:
            logger.info("%s: %s: %s", self._key, said.file, said.words)
        ways.add(said.words)

    def _say(self, found: Found, ways: set[str]) -> None:
        if len(ways) > _NAMED:
            logger.info("%s: other files are read in %s", self._key, _count(len(ways) - _NAMED, "other way"))
        if found.left_out:
            logger.info("%s: %s; left out: %s", self._key, _count(len(found.files), "file"), counted(found.left_out))
        if self.unread:
            some = ", ".join(f"{unread.file}{unread.detail}" for unread in self.unread[:_NAMED])
            more = ", …" if len(self.unread) > _NAMED else ""
            are_members = not {unread.file for unread in self.unread} <= {name for _, name in found.files}
            many = len(self.unread)
            count = (
                f"{_count(many, 'file')} in archives or beside them"
                if are_members
                else f"{many:,} of {_count(len(found.files), 'file')}"
            )
            logger.warning("%s: %s gave no text: %s%s", self._key, count, some, more)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s'[: number != 1]}"
