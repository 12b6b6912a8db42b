"""CSV and TSV, however they are written, and Parquet: every row as it is, or the first one that cannot be."""

import csv
import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanno_hf.sources.files import FileSource
from fanno_hf.sources.options import Options
from fanno_hf.sources.readers import parquet
from fanno_hf.sources.reading import documents_of, open_file, rows_of

SIGNS = ["moss", "Tide", "é", "苔", " ", " ", ",", ";", "\t", "|", '"', "'", "\n", "\r\n", "\\", "1,5", "#", "-"]


def written(rows: list[list[str]], delimiter: str, quoting: int, end: str) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize(
    ("quoting", "end"),
    [(csv.QUOTE_MINIMAL, "\n"), (csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_whatever_is_written_is_read_as_it_was(documents, delimiter, quoting, end):
    rng = random.Random(f"{delimiter}{quoting}{end}")
    for width in (1, 2, 5):
        rows = [["x" + "".join(rng.choices(SIGNS, k=rng.randrange(12))) for _ in range(width)] for _ in range(8)]
        rows.insert(0, ["text", "id", "url", "note", "n"][:width])
        found = documents("pages.csv", written(rows, delimiter, quoting, end))
        assert found == [(row[0], f"pages.csv:{number}") for number, row in enumerate(rows[1:], start=1)]


def test_a_table_is_known_by_its_head_and_read_to_its_end(documents, complaint):
    rows = [["id", "text"], *([str(n), f"Moss; and so on, {'drinks rain ' * 20}\n| {n}"] for n in range(3_000))]
    table = written(rows, ";", csv.QUOTE_MINIMAL, "\n")
    assert [text for text, _ in documents("long.csv", table)] == [row[1] for row in rows[1:]]
    said = complaint("long.csv", f"{table}7;Moss;and more\n")
    assert said.startswith(", row 3001 has 3 fields, the header has 2 (delimiter ';'): quote what holds")


def test_a_text_may_be_longer_than_the_head(texts):
    long = "Moss drinks rain; it has no roots, and | so on.\n" * 20_000
    assert texts("long.csv", written([["id", "text"], ["1", long], ["2", "Tide"]], ";", 0, "\n")) == [long, "Tide"]


@pytest.mark.parametrize(
    ("table", "settings", "said"),
    [
        ("id;body\n1;Moss drinks rain\n", {}, "delimiter ';', text column 'body' (usual name)"),
        ("id\tbody\n1\tMoss\n", {}, "delimiter tab, text column 'body' (usual name)"),
        ("note\nMoss, and rain\n", {}, "one column, text column 'note' (the only one of text)"),
        ("1,Moss drinks the rain.\n", {}, "delimiter ',', no header, text column 'column_2' (the only one of text)"),
        ("id,a,b\n1,Moss,Tide\n", {"text_column": "b"}, "delimiter ',', text column 'b' (data.text_column)"),
        (
            "id,name,story\n1,Moss,It drinks the rain\n",
            {},
            "delimiter ',', text column 'story' (the only one of prose)",
        ),
    ],
)
def test_how_a_table_is_read_is_said(documents, caplog, table, settings, said):
    with caplog.at_level("INFO"):
        documents("pages.csv", table, limit=1, **settings)
    assert caplog.messages == [f"data.path: pages.csv: {said}"]


def test_files_that_are_read_alike_are_said_once(tmp_path, caplog):
    for number, delimiter in enumerate(",,,;;\t||"):
        (tmp_path / f"{number}.csv").write_text(f"id{delimiter}text\n1{delimiter}Moss\n")
    with caplog.at_level("INFO"):
        assert len(list(FileSource(str(tmp_path)).documents())) == 8
    assert caplog.messages == [
        "data.path: 0.csv: delimiter ',', text column 'text' (usual name)",
        "data.path: 3.csv: delimiter ';', text column 'text' (usual name)",
        "data.path: 5.csv: delimiter tab, text column 'text' (usual name)",
        "data.path: other files are read in 1 other way",
    ]


NAMED = [
    ("Moss,1\nTide,2\n", ["column_1", "column_2"]),  # numbers where there would be names
    ("sport,They won the match.\nsport,They lost it again.\n", ["column_1", "column_2"]),  # a value that comes again
    ("a,b\nMoss,Tide\n", ["a", "b"]),
    ("When?,What do you think of it? Say it in a few words.\n2024-05-13,Good\n", ["When?", "What do you think of it? Say it in a few words."]),
    ("text,text,\nMoss,Tide,\n", ["text", "text_2", "column_3"]),
    ("\n\nid,text\n1,Moss\n", ["id", "text"]),
]  # fmt: skip


@pytest.mark.parametrize(("table", "names"), NAMED)
def test_the_first_row_names_the_columns_or_is_data(tmp_path, table, names):
    (tmp_path / "pages.csv").write_text(table)
    _, *rows = rows_of(open_file(tmp_path / "pages.csv", "pages.csv", Options()), Options())
    assert list(rows[0].value) == names
    assert len(rows) == len(table.split()) - (names[0] != "column_1") or " " in table


def test_a_row_of_nothing_is_a_text_that_is_none(texts):
    assert texts("pages.csv", "id;text\n1;Moss\n;\n\n2;Tide\n") == ["Moss", "", "Tide"]


def test_a_line_longer_than_allowed_is_named(complaint):
    said = complaint("pages.csv", "text\nMoss\n" + "a" * 30_000 + "\n", max_file_size=20_000)
    assert said.startswith(", line 3 is longer than data.max_file_size=20,000 bytes")


def test_a_quote_that_is_never_closed_takes_no_more_than_allowed(complaint):
    said = complaint("pages.csv", 'text\n"Moss\n' + "rain\n" * 50_000, max_file_size=20_000)
    assert said.startswith(", row 1 has a field of more than data.max_file_size=20,000 bytes")


@pytest.fixture
def table(tmp_path):
    """A table with a picture, a column of text and one in which a page is damaged."""
    sink, path = io.BytesIO(), tmp_path / "pages.parquet"
    rows = {
        "picture": [b"\xff\xd8" * 50] * 3,
        "n": ["q" * 40, "r" * 40, "s" * 40],
        "body": ["Moss", None, "Tide"],
        "parts": [["a b", "c"], [], ["d"]],
    }
    pq.write_table(pa.table(rows), sink, use_dictionary=False, compression="none")
    path.write_bytes(sink.getvalue())
    return path


def test_of_a_wide_table_only_the_text_is_read(table, monkeypatch):
    asked = []
    read = pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile, "iter_batches", lambda *a, **k: asked.append(list(k["columns"])) or read(*a, **k)
    )
    assert [one.text for one in FileSource(str(table)).documents()] == ["Moss", None, "Tide"]
    assert asked == [["n", "body", "parts.list.element"], ["body"]]


def test_the_whole_rows_have_all_columns_but_bytes(table):
    (_, row), *_ = FileSource(str(table)).rows()
    assert row == {"n": "q" * 40, "body": "Moss", "parts": ["a b", "c"]}


def test_lists_in_a_table_are_joined(table):
    source = FileSource(str(table), text_column="parts", join=" ")
    assert [one.text for one in source.documents()] == ["a b c", None, "d"]


def test_rows_that_are_large_are_read_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 100)
    pq.write_table(pa.table({"text": [f"{n} moss " * 20 for n in range(9)]}), tmp_path / "pages.parquet")
    options = Options()
    items = list(documents_of(open_file(tmp_path / "pages.parquet", "pages.parquet", options), options))
    assert [item.text[0] for item in items[1:]] == list("012345678")
