"""Archives: the files in them, one after another, never unpacked to disk."""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from fanno_hf.sources.document import HIDDEN, Unread, Unreadable
from fanno_hf.sources.kinds import kind_of
from fanno_hf.sources.opened import Opened, bounded
from fanno_hf.sources.options import Options
from fanno_hf.texts.fit import clean


def open_zip(file: Opened, options: Options) -> Iterator[Opened | Unread]:
    """Yields the files in a zip archive, in its order."""
    try:
        with zipfile.ZipFile(file.plain_path or io.BytesIO(file.content())) as archive:
            for member in archive.infolist():
                name, size = f"{file.name}/{member.filename}", member.compress_size
                if member.flag_bits & 1:
                    yield Unread(name, "encrypted", " is encrypted")
                elif not member.is_dir():

                    def open_raw(member: zipfile.ZipInfo = member, size: int = size) -> BinaryIO:
                        return bounded(archive.open(member), size, options.max_file_size)

                    yield from _member(name, open_raw, size, options)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, ValueError) as error:
        raise Unreadable("damaged", f" is not a readable zip archive: {error}") from error


def open_tar(file: Opened, options: Options) -> Iterator[Opened | Unread]:
    """Yields the regular files in a tar archive, in its order; its links lead nowhere."""
    try:
        with file.stream() as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                name = f"{file.name}/{member.name}"
                if member.isfile() and member.size > options.max_file_size:
                    yield Unread(
                        name,
                        "too_large",
                        f" is larger than data.max_file_size={options.max_file_size:,} bytes: raise it",
                    )
                    if member.size > file.most:  # tarfile would pass over it for hours
                        raise Unreadable(
                            "too_large", f" is read as far as {clean(member.name)}, which claims to be larger than it"
                        )
                elif member.isfile():
                    data = archive.extractfile(member).read()  # a stream cannot be read twice
                    yield from _member(name, lambda data=data: io.BytesIO(data), member.size, options)
    except tarfile.TarError as error:
        raise Unreadable("damaged", f" is not a readable tar archive: {error}") from error


def _member(name: str, open_raw: Callable[[], BinaryIO], size: int, options: Options) -> Iterator[Opened | Unread]:
    if any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts[1:]):
        yield Unread(name, HIDDEN, "")
        return
    kind, packing = kind_of(name.rpartition("/")[2])
    yield Opened(clean(name), open_raw, kind, packing, size, options.max_file_size)
