"""Files made to crash, fill or fool what reads them cost themselves, a line each, and nothing else."""

import gzip
import io
import os
import zipfile

import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.files import FileSource
from fanno_hf.sources.parts import resolve
from tests.sources.known import known
from tests.sources.made import write_epub, write_warc
from tests.sources.reads import read

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DOCUMENT = f'<w:document xmlns:w="{W}"><w:body>{{}}</w:body></w:document>'
PARAGRAPH = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"


def word(document: str | bytes) -> bytes:
    """A Word document of one part."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", document)
    return buffer.getvalue()


def laughs() -> str:
    """A document of a few letters that would be billions, were they expanded."""
    entities = '<!ENTITY a "moss ">' + "".join(
        f'<!ENTITY {chr(98 + number)} "{f"&{chr(97 + number)};" * 10}">' for number in range(10)
    )
    return f"<!DOCTYPE x [{entities}]>{DOCUMENT.format(PARAGRAPH.format('&k;'))}"


FILES = {
    "bomb.docx": word(DOCUMENT.format("".join([PARAGRAPH.format("a" * 1000)] * 2100))),
    "broken.docx": b"PK\x03\x04 and nothing more",
    "broken.epub": b"",
    "broken.pdf": b"%PDF-1.7\nand nothing more",
    "broken.warc": b"no archive of the web\r\n" * 10,
    "broken.ipynb": b'{"cells": 3}',
    "laughs.docx": word(laughs()),
    "no.docx": word("no XML"),
}


@pytest.fixture
def folder(tmp_path):
    """Hostile files, and two others."""
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "aaa.txt").write_text("Mosses have no roots.")
    (tmp_path / "zzz.html").write_text("<p>Mosses have no seeds.</p>")
    return tmp_path


def test_each_costs_itself(folder):
    source = FileSource(str(folder), processes=2, max_file_size=2_000_000)
    assert [document.source for document in source.documents()] == ["aaa.txt", "zzz.html"]
    assert {(unread.file, unread.reason) for unread in source.unread} == {
        ("bomb.docx", "too_large"),
        ("broken.docx", "damaged"),
        ("broken.epub", "empty"),
        ("broken.pdf", "damaged"),
        ("broken.warc", "damaged"),
        ("broken.ipynb", "not_a_notebook"),
        ("laughs.docx", "damaged"),
        ("no.docx", "damaged"),
    }


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<div>" * 100_000 + "deep down", "deep down"),
        ("<ul><li>" * 5_000 + "deep down", "deep down"),
        ("<table><tr><td>" * 2_000 + "deep down", "deep down"),
        ("<title>" * 100_000, ""),
        ('<a href="x' * 300_000, ""),
        ("<pre>" * 20_000 + "deep down", "deep down"),
    ],
    ids=["div", "ul", "table", "title", "a", "pre"],
)
def test_pages_without_end(tmp_path, page, text):
    (tmp_path / "page.html").write_text(page)
    ((document,), _) = read(tmp_path / "page.html")
    assert text in document.text


def test_nothing_is_fetched(tmp_path):
    (tmp_path / "secret.txt").write_text("a secret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret.txt">]>'
    text = PARAGRAPH.format("before &e; after")
    (tmp_path / "outside.docx").write_bytes(word(entity + DOCUMENT.format(text)))
    ((document,), _) = read(tmp_path / "outside.docx")
    assert document.text.startswith("before") and "secret" not in document.text


def test_a_book_whose_spine_runs_in_circles_or_out_of_it(tmp_path):
    chapters = {"one.xhtml": known(1, 1), "two.xhtml": known(2, 1)}
    write_epub(tmp_path / "book.epub", chapters)
    spine = '<itemref idref="one.xhtml"/>' * 50 + '<itemref idref="out"/><itemref idref="nowhere"/>'
    with zipfile.ZipFile(tmp_path / "book.epub") as book, zipfile.ZipFile(tmp_path / "odd.epub", "w") as odd:
        for name in book.namelist():
            data = book.read(name)
            if name.endswith(".opf"):
                out = b'<item id="out" href="../../../../etc/passwd" media-type="text/html"/></manifest>'
                data = data.replace(b"</manifest>", out).replace(b"<spine>", f"<spine>{spine}".encode())
            odd.writestr(name, data)
    documents, _ = read(tmp_path / "odd.epub")
    assert [document.source for document in documents] == ["odd.epub:one.xhtml", "odd.epub:two.xhtml"]
    assert resolve("OEBPS/book.opf", "../../../../etc/passwd") == "etc/passwd"


def test_encrypted_books_and_pdfs_say_so(tmp_path):
    from fpdf import FPDF

    write_epub(tmp_path / "drm.epub", {"one.xhtml": known(1, 1)})
    method = '<EncryptionMethod xmlns="http://www.w3.org/2001/04/xmlenc#" Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>'
    with zipfile.ZipFile(tmp_path / "drm.epub", "a") as book:
        data = f'<encryption><EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#">{method}</EncryptedData></encryption>'
        book.writestr("META-INF/encryption.xml", data)
    pdf = FPDF()
    pdf.add_page()
    pdf.set_encryption(owner_password="owner", user_password="user")
    pdf.output(str(tmp_path / "secret.pdf"))
    for name in ("drm.epub", "secret.pdf"):
        documents, unread = read(tmp_path / name)
        assert (documents, [each.reason for each in unread]) == ([], ["encrypted"])


def test_a_scan_has_no_text_layer(tmp_path):
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.rect(10, 10, 50, 50, style="F")
    pdf.output(str(tmp_path / "scan.pdf"))
    documents, (unread,) = read(tmp_path / "scan.pdf")
    assert (documents, unread.reason) == ([], "no_text_layer")
    assert f"{unread.file}{unread.detail}".startswith("scan.pdf has no text layer")


def test_a_record_whose_length_lies(tmp_path):
    head = "HTTP/1.1 200 OK\nContent-Type: text/html"
    write_warc(tmp_path / "good.warc.gz", [("https://example.org/a", head, b"<p>Mosses have no roots.</p>")])
    plain = gzip.decompress((tmp_path / "good.warc.gz").read_bytes())
    lying = plain.replace(b"Content-Length: ", b"Content-Length: 9", 1)
    (tmp_path / "crawl.warc").write_bytes(plain + lying + plain)
    documents, unread = read(tmp_path / "crawl.warc")
    assert [document.text for document in documents] == ["Mosses have no roots."]
    assert [each.reason for each in unread] == ["damaged"]


@pytest.mark.parametrize(
    ("name", "package"),
    [("a.pdf", "pypdfium2"), ("a.html", "resiliparse"), ("a.epub", "lxml")],
)
def test_without_the_extra_one_line_names_it(tmp_path, monkeypatch, name, package):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / f"{package}.py").write_text(f"raise ModuleNotFoundError('No module', name='{package}')")
    monkeypatch.setenv("PYTHONPATH", str(hidden), prepend=os.pathsep)
    (tmp_path / name).write_bytes(b"whatever")
    expected = f"reading {name} needs {package}, not installed here: run `pip install 'fanno_hf\\[documents\\]'`"
    with pytest.raises(UserError, match=expected):
        list(FileSource(str(tmp_path / name), processes=1).documents())


def test_trafilatura_is_an_option_that_says_so_where_it_is_missing(tmp_path, monkeypatch):
    page = "<html><body><article><h1>Moss</h1>" + "<p>Mosses have no roots and drink with their leaves.</p>" * 5
    (tmp_path / "page.html").write_text(page)
    ((document,), _) = read(tmp_path / "page.html", html="trafilatura")
    assert "Mosses have no roots and drink with their leaves." in document.text
    (tmp_path / "trafilatura.py").write_text("raise ModuleNotFoundError('No module', name='trafilatura')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(UserError, match="data.html=trafilatura, for page.html, needs trafilatura, not installed here"):
        list(FileSource(str(tmp_path / "page.html"), processes=1, html="trafilatura").documents())
