"""Web archives: the pages of a crawl, each under its address and date.

crawl.warc.gz  ->  Opened("crawl.warc.gz:https://example.org/a (2026-01-02T03:04:05Z)"), …
"""

import io
from collections.abc import Iterator

from fanno_hf.sources.document import KIND, Unread, Unreadable
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options

_KINDS = {"text/html": "html", "application/xhtml+xml": "xhtml", "text/plain": "txt"}


def open_warc(file: Opened, options: Options) -> Iterator[Opened | Unread]:
    """Yields the responses that hold a page or plain text."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with file.stream() as stream:
        try:
            for record in ArchiveIterator(
                stream, record_types=WarcRecordType.response, parse_http=True, auto_decode="all"
            ):
                address = record.headers.get("WARC-Target-URI", "").strip("<>")
                name = f"{file.name}:{address} ({record.headers.get('WARC-Date', '')})"
                kind = _KINDS.get((record.http_content_type or "").lower())
                status = record.http_headers.status_code if record.http_headers else None
                if status != 200 or kind is None:
                    yield Unread(
                        name, KIND, f"response {status}" if status != 200 else record.http_content_type or "no type"
                    )
                    continue
                data = record.reader.read(options.max_file_size + 1)
                if len(data) > options.max_file_size:
                    yield Unread(
                        name, "too_large", f" is larger than data.max_file_size={options.max_file_size:,} bytes"
                    )
                    continue
                yield Opened(
                    name, lambda data=data: io.BytesIO(data), kind, "", len(data), options.max_file_size,
                    encoding=record.http_charset,
                )  # fmt: skip
        except (ValueError, RuntimeError) as error:
            raise Unreadable("damaged", f" is not a readable WARC: {error}") from error
