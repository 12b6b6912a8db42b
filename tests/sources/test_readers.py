"""Documents of each kind, made here from known text: what comes out is what was put in, and no more."""

import io
import json
import random
import re
import zipfile
from collections import Counter

import docx
import fpdf
import pytest

from fanno_hf.sources.files import FileSource

PARAGRAPHS = [
    "Mosses have no roots. They drink through the surface of their leaves, so a cushion of moss dries out within hours and "
    "revives just as quickly after rain.",
    "Water the cushions with rain water each morning, since lime from the tap turns them brown within some weeks. In winter they "
    "need nothing but light.",
    "A net against birds keeps them in place until they have grown together, which takes a summer or two in most gardens.",
]
CODE = "def litres(days):\n    return days * 2"
TABLE = [["month", "litres"], ["May", "3"], ["June", "5"]]


def scores(found: str, put: str) -> tuple[float, float]:
    """Recall and precision of five words in a row, of words alone."""

    def grams(text: str) -> Counter:
        words = re.findall(r"\w+", text)
        return Counter(zip(*(words[start:] for start in range(5)), strict=False))

    have, want = grams(found), grams(put)
    shared = sum((have & want).values())
    return shared / sum(want.values()), shared / sum(have.values())


@pytest.fixture
def read(tmp_path):
    """A function that writes a file and returns its documents."""

    def write(name: str, content: bytes | str, **settings) -> list:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(FileSource(str(path), **settings).documents())

    return write


PAGE = f"""<!doctype html><html><head><meta charset="utf-8"><title>Moss &amp; rain</title><style>p {{ color: red }}</style></head><body>
<!-- Copyright: all rights reserved, the licence of this template -->
<nav><ul><li><a href="/">Home</a></li><li><a href="/blog">All posts of the blog</a></li></ul></nav>
<div class="cookie-banner" id="cookies"><p>We use cookies to give you the best experience. <button>Accept all</button></p></div>
<main><article><h1>Moss and rain</h1><p>{PARAGRAPHS[0]}</p><h2>Watering</h2><p>{PARAGRAPHS[1]}</p>
<pre><code class="language-python">{CODE}</code></pre>
<table><tr><th>month</th><th>litres</th></tr><tr><td>May</td><td>3</td></tr><tr><td>June</td><td>5</td></tr></table>
<ul><li>shade</li><li>patience</li></ul><p>{PARAGRAPHS[2]}</p></article></main>
<footer><p>Imprint and privacy, 2026. <a href="/contact">Contact</a></p></footer><script>track("everything you do");</script></body></html>"""
MARKDOWN = f"""# Moss and rain

{PARAGRAPHS[0]}

## Watering

{PARAGRAPHS[1]}

```python
{CODE}
```

| month | litres |
| --- | --- |
| May | 3 |
| June | 5 |

- shade
- patience

{PARAGRAPHS[2]}"""


def test_a_web_page_is_its_main_content_as_markdown(read):
    (document,) = read("page.html", PAGE)
    assert (document.text, document.title) == (MARKDOWN, "Moss & rain")


def test_trafilatura_finds_the_main_content_too(read):
    (document,) = read("page.html", PAGE, html="trafilatura")
    assert min(scores(document.text, MARKDOWN)) > 0.9 and "cookies" not in document.text
    assert document.title == "Moss & rain"


@pytest.mark.parametrize("declared", ["windows-1252", "utf-8", "shift_jis"])
def test_a_page_is_read_in_the_encoding_that_it_declares(read, declared):
    text = (
        "苔は葉から水を飲みます。根はありません。"
        if declared == "shift_jis"
        else "Moose trinken über die Blätter, größere nicht."
    )
    page = (
        f'<html><head><meta charset="{declared}"><title>é</title></head><body><main><p>{text}</p></main></body></html>'
    )
    page = page if declared != "shift_jis" else page.replace("<title>é</title>", "")
    (document,) = read("page.htm", page.encode(declared))
    assert document.text == text


def pdf(pages: list[list[str]], columns: int = 1) -> bytes:
    """A PDF with running heads and page numbers; each paragraph is broken into lines."""
    made = fpdf.FPDF(format="A4")
    made.set_auto_page_break(False)
    made.set_font("helvetica", size=11)
    width = 170 / columns - (5 if columns > 1 else 0)
    for number, paragraphs in enumerate(pages, start=1):
        made.add_page()
        made.set_xy(20, 10)
        made.cell(text=f"The book of moss, chapter {number}")
        made.set_xy(100, 285)
        made.cell(text=str(number))
        share = -(-len(paragraphs) // columns)
        for column in range(columns):
            made.set_y(30)
            for paragraph in paragraphs[column * share : (column + 1) * share]:
                made.set_x(20 + column * (width + 10))
                made.multi_cell(width, 6, paragraph, align="L", new_x="LEFT", new_y="NEXT")
                made.ln(6)
    return bytes(made.output())


def written(count: int) -> list[str]:
    """Paragraphs of three sentences, no two alike: lines that repeat at the edges of pages would be running heads."""
    rng, words = random.Random(7), sorted(set(re.findall(r"[a-z]+", " ".join(PARAGRAPHS))))
    sentence = lambda: " ".join(rng.choices(words, k=14)).capitalize() + "."  # noqa: E731
    return [" ".join(sentence() for _ in range(3)) for _ in range(count)]


@pytest.mark.parametrize("columns", [1, 2])
def test_a_pdf_is_its_paragraphs_without_running_heads(read, columns):
    every = written(20)
    pages = [every[start : start + 4] for start in range(0, 20, 4)]
    (document,) = read("book.pdf", pdf(pages, columns))
    assert min(scores(document.text, "\n\n".join(map("\n\n".join, pages)))) >= 0.98
    assert "chapter" not in document.text
    assert [name for _, name in document.places] == [f"page {number}" for number in range(1, 6)]
    starts = [start for start, _ in document.places]
    assert pages[1][0][:40] in document.text[starts[1] : starts[2]]


def test_a_pdf_without_a_text_layer_and_one_that_is_encrypted_are_named(read, tmp_path):
    empty, locked = fpdf.FPDF(), fpdf.FPDF()
    empty.add_page()
    empty.rect(10, 10, 50, 50)
    locked.add_page()
    locked.set_font("helvetica", size=11)
    locked.cell(text="secret")
    locked.set_encryption(owner_password="owner", user_password="user")
    (tmp_path / "locked.pdf").write_bytes(bytes(locked.output()))
    (tmp_path / "scan.pdf").write_bytes(bytes(empty.output()))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n" + b"moss" * 99)
    (tmp_path / "good.txt").write_text("good")
    source = FileSource(str(tmp_path))
    assert [one.text for one in source.documents()] == ["good"]
    reasons = {one.file: one.reason for one in source.unread}
    assert reasons == {"locked.pdf": "encrypted", "scan.pdf": "no_text_layer", "broken.pdf": "damaged"}


def test_a_docx_is_markdown(read):
    made = docx.Document()
    made.core_properties.title = "Moss"
    made.add_heading("Moss and rain", level=1)
    made.add_paragraph(PARAGRAPHS[0])
    made.add_heading("Watering", level=2)
    made.add_paragraph(PARAGRAPHS[1])
    table = made.add_table(rows=0, cols=2)
    for row in TABLE:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    for item in ("shade", "patience"):
        made.add_paragraph(item, style="List Bullet")
    made.add_paragraph(PARAGRAPHS[2])
    sink = io.BytesIO()
    made.save(sink)
    (document,) = read("letter.docx", sink.getvalue())
    assert document.text == MARKDOWN.replace(f"```python\n{CODE}\n```\n\n", "") and document.title == "Moss"


OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def test_an_odt_is_markdown(read):
    rows = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell><text:p>{text}</text:p></table:table-cell>' for text in row)}</table:table-row>"
        for row in TABLE
    )
    items = "".join(f"<text:list-item><text:p>{text}</text:p></text:list-item>" for text in ("shade", "patience"))
    body = (
        f'<text:h text:outline-level="1">Moss and rain</text:h><text:p>{PARAGRAPHS[0]}</text:p>'
        f'<text:h text:outline-level="2">Watering</text:h><text:p>{PARAGRAPHS[1]}</text:p>'
        f"<table:table>{rows}</table:table><text:list>{items}</text:list><text:p>{PARAGRAPHS[2]}</text:p>"
    )
    content = (
        f'<office:document-content xmlns:office="{OFFICE}:office:1.0" xmlns:text="{OFFICE}:text:1.0" xmlns:table="{OFFICE}:table:1.0">'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", content)
    (document,) = read("letter.odt", sink.getvalue())
    assert document.text == MARKDOWN.replace(f"```python\n{CODE}\n```\n\n", "")


def epub() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        container = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf"/>'
        archive.writestr("META-INF/container.xml", f"{container}</rootfiles></container>")
        items = "".join(
            f'<item id="c{n}" href="chapter{n}.xhtml" media-type="application/xhtml+xml"/>' for n in (1, 2, 3)
        )
        spine = "".join(f'<itemref idref="c{n}"/>' for n in (2, 1, 3))
        archive.writestr(
            "OEBPS/book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The book of '
            f"moss</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>",
        )
        for number, text in enumerate(PARAGRAPHS, start=1):
            page = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>c</title></head><body><h1>Part {number}</h1><p>{text}</p></body></html>'
            archive.writestr(f"OEBPS/chapter{number}.xhtml", page)
    return sink.getvalue()


def test_an_epub_is_its_chapters_in_the_order_of_the_spine(read):
    found = read("book.epub", epub())
    assert [(one.source, one.text) for one in found] == [
        (f"book.epub:chapter{n}.xhtml", f"# Part {n}\n\n{PARAGRAPHS[n - 1]}") for n in (2, 1, 3)
    ]
    assert {one.title for one in found} == {"The book of moss"}


def warc() -> bytes:
    """Twenty pages, a picture and one that was not found."""
    records = [
        (f"https://example.org/{n}", "200 OK", "text/html; charset=utf-8", PAGE.replace("Moss and rain", f"Moss {n}"))
        for n in range(20)
    ]
    records += [
        ("https://example.org/a.png", "200 OK", "image/png", "\0"),
        ("https://example.org/x", "404 Not Found", "text/html", "<p>no</p>"),
    ]
    made = b""
    for address, status, kind, text in records:
        http = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text.encode())}\r\n\r\n{text}".encode()
        )
        head = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:0>\r\nWARC-Target-URI: {address}\r\n"
            f"WARC-Date: 2026-01-02T03:04:05Z\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
        )
        made += head.encode() + http + b"\r\n\r\n"
    return made


def test_a_web_archive_is_its_pages_under_their_addresses(read, caplog):
    with caplog.at_level("INFO"):
        found = read("crawl.warc", warc())
    assert [one.source for one in found] == [
        f"crawl.warc:https://example.org/{n} (2026-01-02T03:04:05Z)" for n in range(20)
    ]
    assert [one.text for one in found] == [MARKDOWN.replace("Moss and rain", f"Moss {n}") for n in range(20)]
    assert "1 image/png" in caplog.text and "1 response 404" in caplog.text


def test_a_notebook_is_its_cells_without_what_they_gave_out(read):
    cells = [
        {"cell_type": "markdown", "source": ["# Moss\n", "\n", PARAGRAPHS[0]]},
        {"cell_type": "code", "source": CODE, "outputs": [{"text": "forty-two litres"}]},
        {"cell_type": "markdown", "source": PARAGRAPHS[1]},
    ]
    book = {"cells": cells, "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4}
    (document,) = read("lesson.ipynb", json.dumps(book))
    assert document.text == f"# Moss\n\n{PARAGRAPHS[0]}\n\n```python\n{CODE}\n```\n\n{PARAGRAPHS[1]}"


def test_front_matter_goes_and_its_title_stays(read):
    (document,) = read("guide.md", f"---\ntitle: Moss\ntags: [a]\n---\n# Head\n\n{PARAGRAPHS[0]}\n")
    assert (document.title, document.text.strip()) == ("Moss", f"# Head\n\n{PARAGRAPHS[0]}")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("entity", ["&b;", "&c;"])
def test_xml_has_no_entities(tmp_path, entity):
    content = f'{BOMB}<office:document-content xmlns:office="{OFFICE}:office:1.0" xmlns:text="{OFFICE}:text:1.0"><office:body><office:text><text:p>moss {entity}</text:p></office:text></office:body></office:document-content>'
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", content)
    (tmp_path / "good.txt").write_text("good")
    texts = [one.text for one in FileSource(str(tmp_path)).documents()]
    assert "good" in texts and not any("aaaa" in text or "root:" in text for text in texts)
