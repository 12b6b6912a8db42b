"""What a server answered: its head, and its body as it was before it was packed for the way.

b"HTTP/1.1 200 OK\\r\\nContent-Type: text/html; charset=koi8-r\\r\\nContent-Encoding: gzip\\r\\n\\r\\n\\x1f\\x8b…"
  ->  Answer(status=200, content_type="text/html", charset="koi8-r"), whose body(limit) is b"<html>…"

The bytes are believed rather than the head: crawlers often store a body unpacked under the head that it came with.
"""

import io
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from fanno_hf.sources.document import Unreadable
from fanno_hf.sources.kinds import packing_by_content

_STATUS = re.compile(rb"HTTP/[\d.]+[ \t]+(\d{3})\b")
_END = re.compile(rb"\r?\n\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_GZIP, _ZLIB, _DEFLATE = 31, 15, -15  # window sizes by which zlib knows what to expect


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Attributes:
        status: 200, …
        content_type: in lower case, without parameters; "" for none.
        charset: that the head declares, or None.
        codings: of the body, the outermost first.
        packed: the body as it was sent.
    """

    status: int
    content_type: str
    charset: str | None
    codings: tuple[str, ...]
    packed: bytes

    def body(self, limit: int) -> bytes:
        """Returns the body, of which no more than `limit` bytes and one are unpacked; raises Unreadable where it is damaged."""
        body = self.packed
        for coding in self.codings:
            try:
                body = _DECODERS[coding](body, limit + 1) if coding in _DECODERS else body
            except (OSError, zlib.error):
                continue  # it is not packed so, or no more
        if packing_by_content(body) != "gz":
            return body
        try:
            return _inflated(body, limit + 1, _GZIP)
        except zlib.error as error:
            raise Unreadable(
                "damaged", " cannot be unpacked: it begins as gzip does, and does not go on or end so"
            ) from error


def answer_of(data: bytes) -> Answer:
    """Returns an answer as it was stored. Raises Unreadable where it has no head of HTTP."""
    status, end = _STATUS.match(data), _END.search(data)
    if not status or not end:
        raise Unreadable("damaged", " is no answer of a server: it has no whole head of HTTP")
    headers: dict[str, str] = {}
    for line in data[: end.start()].decode("latin-1").splitlines()[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    content_type = headers.get("content-type", "")
    charset = _CHARSET.search(content_type)
    codings = [
        coding.strip().lower()
        for name in ("transfer-encoding", "content-encoding")
        for coding in reversed(headers.get(name, "").split(","))
    ]
    return Answer(
        int(status[1]),
        content_type.partition(";")[0].strip().lower(),
        charset and charset[1],
        tuple(codings),
        data[end.end() :],
    )


def _inflated(data: bytes, most: int, window: int) -> bytes:
    unpacking = zlib.decompressobj(window)
    unpacked = unpacking.decompress(data, most)
    if not unpacking.eof and len(unpacked) < most:
        raise zlib.error("cut off")
    return unpacked


def _deflated(data: bytes, most: int) -> bytes:
    try:
        return _inflated(data, most, _ZLIB)
    except zlib.error:  # as some servers have understood it
        return _inflated(data, most, _DEFLATE)


def _by(name: str) -> Callable[[bytes, int], bytes]:
    def decoded(data: bytes, most: int) -> bytes:
        from fastwarc import stream_io

        return getattr(stream_io, name)(io.BytesIO(data)).read(most)

    return decoded


# gzip is known by its mark
_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "chunked": _by("ChunkedReader"),
    "deflate": _deflated,
    "br": _by("BrotliReader"),
    "zstd": _by("ZstdReader"),
}
