"""Sources: every kind of file in every wrapping, and a line that says what is wrong with the ones that cannot be read."""

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.files import FileSource
from fanno_hf.sources.hub import HubSource
from fanno_hf.sources.sample import SampleSource, read_sample
from tests.conftest import DOCUMENTS, write_documents

TEXTS = ["Mosses have no roots.", 'Tides turn "turbines",\nées côtes.']
VERDICTS = ("low_quality", "private_information", "advertisement")
ROWS = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]


def as_csv(rows: list[dict]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_parquet(rows: list[dict]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def as_json_lines(rows: list) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


TABLES = {"jsonl": as_json_lines, "ndjson": as_json_lines, "csv": as_csv, "parquet": as_parquet}
TABLES["json"] = lambda rows: json.dumps(rows).encode()


@pytest.fixture
def put(tmp_path):
    """A function that writes a file below tmp_path/notes, packed where its name ends in .gz, and returns its path."""

    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        return path

    return write


def read(path, **settings) -> list[tuple]:
    return list(FileSource(str(path), **settings).documents())


def texts(path, **settings) -> list:
    return [text for text, _ in read(path, **settings)]


def complaint(path, **settings) -> str:
    with pytest.raises(UserError) as raised:
        read(path, **settings)
    return str(raised.value)


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", TABLES)
def test_tables_give_their_texts_with_the_number_of_the_row(put, kind, packed):
    name = f"pages.{kind}{packed}"
    path = put(name, TABLES[kind](ROWS))
    assert read(path) == [(TEXTS[0], f"{name}:1"), (TEXTS[1], f"{name}:2")]


@pytest.mark.parametrize("name", ["moss.txt", "moss.md", "moss.txt.gz", "moss.md.gz", "MOSS.TXT"])
def test_a_text_file_is_one_document(put, name):
    assert read(put(name, TEXTS[1])) == [(TEXTS[1], name)]


def test_a_byte_order_mark_is_no_text(put):
    assert texts(put("moss.txt", b"\xef\xbb\xbfMoss")) == ["Moss"]


def test_a_folder_is_read_with_everything_below_it_sorted_by_path(put, tmp_path):
    for name in ("b.txt", "a/z.md", "a/b/c.jsonl"):
        put(name, as_json_lines(["line"]) if name.endswith("jsonl") else name)
    assert [source for _, source in read(tmp_path / "notes")] == ["a/b/c.jsonl:1", "a/z.md", "b.txt"]


def test_other_and_hidden_files_in_a_folder_are_left_out(put, tmp_path):
    for name in ("moss.txt", "moss.pdf", "README", ".hidden.txt", ".git/config.txt"):
        put(name, "text")
    assert [source for _, source in read(tmp_path / "notes")] == ["moss.txt"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("*.txt", ["moss.txt"]), ("**/*.txt", ["deep/er/tide.txt", "moss.txt"]), ("dee?/*/*", ["deep/er/tide.txt"])],
)
def test_a_glob_names_files_below_its_first_wildcard(put, tmp_path, pattern, found):
    for name in ("moss.txt", "moss.md", "deep/er/tide.txt"):
        put(name, "text")
    assert [source for _, source in read(tmp_path / "notes" / pattern)] == found


def test_a_path_is_found_in_the_home_folder(put, monkeypatch):
    monkeypatch.setenv("HOME", str(put("moss.txt", "Moss").parent))
    assert texts("~/moss.txt") == ["Moss"]


def test_blank_lines_count_but_are_no_rows(put):
    path = put("pages.jsonl", b'{"text": "Moss"}\n\n  \n{"text": "Tide"}\n')
    assert read(path) == [("Moss", "pages.jsonl:1"), ("Tide", "pages.jsonl:4")]


def test_a_unicode_line_separator_does_not_end_a_line(put):
    assert texts(put("pages.jsonl", as_json_lines([{"text": "Moss\u2028Tide\u0085"}]))) == ["Moss\u2028Tide\u0085"]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("page.json", json.dumps(ROWS[0], indent=2), TEXTS[:1]),  # one object
        ("pages.json", as_json_lines(ROWS), TEXTS),  # lines
        ("pages.jsonl", as_json_lines(TEXTS), TEXTS),  # lines that are strings
        ("nulls.parquet", as_parquet([{"text": "Moss"}, {"text": None}]), ["Moss", None]),
        ("notes[1].txt", "Moss", ["Moss"]),  # a name that looks like a glob
    ],
)
def test_other_forms_are_read_too(put, name, content, found):
    assert texts(put(name, content)) == found


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("column", ["content", "document", "body"])
def test_a_usual_name_is_found(put, kind, column):
    rows = [{"title": "a title", column: "Moss"}]
    assert texts(put(f"pages.{kind}", TABLES[kind](rows))) == ["Moss"]


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_the_only_column_of_strings_is_found(put, kind):
    rows = [{"number": 3, "paragraph": "Moss"}]
    assert texts(put(f"pages.{kind}", TABLES[kind](rows))) == ["Moss"]


@pytest.mark.parametrize("kind", TABLES)
def test_a_named_column_is_taken(put, kind):
    rows = [{"text": "Moss", "abstract": "Tide"}]
    assert texts(put(f"pages.{kind}", TABLES[kind](rows)), text_column="abstract") == ["Tide"]


@pytest.mark.parametrize("kind", TABLES)
def test_columns_that_could_all_be_meant_are_listed(put, kind):
    path = put(f"pages.{kind}", TABLES[kind]([{"question": "Moss", "answer": "Tide"}]))
    assert complaint(path) == (
        f"{path} has no column of text that can be told by its name: set data.text_column. Columns: question, answer"
    )


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "json"])
def test_a_column_that_is_not_there_is_named_with_the_nearest(put, kind):
    path = put(f"pages.{kind}", TABLES[kind]([{"id": "1", "abstract": "Tide"}]))
    assert complaint(path, text_column="abstrct") == (
        f"{path} has no column 'abstrct' (data.text_column); did you mean 'abstract'? Columns: id, abstract"
    )


def test_a_file_whose_rows_have_no_text_at_all_lists_its_columns(put):
    path = put("pages.jsonl", as_json_lines([{"id": 1, "text": None}]))
    assert complaint(path).endswith("set data.text_column. Columns: id, text")


def test_a_row_without_the_column_that_others_have_has_no_text(put):
    path = put("pages.jsonl", as_json_lines([{"abstract": "Tide"}, {"id": 1}]))
    assert texts(path, text_column="abstract") == ["Tide", None]


@pytest.mark.parametrize("value", [None, 7, ["Moss"], {"a": "Moss"}])
def test_what_is_no_string_is_handed_on_as_it_is(put, value):
    path = put("pages.jsonl", as_json_lines([{"text": "Moss"}, {"text": value}]))
    assert texts(path, text_column="text") == ["Moss", value]


@pytest.mark.parametrize("value", [None, 7])
def test_a_usual_name_is_found_where_this_row_has_no_text(put, value):
    path = put("pages.jsonl", as_json_lines([{"title": "a", "text": value}, {"title": "b", "text": "Moss"}]))
    assert texts(path) == [value, "Moss"]


@pytest.mark.parametrize("limit", [1, 3])
def test_limit_counts_documents_over_all_files(put, tmp_path, limit):
    put("a.jsonl", as_json_lines(["1", "2"]))
    put("b.jsonl", as_json_lines(["3", "4"]))
    assert texts(tmp_path / "notes", limit=limit) == ["1", "2", "3"][:limit]


def test_nothing_beyond_the_limit_is_read(put, tmp_path):
    put("a.txt", "Moss")
    put("b.jsonl", b"{broken")
    assert texts(tmp_path / "notes", limit=1) == ["Moss"]


@pytest.mark.parametrize("name", ["moss.txt", "pages.jsonl", "pages.csv", "moss.md.gz"])
def test_what_is_not_utf8_is_named_with_the_byte(put, name):
    path = put(name, "1234\ncafé au lait".encode("latin-1"))
    assert complaint(path).startswith(f"{path} is not UTF-8: byte 8 is 0xe9; convert it first")


@pytest.mark.parametrize("name", ["nowhere.txt", "nowhere/", "*.txt"])
def test_a_path_that_is_not_there_is_named(tmp_path, name):
    assert complaint(tmp_path / name).startswith(f"data.path={tmp_path / name}: there is no such file or folder")


@pytest.mark.parametrize("name", ["moss.pdf", "notes"])
def test_a_file_of_another_kind_says_which_are_known(put, name):
    path = put(name, "text")
    assert complaint(path) == (
        f"data.path={path}: files of this kind are not read; known: jsonl, ndjson, json, parquet, csv, txt, md (.gz)"
    )


def test_an_empty_folder_is_told(tmp_path):
    assert complaint(tmp_path).startswith(f"data.path={tmp_path}: no file in it can be read; known: jsonl")


@pytest.mark.parametrize("path", ["", None])
def test_a_missing_path_is_asked_for(path):
    with pytest.raises(UserError, match="data.path is missing: give a file, a folder or a glob"):
        list(FileSource(path).documents())


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [("pages.jsonl", '{"text": "Moss"}\n{"text": \n', ", line 2"), ("page.json", '{"text": "Moss"', "")],
)
def test_broken_json_is_named(put, name, content, place):
    path = put(name, content)
    assert complaint(path).startswith(f"{path}{place} is not JSON: ")


@pytest.mark.parametrize("name", ["pages.parquet", "pages.parquet.gz"])
@pytest.mark.parametrize("damage", [lambda data: b"PAR1" + data[:20], lambda data: b"", lambda data: b"moss" * 99])
def test_a_corrupt_parquet_file_is_named(put, name, damage):
    path = put(name, damage(as_parquet(ROWS)))
    assert complaint(path).startswith(f"{path} is not a readable parquet file: ")


def test_a_corrupt_page_in_a_parquet_file_is_named(put):
    data = bytearray(as_parquet([{"text": "Moss"}] * 1000))
    data[10:40] = b"\xff" * 30
    path = put("pages.parquet", bytes(data))
    assert complaint(path).startswith(f"{path} ")


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b"Moss" * 100, mtime=0)[:-12], b"\x1f\x8b" + b"\xff" * 40]
)
def test_a_corrupt_gz_file_is_named(put, content):
    path = put("moss.txt", content).rename(put("x", "").with_name("moss.txt.gz"))
    assert complaint(path).startswith(f"{path} cannot be read: ")


def test_a_csv_file_with_a_field_of_any_length_is_read(put):
    assert len(texts(put("pages.csv", as_csv([{"text": "moss " * 100_000}])))[0]) == 500_000


def test_a_column_of_categories_is_text(put):
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": pa.array(["Moss", "Tide", "Moss"]).dictionary_encode()}), sink)
    assert texts(put("pages.parquet", sink.getvalue())) == ["Moss", "Tide", "Moss"]


@pytest.mark.parametrize("text", ['A 5" nail', 'say "hi', '"quoted" and more'])
def test_a_quote_within_a_text_is_part_of_it(put, text):
    assert [found.replace('"', "") for found in texts(put("pages.csv", f"text\n{text}\n"))] == [text.replace('"', "")]


def test_a_quote_that_never_closes_is_named_with_its_row(put):
    path = put("pages.csv", 'text\nMoss\n"Tide\nBread\nViolin\n')
    assert complaint(path) == f"{path}: the file ends inside a quoted text of row 2: close or double the quote"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_empty_file_has_no_documents(put, kind):
    assert texts(put(f"pages.{kind}", b"")) == []


def test_the_sample_has_a_source_for_every_text():
    documents = list(SampleSource().documents())
    assert [source for _, source in documents] == [f"sample:{row['id']}" for row in read_sample()]
    assert list(SampleSource(limit=5).documents()) == documents[:5]


@pytest.fixture
def dataset(tmp_path) -> Path:
    """A folder laid out like a data set of the Hub."""
    for split, number in (("train", 0), ("test", 2)):
        path = tmp_path / "dataset" / "data" / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_parquet([{"text": f"Moss {number + i}", "title": "a"} for i in range(2)]))
    return tmp_path / "dataset"


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, [("Moss 0", "train:1"), ("Moss 1", "train:2")]),
        ({"split": "test"}, [("Moss 2", "test:1"), ("Moss 3", "test:2")]),
        ({"limit": 1}, [("Moss 0", "train:1")]),
        ({"text_column": "title"}, [("a", "train:1"), ("a", "train:2")]),
    ],
    ids=str,
)
def test_a_data_set_is_streamed_with_the_number_of_the_row(dataset, settings, found):
    assert list(HubSource(str(dataset), **settings).documents()) == [(text, f"{dataset}/{row}") for text, row in found]


def test_a_column_that_a_data_set_lacks_is_named_with_the_nearest(dataset):
    with pytest.raises(
        UserError, match=r"\(train\) has no column 'titel' .*; did you mean 'title'\? Columns: text, title"
    ):
        list(HubSource(str(dataset), text_column="titel").documents())


def test_a_data_set_may_begin_with_a_null(dataset):
    rows = [{"text": None, "title": 1}, {"text": "Moss", "title": 2}]
    next(dataset.glob("data/train*")).write_bytes(as_parquet(rows))
    assert [text for text, _ in HubSource(str(dataset), text_column=None).documents()] == [None, "Moss"]


@pytest.mark.parametrize(("folder", "said"), [("dataset", " .*validation"), ("nowhere", "")])
def test_a_split_or_data_set_that_is_not_there_is_told(dataset, folder, said):
    name = dataset.with_name(folder)
    with pytest.raises(UserError, match=f"data.name={name} cannot be loaded{said}"):
        list(HubSource(str(name), split="validation").documents())


def test_a_data_set_with_a_corrupt_file_is_told(dataset):
    for path in dataset.glob("data/*"):
        path.write_bytes(b"PAR1 moss")
    with pytest.raises(UserError, match=f"data.name={dataset} cannot be loaded"):
        list(HubSource(str(dataset)).documents())


def test_a_missing_name_is_asked_for():
    with pytest.raises(UserError, match="data.name is missing"):
        HubSource("")


def test_rows_without_text_are_dropped_as_empty(run, tmp_path):
    path = write_documents(tmp_path / "mixed.jsonl", [*DOCUMENTS[:3], None, "", " \n\t", 7, ["Moss"]])
    nothing_asked = [f"stages.prescreen.verdicts.{name}=null" for name in VERDICTS]
    folder = run(f"data.path={path}", "stage=prescreen", *nothing_asked)
    assert folder.manifest["stages"]["prescreen"]["rejected"] == {"empty": 5}
