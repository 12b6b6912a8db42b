"""E-books: their chapters, as pages of XHTML in the order in which they are read.

book.epub  ->  Opened("book.epub:chapter01.xhtml", title="The book"), Opened("book.epub:chapter02.xhtml", …), …
"""

import io
from collections.abc import Iterator
from typing import Any

from fanno_hf.sources.document import KIND, Unread, Unreadable
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.parts import Parts, parts_of, resolve

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def open_epub(file: Opened, options: Options) -> Iterator[Opened | Unread]:
    """Yields the chapters. Raises Unreadable where the book is encrypted or damaged."""
    with parts_of(file, "EPUB") as parts:
        where, package = _package(parts)
        if _is_encrypted(parts):
            raise Unreadable("encrypted", " is encrypted (DRM)")
        found = package.find(".//{*}metadata/{*}title")
        title = " ".join(("".join(found.itertext()) if found is not None else "").split())
        chapters, contents, missing = _spine(parts, where, package)
        for name in missing:
            yield Unread(f"{file.name}:{name}", "missing", " is a chapter that the book names and does not have")
        if not chapters and not contents:
            raise Unreadable("damaged", " is a book without chapters")
        for name in contents if chapters else ():
            yield Unread(f"{file.name}:{name}", KIND, "table of contents")
        chapters = chapters or contents
        for name, place in zip(chapters, _places(chapters), strict=True):
            yield _chapter(parts, name, f"{file.name}:{place}", title, options)


def _spine(parts: Parts, where: str, package: Any) -> tuple[list[str], list[str], list[str]]:
    """Returns the names of the chapters in the order in which they are read, of tables of contents, and of what is missing."""
    items = {item.get("id"): item for item in package.iterfind(".//{*}manifest/{*}item")}
    chapters, contents, missing = {}, {}, {}
    for reference in package.iterfind(".//{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None:
            missing[reference.get("idref", "")] = None
        elif item.get("media-type") in _PAGES:
            link = item.get("href", "")
            named = resolve(where, link)
            name = parts.find(named) or parts.find(resolve(where, link.replace("%", "%25")))
            is_contents = "nav" in item.get("properties", "").split()
            (missing if name is None else contents if is_contents else chapters)[name or named] = None
    return list(chapters), list(contents), list(missing)


def _places(names: list[str]) -> list[str]:
    """Returns the names of chapters without their folders, where that tells them apart."""
    short = [name.rpartition("/")[2] for name in names]
    return short if len(set(short)) == len(names) else names


def _chapter(parts: Parts, name: str, place: str, title: str, options: Options) -> Opened:
    data = parts.read(name)
    open_raw, limit = lambda: io.BytesIO(data), options.max_file_size
    return Opened(place, open_raw, "xhtml", "", len(data), limit, title=title, is_whole_page=True)


def _package(parts: Parts) -> tuple[str, Any]:
    """Returns the name of the part that lists all others, and its root element."""
    container = parts.xml("META-INF/container.xml")
    root = container.find(".//{*}rootfile")
    where = resolve("", root.get("full-path", "")) if root is not None else ""
    return where, parts.xml(where)


def _is_encrypted(parts: Parts) -> bool:
    """Whether more is encrypted than fonts, which many books obfuscate."""
    encryption = parts.optional_xml("META-INF/encryption.xml")
    if encryption is None:
        return False
    methods = [method.get("Algorithm") for method in encryption.iterfind(".//{*}EncryptedData/{*}EncryptionMethod")]
    return any(method not in _FONTS for method in methods)
