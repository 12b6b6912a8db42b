"""Web pages: their content in Markdown form, without navigation, scripts and what is not shown."""

import re
from collections.abc import Iterator

from fanno_hf.errors import needs_extra
from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.kinds import LOOKED_AT, kind_by_content, packing_by_content
from fanno_hf.sources.markdown import first_heading
from fanno_hf.sources.opened import PACKINGS, Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.web.decode import decode_page
from fanno_hf.sources.web.marks import opened
from fanno_hf.sources.web.text import text_of, title_of

_OTHERS = (*PACKINGS, "pdf", "epub", "odt", "docx", "zip", "parquet", "warc", "tar")
_NO_LETTERS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")  # 1b is of Japanese encodings
_MANY = 50  # bytes of which more than one is no letter


def read_html(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the page as one text, with its title."""
    data = file.content()
    _check(data[:LOOKED_AT])
    page = decode_page(data, file.encoding)
    if page.lstrip().startswith("<?xml") or file.kind == "xhtml":
        page = opened(page)
    if options.html == "trafilatura" and not file.is_whole_page:
        text = _by_trafilatura(page, file.name)
    else:
        try:
            text = text_of(page, file.is_whole_page)
        except ValueError as error:
            raise Unreadable("damaged", f" cannot be parsed, for its size or what is in it: {error}") from error
    yield Row(text, title=file.title or title_of(page) or first_heading(text))


def _check(head: bytes) -> None:
    """Raises Unreadable where a file begins as none does that is a page."""
    kind = packing_by_content(head) or kind_by_content(head)
    if kind in _OTHERS:
        raise Unreadable("no_page", f" is no web page: it begins as a .{kind} file does: give it that extension")
    if (not kind and head and not head.startswith((b"<\0", b"\0<"))) or len(_NO_LETTERS.findall(head)) > len(
        head
    ) / _MANY:
        raise Unreadable("no_page", " is no web page: its first bytes are no text")


def _by_trafilatura(page: str, name: str) -> str:
    try:
        import trafilatura
    except ModuleNotFoundError as error:
        raise needs_extra(f"data.html=trafilatura, for {name},", error.name, "documents") from error
    return trafilatura.extract(page, output_format="markdown", include_comments=False) or ""
