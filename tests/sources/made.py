"""Known documents as files of each kind, written by other programs than the ones that read them."""

import html
import io
import json
import zipfile
from pathlib import Path

from tests.sources.known import Code, Heading, Items, Part, Table, Text

NAVIGATION = """<nav><ul><li><a href="/">Start page here</a></li><li><a href="/all">All of our pages</a></li></ul></nav>
<div class="cookie-banner"><p>We use cookies to give you the best of all pages.</p><button>Accept them all</button></div>
<aside class="sidebar"><h2>Read this too</h2><a href="/b">Another page of ours that is not this one</a></aside>"""
FOOTER = """<footer><p>Copyright of all that stands here, all rights reserved.</p></footer>
<script>var hidden = "a script is no text of a page at all";</script>"""


def html_body(parts: list[Part]) -> str:
    """Returns the elements of a page."""
    pieces = []
    for part in parts:
        if isinstance(part, Heading):
            pieces.append(f"<h{part.level}>{html.escape(part.text)}</h{part.level}>")
        elif isinstance(part, Text):
            pieces.append(f"<p>{html.escape(part.text)}</p>")
        elif isinstance(part, Items):
            tag = "ol" if part.is_numbered else "ul"
            pieces.append(f"<{tag}>{''.join(f'<li>{html.escape(item)}</li>' for item in part.items)}</{tag}>")
        elif isinstance(part, Code):
            code = html.escape("\n".join(part.lines))
            pieces.append(f'<pre><code class="language-{part.language}">{code}</code></pre>')
        else:
            rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in part.rows)
            pieces.append(f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>")
    return "\n".join(pieces)


def html_page(parts: list[Part], title: str = "Mosses &amp; ferns") -> bytes:
    """Returns a page with navigation, a banner and a foot, as sites have them."""
    style = "<style>p { color: green }</style>"
    head = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>{style}</head>'
    licence = "<!-- Licensed under a licence that nobody reads. -->"
    return f"{head}<body>{licence}{NAVIGATION}<main>{html_body(parts)}</main>{FOOTER}</body></html>".encode()


def write_docx(path: Path, parts: list[Part]) -> None:
    """Writes a Word document."""
    import docx

    document = docx.Document()
    document.core_properties.title = "Mosses and ferns"
    document.sections[0].header.paragraphs[0].text = "A running head of mosses"
    document.styles.add_style("Source Code", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    for part in parts:
        if isinstance(part, Heading):
            document.add_heading(part.text, part.level)
        elif isinstance(part, Text):
            document.add_paragraph(part.text)
        elif isinstance(part, Items):
            for item in part.items:
                document.add_paragraph(item, style="List Number" if part.is_numbered else "List Bullet")
        elif isinstance(part, Code):
            for line in part.lines:
                document.add_paragraph(line, style="Source Code")
        else:
            table = document.add_table(0, len(part.rows[0]))
            for row in part.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
    document.save(str(path))


_ODT = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"><office:automatic-styles>
<text:list-style style:name="L1"><text:list-level-style-number text:level="1"/></text:list-style>
</office:automatic-styles><office:body><office:text>{}</office:text></office:body></office:document-content>"""


def write_odt(path: Path, parts: list[Part]) -> None:
    """Writes a document of OpenOffice."""
    pieces = []
    for part in parts:
        if isinstance(part, Heading):
            pieces.append(f'<text:h text:outline-level="{part.level}">{html.escape(part.text)}</text:h>')
        elif isinstance(part, Text):
            pieces.append(f"<text:p>{html.escape(part.text).replace(' ', '<text:s/>', 1)}</text:p>")
        elif isinstance(part, Items):
            style = ' text:style-name="L1"' if part.is_numbered else ""
            items = (f"<text:list-item><text:p>{html.escape(item)}</text:p></text:list-item>" for item in part.items)
            pieces.append(f"<text:list{style}>{''.join(items)}</text:list>")
        elif isinstance(part, Code):
            for line in part.lines:
                spaced = html.escape(line).replace("    ", '<text:s text:c="4"/>')
                pieces.append(f'<text:p text:style-name="Preformatted_20_Text">{spaced}</text:p>')
        else:
            cells = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
            rows = ("".join(cells.format(html.escape(cell)) for cell in row) for row in part.rows)
            rows = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
            pieces.append(f"<table:table>{rows}</table:table>")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", _ODT.format("".join(pieces)))


_CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
_PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The book of mosses</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"""
_CHAPTER = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><a id="top"/>{}</body></html>"""


def write_epub(path: Path, chapters: dict[str, list[Part]]) -> None:
    """Writes a book; its parts lie in it in another order than they are read."""
    items = (f'<item id="{name}" href="text/{name}" media-type="application/xhtml+xml"/>' for name in sorted(chapters))
    spine = (f'<itemref idref="{name}"/>' for name in chapters)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", _CONTAINER)
        archive.writestr("OEBPS/book.opf", _PACKAGE.format(items="".join(items), spine="".join(spine)))
        for name in sorted(chapters):
            archive.writestr(f"OEBPS/text/{name}", _CHAPTER.format(html_body(chapters[name])))


def write_warc(path: Path, answers: list[tuple[str, str, bytes]]) -> None:
    """Writes a packed archive of (address, HTTP head, body)."""
    from fastwarc.stream_io import GzipWriter
    from fastwarc.warc import WarcRecord, WarcRecordType

    buffer = io.BytesIO()
    with GzipWriter(buffer) as packed:
        for address, head, body in answers:
            record = WarcRecord()
            record.init_headers(WarcRecordType.response)
            record.headers["WARC-Target-URI"] = address
            record.headers["WARC-Date"] = "2026-01-02T03:04:05Z"
            record.headers["Content-Type"] = "application/http; msgtype=response"
            record.set_bytes_content(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
            record.write(packed)
    path.write_bytes(buffer.getvalue())


def write_notebook(path: Path, parts: list[Part]) -> None:
    """Writes a notebook; what its code gave out is no text of it."""
    cells = []
    for part in parts:
        if isinstance(part, Code):
            output = {"output_type": "stream", "name": "stdout", "text": ["an output that nobody wrote\n"]}
            cells.append({"cell_type": "code", "source": "\n".join(part.lines), "outputs": [output], "metadata": {}})
        else:
            cells.append({"cell_type": "markdown", "source": _markdown(part).splitlines(True), "metadata": {}})
    metadata = {"kernelspec": {"name": "python3", "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


def _markdown(part: Part) -> str:
    if isinstance(part, Heading):
        return f"{'#' * part.level} {part.text}"
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Items):
        return "\n".join(
            f"{f'{number}.' if part.is_numbered else '-'} {item}" for number, item in enumerate(part.items, 1)
        )
    assert isinstance(part, Table)
    return "\n".join(f"| {' | '.join(row)} |" for row in part.rows)
