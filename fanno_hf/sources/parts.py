"""Documents that are zip archives of XML: DOCX, ODT and EPUB. Nothing in them is fetched, expanded without bound or unpacked to disk."""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from fanno_hf.sources.document import Unreadable
from fanno_hf.sources.opened import Opened


class Parts:
    """The parts of one file.

    Args:
        archive: open.
        limit: bytes that one part may have.
    """

    def __init__(self, archive: zipfile.ZipFile, limit: int):
        self._archive, self._limit = archive, limit
        self.names = frozenset(archive.namelist())

    def read(self, name: str) -> bytes:
        """Returns a part. Raises Unreadable where it is too large, encrypted or damaged."""
        info = self._archive.getinfo(name)
        if info.flag_bits & 1:
            raise Unreadable("encrypted", " is encrypted: remove its password first")
        with self._archive.open(info) as part:
            data = part.read(self._limit + 1)
        if len(data) > self._limit:
            raise Unreadable("too_large", f" has a part {name} of more than data.max_file_size={self._limit:,} bytes")
        return data

    def xml(self, name: str) -> Any:
        """Returns the root element of a part. Raises Unreadable where it is no XML, or declares entities."""
        from lxml import etree

        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            root = etree.fromstring(self.read(name), parser)
        except etree.XMLSyntaxError as error:
            raise Unreadable("damaged", f" has a part {name} that is not XML: {error}") from error
        return root

    def optional_xml(self, name: str) -> Any:
        """Returns the root element of a part, or None where there is none of that name."""
        return self.xml(name) if name in self.names else None


@contextmanager
def parts_of(file: Opened, what: str) -> Iterator[Parts]:
    """Opens a file; `what` it should be, for messages. Raises Unreadable, also later."""
    try:
        with zipfile.ZipFile(file.plain_path or io.BytesIO(file.content())) as archive:
            yield Parts(archive, file.limit)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, KeyError, ValueError) as error:
        raise Unreadable("damaged", f" is not a readable {what}: {error}") from error


def resolve(base: str, link: str) -> str:
    """Returns the name of the part that a link in another part leads to; it never leaves the archive.

    >>> resolve("OEBPS/content.opf", "text/chapter%201.xhtml#top"), resolve("content.opf", "../../etc/passwd")
    ('OEBPS/text/chapter 1.xhtml', 'etc/passwd')
    """
    path = unquote(link.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), path)).lstrip("/")
