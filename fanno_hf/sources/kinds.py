"""Which reader a file gets: by its extension, or, where it has none, by its first bytes. A new kind is one file in readers/
and one line here.

policy.PDF.gz  ->  ("pdf", "gz")          a file named "README" that begins with "Read me"  ->  ("txt", "")
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import PurePath

from fanno_hf.sources.opened import PACKINGS


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of file is read.

    Attributes:
        reader: "module:function" below `fanno_hf.sources.readers`. `function(file: Opened, options: Options)` yields `Row`s, or,
            where the kind is a `container`, the files in it as `Opened`; it raises `Unreadable`.
        is_parsed: by code that a hostile file may crash or keep busy: it is read in a process of its own.
        is_container: holds other files.
        is_columnar: its columns can be read without the others, as `options.columns` says.
        package: that it needs, of the extra `documents`; "" for none.
    """

    reader: str
    is_parsed: bool = False
    is_container: bool = False
    is_columnar: bool = False
    package: str = ""

    def load(self) -> Callable:
        """Returns the function."""
        module, _, function = self.reader.partition(":")
        return getattr(import_module(f"fanno_hf.sources.readers.{module}"), function)


_TEXT, _JSON_LINES = Kind("text:read_text"), Kind("json_lines:read_json_lines")
_JSON, _CSV = Kind("json_file:read_json"), Kind("csv_rows:read_csv")
_HTML = Kind("html:read_html", is_parsed=True, package="resiliparse")
KINDS: dict[str, Kind] = {
    "jsonl": _JSON_LINES,
    "ndjson": _JSON_LINES,
    "json": _JSON,
    "parquet": Kind("parquet:read_parquet", is_columnar=True),
    "csv": _CSV,
    "tsv": _CSV,
    "geojson": _JSON,
    **dict.fromkeys(("txt", "rst", "adoc", "tex", "org"), _TEXT),
    **dict.fromkeys(("md", "markdown", "mdx"), Kind("text:read_markdown")),
    **dict.fromkeys(("html", "htm", "xhtml"), _HTML),
    "pdf": Kind("pdf:read_pdf", is_parsed=True, package="pypdfium2"),
    "docx": Kind("docx:read_docx", is_parsed=True, package="lxml"),
    "odt": Kind("odt:read_odt", is_parsed=True, package="lxml"),
    "ipynb": Kind("notebook:read_notebook"),
    "epub": Kind("epub:open_epub", is_parsed=True, is_container=True, package="resiliparse"),
    "warc": Kind("warc:open_warc", is_parsed=True, is_container=True, package="fastwarc"),
    "zip": Kind("archives:open_zip", is_parsed=True, is_container=True),
    "tar": Kind("archives:open_tar", is_parsed=True, is_container=True),
}
"""Extension in lower case -> how it is read."""
KNOWN = f"{', '.join(KINDS)} (each also as {', '.join(f'.{name}' for name in PACKINGS)})"
LOOKED_AT = 1024
"""Bytes of a file without an extension that tell its kind."""
_SHORT = {"tgz": ("tar", "gz"), "tbz2": ("tar", "bz2"), "txz": ("tar", "xz")}
_SIGNS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(sign, re.DOTALL | re.IGNORECASE), kind)
    for sign, kind in (
        (rb"%PDF-", "pdf"),
        (rb"PK\x03\x04.{26}mimetypeapplication/epub\+zip", "epub"),
        (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis\.opendocument\.text", "odt"),
        (rb"PK\x03\x04.{26}(?:\[Content_Types\]\.xml|_rels/|word/)", "docx"),
        (rb"PK\x03\x04", "zip"),
        (rb"PAR1", "parquet"),
        (rb"WARC/\d", "warc"),
        (rb".{257}ustar", "tar"),
        (rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", "html"),
        (rb"\s*\{.*\}\s*\n\s*\{", "jsonl"),
        (rb"\s*[\[{]\s*[\[{\"]", "json"),
    )
)
_PACKED: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
)


@cache
def kind_of(name: str) -> tuple[str, str]:
    """Returns the kind of a file by its name, and its packing; "" where the name has none.

    >>> kind_of("Policy.PDF.gz"), kind_of("docs.tgz"), kind_of("README")
    (('pdf', 'gz'), ('tar', 'gz'), ('', ''))
    """
    path = PurePath(name)
    last = path.suffix.lower().lstrip(".")
    if last in _SHORT:
        return _SHORT[last]
    if last not in PACKINGS:
        return last, ""
    return PurePath(path.stem).suffix.lower().lstrip("."), last


def kind_by_content(head: bytes) -> str:
    """Returns the kind of a file that its first bytes tell; "txt" for what is text, "" for what is nothing that is read."""
    for sign, kind in _SIGNS:
        if sign.match(head):
            return kind
    return "txt" if head and (b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))) else ""


def packing_by_content(head: bytes) -> str:
    """Returns the packing that the first bytes tell, or ""."""
    return next((packing for sign, packing in _PACKED if head.startswith(sign)), "")
