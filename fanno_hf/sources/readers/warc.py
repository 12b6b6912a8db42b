"""Web archives: the pages of a crawl, each under its address and date.

crawl.warc.gz  ->  Opened("crawl.warc.gz:https://example.org/a (2026-01-02T03:04:05Z)"), …
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from fastwarc.warc import ArchiveIterator, WarcRecordType

from fanno_hf.sources.document import KIND, Unread, Unreadable
from fanno_hf.sources.kinds import LOOKED_AT, kind_by_content
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options

_KINDS = {"text/html": "html", "application/xhtml+xml": "xhtml", "text/plain": "txt"}
_NEXT = b"\r\n\r\nWARC/1."  # in a record: its length is wrong


def open_warc(file: Opened, options: Options) -> Iterator[Opened | Unread]:
    """Yields the pages and plain texts that were answered, or that somebody made of answers."""
    kinds = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
    name, has_records = file.name, False
    with _stream(file) as stream:
        try:
            for record in ArchiveIterator(stream, record_types=kinds, parse_http=True, auto_decode="all"):
                name, has_records = f"{file.name}:{_place(record)}", True
                yield _opened(record, name, options)
        except (OSError, ValueError, RuntimeError) as error:
            behind = f" behind {name.removeprefix(file.name + ':')}" if has_records else ""
            raise Unreadable("damaged", f" cannot be read{behind}: {error}") from error
    if not has_records:
        raise Unreadable("empty", " holds no answers: it is empty, or has only requests")


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
    headers = record.http_headers if record.is_http else None
    if headers is not None and headers.status_code != 200:
        return Unread(name, KIND, f"response {headers.status_code}")
    content_type = (
        record.http_content_type if headers is not None else record.headers.get("Content-Type", "").partition(";")[0]
    )
    kind = _KINDS.get((content_type or "").strip().lower())
    if content_type and kind is None:
        return Unread(name, KIND, content_type)
    try:
        data = record.reader.read(options.max_file_size + 1)
    except OSError as error:
        return Unread(name, "damaged", f" cannot be read: {error}")
    if len(data) > options.max_file_size:
        return Unread(
            name, "too_large", f" is larger than data.max_file_size={options.max_file_size:,} bytes: raise it"
        )
    if _NEXT in data:
        return Unread(name, "damaged", " is a record with a wrong length: another one is in it")
    kind = kind or kind_by_content(data[:LOOKED_AT])
    encoding = record.http_charset if headers is not None else None
    return Opened(name, lambda: io.BytesIO(data), kind, "", len(data), options.max_file_size, encoding=encoding)
