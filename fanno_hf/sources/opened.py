"""A file while it is read: on disk, packed, or inside an archive; never more of it in memory than is allowed.

Opened(path).stream()  ->  its bytes, unpacked
Opened(path).content() ->  b"%PDF-1.7 …", or Unreadable where it has more than `max_file_size` bytes
"""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fanno_hf.sources.document import Unreadable


def _open_zst(file: BinaryIO) -> BinaryIO:
    import pyarrow as pa  # slow to load, and few files need it

    return pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")


PACKINGS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    "gz": lambda file: gzip.GzipFile(fileobj=file),
    "bz2": lambda file: bz2.BZ2File(file),
    "xz": lambda file: lzma.LZMAFile(file),  # noqa: SIM115
    "zst": _open_zst,
}
"""Last extension of a packed file -> what unpacks it."""
_RATIO = 100
"""Times its size that a packed file may unpack to, and `max_file_size` whatever its size: text packs to a tenth, a bomb to less
than a thousandth."""
_BLOCK = 1 << 16


class Opened:
    """One file to be read, with its limits.

    Args:
        name: below `data.path`.
        open_raw: opens its bytes as they lie there.
        kind: its extension in lower case without a dot: "jsonl".
        packing: a key of PACKINGS, or "".
        size: of the bytes as they lie there.
        limit: bytes that may be in memory at once.
        path: on disk; None inside an archive.
        encoding: that somebody outside the file declares, as an HTTP header does.
        title: that is known from outside.
        is_whole_page: whether all of a page is content, as of a chapter of a book.
    """

    def __init__(
        self,
        name: str,
        open_raw: Callable[[], BinaryIO],
        kind: str,
        packing: str,
        size: int,
        limit: int,
        path: Path | None = None,
        encoding: str | None = None,
        title: str = "",
        is_whole_page: bool = False,
    ):
        self.name, self.kind, self.path, self.limit = name, kind, path, limit
        self.encoding, self.title, self.is_whole_page = encoding, title, is_whole_page
        self._open, self._packing, self._size = open_raw, packing, size

    @property
    def plain_path(self) -> Path | None:
        """Where the bytes lie on disk as they are to be read; None where they are packed or in an archive."""
        return None if self._packing else self.path

    @property
    def most(self) -> int:
        """Bytes that may be in it, unpacked."""
        return _most(self._size, self.limit) if self._packing else self._size

    def is_packed_otherwise(self, packing: str) -> bool:
        """Whether it is packed, in another way than this one."""
        return self._packing not in ("", packing)

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """Opens the bytes, unpacked. Raises Unreadable, also later, where they cannot be read or are far too many."""
        with readable(), self._open() as raw:
            if not self._packing:
                yield raw
                return
            with PACKINGS[self._packing](raw) as unpacked:
                yield bounded(unpacked, self._size, self.limit)

    def content(self) -> bytes:
        """Returns the whole file. Raises Unreadable where it is larger than the limit, or cannot be read."""
        with self.stream() as file:
            data = file.read(self.limit + 1)
        if len(data) > self.limit:
            raise Unreadable(
                "too_large", f" is larger than data.max_file_size={self.limit:,} bytes: raise it, or split the file"
            )
        return data


@contextmanager
def readable() -> Iterator[None]:
    """Turns what goes wrong with the bytes of a file into Unreadable."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise Unreadable("damaged", f" cannot be read: {error}") from error
    except OSError as error:
        raise Unreadable("unreadable", f" cannot be read: {error.strerror or error}") from error


def bounded(unpacked: BinaryIO, size: int, limit: int) -> BinaryIO:
    """Returns what a file of `size` bytes unpacks to; reading raises Unreadable where that is more than the limit, and more than
    a hundred times its size."""
    return io.BufferedReader(_Bounded(unpacked, _most(size, limit)), _BLOCK)


def _most(size: int, limit: int) -> int:
    return max(limit, _RATIO * size)


class _Bounded(io.RawIOBase):
    """Hands on what another file gives, up to a number of bytes."""

    def __init__(self, file: BinaryIO, most: int):
        self._file, self._most, self._left = file, most, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._file.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise Unreadable(
                "too_large",
                f" unpacks to more than {self._most:,} bytes, a hundred times its size: raise data.max_file_size, or unpack it",
            )
        buffer[: len(data)] = data
        return len(data)
