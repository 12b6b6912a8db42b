"""Word, OpenDocument and e-books: what other programs write into them beside plain paragraphs, once and readable."""

import io
import zipfile

import pytest

from tests.sources.known import Heading, Text
from tests.sources.made import write_epub
from tests.sources.reads import read

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
NAMES = "urn:oasis:names:tc:opendocument:xmlns:"
SPACES = " ".join(
    f'xmlns:{short}="{NAMES}{name}:1.0"'
    for short, name in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"), ("draw", "drawing"), ("svg", "svg-compatible"),
    )
)  # fmt: skip


@pytest.fixture
def word(tmp_path):
    """A function that returns the text of a Word document with this body."""

    def text(body: str) -> str:
        document = f'<w:document xmlns:w="{W}" xmlns:mc="{MC}" xmlns:m="{M}"><w:body>{body}</w:body></w:document>'
        with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
            archive.writestr("word/document.xml", document)
        ((found,), _) = read(tmp_path / "a.docx")
        return found.text

    return text


@pytest.fixture
def odt(tmp_path):
    """A function that returns the text of an OpenDocument text with this body."""

    def text(body: str, styles: str = "", **parts: str) -> str:
        styles = f"<office:automatic-styles>{styles}</office:automatic-styles>"
        body = f"<office:body><office:text>{body}</office:text></office:body>"
        with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
            archive.writestr(
                "content.xml", f"<office:document-content {SPACES}>{styles}{body}</office:document-content>"
            )
            for name, part in parts.items():
                archive.writestr(f"{name}/content.xml", part)
        ((found,), _) = read(tmp_path / "a.odt")
        return found.text

    return text


def run(text: str, mark: str = "") -> str:
    align = f'<w:rPr><w:vertAlign w:val="{mark}"/></w:rPr>' if mark else ""
    return f"<w:r>{align}<w:t>{text}</w:t></w:r>"


def paragraph(*runs: str) -> str:
    return f"<w:p>{''.join(runs)}</w:p>"


def cells(*contents: str) -> str:
    return f"<w:tbl><w:tr>{''.join(f'<w:tc>{content}</w:tc>' for content in contents)}</w:tr></w:tbl>"


def box(text: str) -> str:
    """A shape with text, as Word 2010 and later write it: once for itself, once for older programs."""
    content = f"<w:txbxContent>{paragraph(run(text))}</w:txbxContent>"
    return (
        f'<mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>{content}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict>{content}</w:pict></mc:Fallback></mc:AlternateContent>"
    )


def test_text_in_a_shape_stands_once_and_apart(word):
    body = paragraph(f"<w:r>{box('in a box')}</w:r>", run("Mosses have")) + paragraph(run("no roots."))
    assert word(body) == "in a box\nMosses have\n\nno roots."
    empty = (
        '<mc:AlternateContent><mc:Choice Requires="wps"><w:drawing/></mc:Choice><mc:Fallback/></mc:AlternateContent>'
    )
    assert word(paragraph(run("Mosses"), f"<w:r>{empty}</w:r>")) == "Mosses"
    assert word(f"<mc:AlternateContent><mc:Choice>{paragraph(run('a'))}</mc:Choice><mc:Fallback>{paragraph(run('a'))}"
                "</mc:Fallback></mc:AlternateContent>") == "a"  # fmt: skip


def test_a_table_in_a_table_stands_once(word, odt):
    inner = cells(paragraph(run("moss")), paragraph(run("2 cm")))
    body = cells(paragraph(run("outer")), paragraph(run("in")) + inner)
    assert word(body) == "outer\n\nin\n\n| moss | 2 cm |\n| --- | --- |"
    assert word(f"<w:p/>{body}").count("moss") == 1
    row = "<table:table-row>{}</table:table-row>"
    cell = "<table:table-cell><text:p>{}</text:p>{}</table:table-cell>"
    inner = f"<table:table>{row.format(cell.format('moss', '') + cell.format('2 cm', ''))}</table:table>"
    head = f"<table:table-header-rows>{row.format(cell.format('head', '') + cell.format('of all', ''))}</table:table-header-rows>"
    body = f"<table:table>{head}{row.format(cell.format('outer', '') + cell.format('in', inner))}</table:table>"
    assert odt(body) == "head\n\nof all\n\nouter\n\nin\n\n| moss | 2 cm |\n| --- | --- |"


def test_cells_in_content_controls_are_cells(word):
    control = f"<w:sdt><w:sdtContent><w:tc>{paragraph(run('2 cm'))}</w:tc></w:sdtContent></w:sdt>"
    table = f"<w:tbl><w:tr><w:tc>{paragraph(run('moss'))}</w:tc>{control}</w:tr></w:tbl>"
    assert word(table) == "| moss | 2 cm |\n| --- | --- |"


def test_what_is_raised_or_a_formula_keeps_its_meaning(word, odt):
    text = paragraph(
        run("10"), run("3", "superscript"), run(" H"), run("2", "subscript"), run("O, 1"), run("st", "superscript")
    )
    assert word(text) == "10^3 H_2O, 1st"
    assert word(paragraph(run("10"), run("1", "superscript"), run("2", "superscript"))) == "10^12"
    half = "<m:oMath><m:f><m:fPr/><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
    assert word(paragraph(run("x = "), half)) == "x = 1/2"
    style = '<style:style style:name="T1"><style:text-properties style:text-position="super 58%"/></style:style>'
    math = '<math xmlns="http://www.w3.org/1998/Math/MathML"><mfrac><mn>1</mn><mn>2</mn></mfrac></math>'
    link = 'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="./Half"'
    body = f'<text:p>10<text:span text:style-name="T1">3</text:span> or <draw:frame><draw:object {link}/></draw:frame></text:p>'
    assert odt(body, style, Half=math) == "10^3 or 1/2"


def test_text_boxes_and_descriptions_of_pictures(odt):
    frame = "<draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box><svg:desc>a picture</svg:desc></draw:frame>"
    assert odt(f"<text:p>{frame}Mosses have no roots.</text:p>") == "in a box\nMosses have no roots."


def changed(book: bytes, **texts: tuple[str, str]) -> bytes:
    """The book with other texts in its package."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(sink, "w") as new:
        for name in old.namelist():
            data = old.read(name).decode()
            for before, after in texts.values() if name.endswith(".opf") else ():
                data = data.replace(before, after)
            new.writestr(name, data)
    return sink.getvalue()


def test_chapters_that_are_missing_are_named_and_the_table_of_contents_is_none(tmp_path):
    parts = {
        name: [Heading(1, name), Text("Mosses have no roots.")] for name in ("one.xhtml", "two.xhtml", "nav.xhtml")
    }
    write_epub(tmp_path / "book.epub", parts)
    book = changed(
        (tmp_path / "book.epub").read_bytes(),
        gone=("text/two.xhtml", "text/three.xhtml"),
        case=("text/one.xhtml", "Text/ONE.xhtml"),
        nav=('<item id="nav.xhtml"', '<item id="nav.xhtml" properties="nav"'),
    )
    (tmp_path / "book.epub").write_bytes(book)
    (document,), unread = read(tmp_path / "book.epub")
    assert (document.source, document.text) == ("book.epub:one.xhtml", "# one.xhtml\n\nMosses have no roots.")
    assert [(each.file, each.reason, each.detail) for each in unread] == [
        ("book.epub:OEBPS/text/three.xhtml", "missing", " is a chapter that the book names and does not have"),
        ("book.epub:OEBPS/text/nav.xhtml", "kind", "table of contents"),
    ]
