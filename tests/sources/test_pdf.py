"""PDFs that are not plain pages of text: three columns, forms, no pages."""

import gzip
import re

import fpdf
import pypdfium2

from tests.sources.reads import read


def test_three_columns_whose_lines_were_set_across(tmp_path):
    made = fpdf.FPDF(format="A4")
    made.add_page()
    made.set_font("helvetica", size=8)
    for row in range(20):
        for column in range(3):
            made.text(20 + 60 * column, 30 + 5 * row, f"Column {column} has the line of number {row:02} here")
    made.output(str(tmp_path / "leaflet.pdf"))
    ((document,), _) = read(tmp_path / "leaflet.pdf")
    found = re.findall(r"Column (\d) has the line of number (\d\d)", document.text)
    assert found == [(str(column), f"{row:02}") for column in range(3) for row in range(20)]


def test_a_pdf_without_pages_is_not_taken_for_what_was_wrong_with_another_file(tmp_path):
    locked = fpdf.FPDF()
    locked.add_page()
    locked.set_encryption(owner_password="owner", user_password="user")
    locked.output(str(tmp_path / "locked.pdf"))
    pypdfium2.PdfDocument.new().save(tmp_path / "none.pdf")
    reasons = [read(tmp_path / name)[1][0].reason for name in ("locked.pdf", "none.pdf", "locked.pdf")]
    assert reasons == ["encrypted", "no_pages", "encrypted"]
    (tmp_path / "none.pdf.gz").write_bytes(gzip.compress((tmp_path / "none.pdf").read_bytes()))
    assert [read(tmp_path / name)[1][0].detail for name in ("none.pdf", "none.pdf.gz")] == [" has no pages"] * 2
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.7 and no more")
    assert read(tmp_path / "torn.pdf")[1][0].detail.startswith(" is not a readable PDF: ")


def test_what_is_filled_in_a_form_is_read(tmp_path):
    stream = b"BT /F 12 Tf 2 4 Td (Mosses have no roots) Tj ET"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Annots[4 0 R]>>",
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(Mosses have no roots)/Rect[50 50 250 70]/F 4/P 3 0 R/AP<</N 5 0 R>>>>",
        b"<</Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F 6 0 R>>>>/Length %d>>stream\n%s\nendstream"
        % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    objects = b"".join(b"%d 0 obj%sendobj\n" % (number, part) for number, part in enumerate(parts, start=1))
    (tmp_path / "form.pdf").write_bytes(b"%PDF-1.4\n" + objects + b"trailer<</Root 1 0 R/Size 7>>\n%%EOF")
    ((document,), _) = read(tmp_path / "form.pdf")
    assert document.text == "Mosses have no roots"
