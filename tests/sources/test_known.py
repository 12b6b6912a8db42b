"""Documents of which the text is known come back as it, whatever kind of file they are."""

import gzip
import re

import docx
import pytest

from fanno_hf.sources.document import Document
from tests.sources.known import known, recall_and_precision, text_of
from tests.sources.made import html_page, write_docx, write_epub, write_notebook, write_odt, write_warc
from tests.sources.printed import write_pdf
from tests.sources.reads import read

KNOWN = known(seed=1)
CHAPTERS = {f"chapter{number:02}.xhtml": known(seed=number, sections=1) for number in (3, 1, 2)}


def assert_found(documents: list[Document], expected: str) -> None:
    """The documents together have the words that are expected, and no others."""
    found = re.sub(r"^```\w*$", "", "\n".join(document.text for document in documents), flags=re.MULTILINE)
    recall, precision = recall_and_precision(found, expected)
    assert min(recall, precision) >= 0.98, (recall, precision)


@pytest.mark.parametrize("columns", [1, 2])
def test_pdf_without_running_heads_and_page_numbers(tmp_path, columns):
    write_pdf(tmp_path / "known.pdf", KNOWN, columns)
    ((document,), _) = read(tmp_path / "known.pdf")
    assert_found([document], text_of(KNOWN))
    assert document.title == "Mosses and ferns"
    assert [place for _, place in document.places][:2] == ["page 1", "page 2"]


def test_html_without_navigation_and_banners(tmp_path):
    (tmp_path / "known.html").write_bytes(html_page(KNOWN))
    ((document,), _) = read(tmp_path / "known.html")
    assert_found([document], text_of(KNOWN))
    assert document.title == "Mosses & ferns"
    assert "cookies" not in document.text and "Copyright" not in document.text


@pytest.mark.parametrize("kind", ["docx", "odt", "ipynb"])
def test_office_files_and_notebooks(tmp_path, kind):
    path = tmp_path / f"known.{kind}"
    {"docx": write_docx, "odt": write_odt, "ipynb": write_notebook}[kind](path, KNOWN)
    ((document,), _) = read(path)
    assert_found([document], text_of(KNOWN))
    assert document.text.startswith(f"# {KNOWN[0].text}\n")
    assert "\n- " in document.text and "\n1. " in document.text and "| --- |" in document.text or kind == "ipynb"
    assert "```" in document.text and "\n    return " in document.text


def test_a_letter_that_another_program_wrote(tmp_path):
    made = docx.Document()
    made.core_properties.title = "Moss"
    made.add_heading("Moss and rain", level=1)
    made.add_paragraph("Mosses have no roots.")
    made.add_heading("Watering", level=2)
    table = made.add_table(rows=0, cols=2)
    for row in (("month", "litres"), ("May", "3")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    for item in ("shade", "patience"):
        made.add_paragraph(item, style="List Bullet")
    made.save(tmp_path / "letter.docx")
    ((document,), _) = read(tmp_path / "letter.docx")
    assert document.title == "Moss"
    assert document.text == (
        "# Moss and rain\n\nMosses have no roots.\n\n## Watering\n\n"
        "| month | litres |\n| --- | --- |\n| May | 3 |\n\n- shade\n- patience"
    )


def test_front_matter_goes_and_its_title_stays(tmp_path):
    (tmp_path / "guide.md").write_text("---\ntitle: Moss\ntags: [a]\n---\n# Head\n\nMosses have no roots.\n")
    ((document,), _) = read(tmp_path / "guide.md")
    assert (document.title, document.text.strip()) == ("Moss", "# Head\n\nMosses have no roots.")


def test_epub_in_the_order_in_which_it_is_read(tmp_path):
    write_epub(tmp_path / "book.epub", CHAPTERS)
    documents, _ = read(tmp_path / "book.epub")
    assert [document.source for document in documents] == [f"book.epub:{name}" for name in CHAPTERS]
    assert {document.title for document in documents} == {"The book of mosses"}
    assert_found(documents, "\n".join(text_of(parts) for parts in CHAPTERS.values()))


def test_a_crawl_of_twenty_answers(tmp_path):
    parts = {number: known(seed=number, sections=1) for number in range(16)}
    head = "HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8"
    answers = [(f"https://example.org/{number}", head, html_page(part)) for number, part in parts.items()]
    packed = gzip.compress(answers[3][2])
    answers[3] = (answers[3][0], f"{head}\nContent-Encoding: gzip", packed)
    answers += [
        ("https://example.org/gone", "HTTP/1.1 404 Not Found\nContent-Type: text/html", b"<p>Nothing is here.</p>"),
        ("https://example.org/moved", "HTTP/1.1 301 Moved\nContent-Type: text/html", b"<p>It is there.</p>"),
        ("https://example.org/a.png", "HTTP/1.1 200 OK\nContent-Type: image/png", b"\x89PNG"),
        ("https://example.org/b.json", "HTTP/1.1 200 OK\nContent-Type: application/json", b"{}"),
    ]
    write_warc(tmp_path / "crawl.warc.gz", answers)
    documents, left_out = read(tmp_path / "crawl.warc.gz")
    assert [document.source for document in documents] == [
        f"crawl.warc.gz:https://example.org/{number} (2026-01-02T03:04:05Z)" for number in range(16)
    ]
    assert_found(documents, "\n".join(text_of(part) for part in parts.values()))
    assert [unread.detail for unread in left_out] == ["response 404", "response 301", "image/png", "application/json"]
