"""Web archives: the pages of a crawl, each under its address and date.

crawl.warc.gz  ->  Opened("crawl.warc.gz:https://example.org/a (2026-01-02T03:04:05Z)"), …
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from fastwarc.warc import ArchiveIterator, WarcRecordType

from fanno_hf.sources.document import KIND, Unread, Unreadable
from fanno_hf.sources.kinds import LOOKED_AT, kind_by_content
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.web.answer import answer_of

_KINDS = {"text/html": "html", "application/xhtml+xml": "xhtml", "text/plain": "txt"}
_TYPES = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
_NEXT = re.compile(
    rb"\n\r?\nW(?:ARC/1\.|(?:A(?:R(?:C(?:/1?)?)?)?)?\Z)"
)  # in a record, or its head: its length is wrong
_HEAD = 1 << 16  # bytes that the head of an answer may have


def open_warc(file: Opened, options: Options) -> Iterator[Opened | Unread]:
    """Yields the pages and plain texts that were answered, or that somebody made of answers."""
    for are_lines_odd in (False, True):  # ended by a line feed alone, which is tried where nothing else is found
        has_records = False
        for page in _pages(file, options, are_lines_odd):
            has_records = True
            yield page
        if has_records:
            return
    raise Unreadable("empty", " holds no answers: it is empty, or has only requests")


def _pages(file: Opened, options: Options, are_lines_odd: bool) -> Iterator[Opened | Unread]:
    name = ""
    with _stream(file) as stream:
        try:
            # answers are parsed here: what fastwarc cannot decode of one, it takes out of those behind
            for record in ArchiveIterator(stream, record_types=_TYPES, parse_http=False, quirks_mode=are_lines_odd):
                name = f"{file.name}:{_place(record)}"
                try:
                    yield _opened(record, name, options)
                except Unreadable as error:
                    yield Unread(name, error.reason, error.detail)
        except (OSError, ValueError, RuntimeError) as error:
            behind = f" behind {name.removeprefix(file.name + ':')}" if name else ""
            raise Unreadable("damaged", f" cannot be read{behind}: what is there is no record") from error


@contextmanager
def _stream(file: Opened) -> Iterator[BinaryIO]:
    """Opens the archive as it lies on disk, if it does: what reads it also unpacks it, and faster."""
    if file.path is None or file.is_packed_otherwise("gz"):
        with file.stream() as stream:
            yield stream
    else:
        with open(file.path, "rb") as stream:
            yield stream


def _place(record: Any) -> str:
    address, date = record.headers.get("WARC-Target-URI", ""), record.headers.get("WARC-Date", "")
    return f"{address.strip('<>')} ({date})"


def _opened(record: Any, name: str, options: Options) -> Opened | Unread:
    """Returns the page in a record, or why it is none. Raises Unreadable."""
    limit, encoding = options.max_file_size, None
    data = record.reader.read(limit + _HEAD)
    is_whole = len(data) >= record.content_length
    if record.is_http:
        answer = answer_of(data)
        if answer.status != 200:
            return Unread(name, KIND, f"response {answer.status}")
        content_type, encoding = answer.content_type, answer.charset
    else:
        content_type = record.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    kind = _KINDS.get(content_type)
    if content_type and kind is None:
        return Unread(name, KIND, content_type)
    if not is_whole and len(data) < limit:
        raise Unreadable("damaged", " is cut off: the archive ends before it does")
    if record.is_http:
        data = answer.body(limit)
    if len(data) > limit or not is_whole:
        raise Unreadable("too_large", f" is larger than data.max_file_size={limit:,} bytes: raise it")
    if _NEXT.search(data):
        raise Unreadable("damaged", " is a record with a wrong length: another one is in it")
    kind = kind or kind_by_content(data[:LOOKED_AT])
    return Opened(name, lambda: io.BytesIO(data), kind, "", len(data), limit, encoding=encoding)
