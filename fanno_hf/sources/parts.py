"""Documents that are zip archives of XML: DOCX, ODT and EPUB. Nothing in them is fetched, expanded without bound or unpacked to disk."""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.parse import unquote

from lxml import etree

from fanno_hf.sources.document import Unreadable
from fanno_hf.sources.opened import Opened, bounded

_SIDE = 20_000_000  # bytes of a part that is read as a whole: styles, lists of chapters
_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "remove_comments": True, "remove_pis": True}


class Parts:
    """The parts of one file.

    Args:
        archive: open.
        limit: bytes that one part may have.
    """

    def __init__(self, archive: zipfile.ZipFile, limit: int):
        self._archive, self._limit = archive, limit
        self._names = {_loose(name): name for name in reversed(archive.namelist())}
        self._names |= {name: name for name in archive.namelist()}

    def find(self, name: str) -> str | None:
        """Returns the name of a part as the archive has it, which may be in another case; None where there is none."""
        return self._names.get(name) or self._names.get(_loose(name))

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Returns a part. Raises Unreadable where it is too large, encrypted or damaged."""
        most = min(limit or self._limit, self._limit)
        with self._open(name) as part:
            data = part.read(most + 1)
        if len(data) > most:
            raise _too_large(name, most)
        return data

    def xml(self, name: str) -> Any:
        """Returns the root element of a small part. Raises Unreadable where it is no XML."""
        with _parsed(name):
            return etree.fromstring(self.read(name, _SIDE), etree.XMLParser(**_SAFE))

    def optional_xml(self, name: str) -> Any:
        """Returns the root element of a small part, or None where there is none of that name."""
        return self.xml(name) if self.find(name) else None

    def elements(self, name: str, tags: Collection[str], skipped: Collection[str] = ()) -> Iterator[Any]:
        """Yields the elements of a part that have one of the tags, but for those in others of them or in what is skipped.

        Each is gone from memory when the next one comes. Raises Unreadable, also later, where the part is no XML or too large.
        """
        inside = 0
        outer = {*tags, *skipped}
        with _parsed(name), self._open(name) as part:
            whole = bounded(part, 0, self._limit)
            for event, element in etree.iterparse(whole, events=("start", "end"), tag=outer, **_SAFE):
                inside += 1 if event == "start" else -1
                if event == "end" and not inside:
                    if element.tag in tags:
                        yield element
                    element.clear(keep_tail=True)
                    while element.getprevious() is not None:
                        del element.getparent()[0]

    def _open(self, name: str) -> BinaryIO:
        info = self._archive.getinfo(self.find(name) or name)
        if info.flag_bits & 1:
            raise Unreadable("encrypted", " is encrypted: remove its password first")
        return self._archive.open(info)


def _loose(name: str) -> str:
    return name.replace("\\", "/").lower()


@contextmanager
def _parsed(name: str) -> Iterator[None]:
    try:
        yield
    except etree.XMLSyntaxError as error:
        raise Unreadable("damaged", f" has a part {name} that is not XML: {error}") from error


def _too_large(name: str, most: int) -> Unreadable:
    return Unreadable("too_large", f" has a part {name} of more than {most:,} bytes")


@contextmanager
def parts_of(file: Opened, what: str) -> Iterator[Parts]:
    """Opens a file; `what` it should be, for messages. Raises Unreadable, also later."""
    try:
        with zipfile.ZipFile(file.plain_path or io.BytesIO(file.content())) as archive:
            yield Parts(archive, file.limit)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, KeyError, EOFError) as error:
        raise Unreadable("damaged", f" is not a readable {what}: {error}") from error


def resolve(base: str, link: str) -> str:
    """Returns the name of the part that a link in another part leads to; it never leaves the archive.

    >>> resolve("OEBPS/content.opf", "text/chapter%201.xhtml#top"), resolve("content.opf", "../../etc/passwd")
    ('OEBPS/text/chapter 1.xhtml', 'etc/passwd')
    """
    path = unquote(link.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), path)).lstrip("/")
