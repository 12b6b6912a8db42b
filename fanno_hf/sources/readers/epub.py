"""E-books: their chapters, as pages of XHTML in the order in which they are read.

book.epub  ->  Opened("book.epub:chapter01.xhtml", title="The book"), Opened("book.epub:chapter02.xhtml", …), …
"""

import io
from collections.abc import Iterator

from fanno_hf.sources.document import Unreadable
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.parts import Parts, parts_of, resolve

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def open_epub(file: Opened, options: Options) -> Iterator[Opened]:
    """Yields the chapters. Raises Unreadable where the book is encrypted or damaged."""
    with parts_of(file, "EPUB") as parts:
        where, package = _package(parts)
        if _is_encrypted(parts):
            raise Unreadable("encrypted", " is encrypted (DRM)")
        found = package.find(".//{*}metadata/{*}title")
        title = " ".join(("".join(found.itertext()) if found is not None else "").split())
        items = {item.get("id"): item for item in package.iterfind(".//{*}manifest/{*}item")}
        read = set()
        for reference in package.iterfind(".//{*}spine/{*}itemref"):
            item = items.get(reference.get("idref"))
            if item is None or item.get("media-type") not in _PAGES:
                continue
            name = resolve(where, item.get("href", ""))
            if name not in parts.names or name in read:
                continue
            read.add(name)
            data = parts.read(name)
            place = f"{file.name}:{name.rpartition('/')[2]}"
            yield Opened(
                place, lambda data=data: io.BytesIO(data), "xhtml", "", len(data), options.max_file_size,
                title=title, is_whole_page=True,
            )  # fmt: skip


def _package(parts: Parts):
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
