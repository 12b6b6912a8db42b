"""Sources: every kind of file in every wrapping, and a line that says what is wrong with the ones that cannot be read."""

import csv
import gzip
import io
import json
import os
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


def as_parquet(rows: list[dict] | dict) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows) if isinstance(rows, list) else pa.table(rows), sink)
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


def pairs(source) -> list[tuple]:
    return [(one.text, one.source) for one in source.documents()]


def read(path, **settings) -> list[tuple]:
    return pairs(FileSource(str(path), **settings))


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


@pytest.mark.parametrize(
    ("names", "pattern", "found"),
    [
        ("b.txt a/z.md a/b/c.md", "", "a/b/c.md a/z.md b.txt"),  # sorted by path
        ("moss.txt moss.png README .hidden.txt .git/config.txt", "", "README moss.txt"),
        ("moss.txt moss.md deep/er/tide.txt", "*.txt", "moss.txt"),
        ("moss.txt moss.md deep/er/tide.txt", "**/*.txt", "deep/er/tide.txt moss.txt"),
        ("moss.txt moss.md deep/er/tide.txt", "dee?/*/*", "deep/er/tide.txt"),
    ],
)
def test_a_folder_or_glob_names_the_files_below_it_that_can_be_read(put, tmp_path, names, pattern, found):
    for name in names.split():
        put(name, "text")
    assert [source for _, source in read(tmp_path / "notes" / pattern)] == found.split()


def test_a_path_is_found_in_the_home_folder(put, monkeypatch):
    monkeypatch.setenv("HOME", str(put("moss.txt", "Moss").parent))
    assert texts("~/moss.txt") == ["Moss"]


def test_blank_lines_count_but_are_no_rows(put):
    path = put("pages.jsonl", b'{"text": "Moss"}\n\n  \n{"text": "Tide"}\n')
    assert read(path) == [("Moss", "pages.jsonl:1"), ("Tide", "pages.jsonl:4")]


CATEGORIES = as_parquet({"text": pa.array(["Moss", "Tide", "Moss"]).dictionary_encode()})


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("moss.txt", b"\xef\xbb\xbfMoss", ["Moss"]),  # a byte order mark
        ("notes[1].txt", "Moss", ["Moss"]),  # a name that looks like a glob
        ("page.json", json.dumps(ROWS[0], indent=2), TEXTS[:1]),  # one object
        ("pages.json", as_json_lines(ROWS), TEXTS),  # lines
        ("pages.jsonl", as_json_lines(TEXTS), TEXTS),  # lines that are strings
        (
            "pages.jsonl",
            as_json_lines([{"text": "Moss\u2028Tide\u0085"}]),
            ["Moss\u2028Tide\u0085"],
        ),  # no end of a line
        ("nulls.parquet", as_parquet([{"text": "Moss"}, {"text": None}]), ["Moss", None]),
        ("categories.parquet", CATEGORIES, ["Moss", "Tide", "Moss"]),
        ("long.csv", as_csv([{"text": "moss " * 100_000}]), ["moss " * 100_000]),
        ("empty.csv", b"", []),
        (
            "mac.csv",
            b'text,n\rMoss,1\r"Tide, ""high""",2\r',
            ["Moss", 'Tide, "high"'],
        ),  # the lines of old spreadsheets
        (
            "mac.csv",
            b'text\r"Moss\rdrinks\r\nrain\n"\rTide',
            ["Moss\rdrinks\r\nrain\n", "Tide"],
        ),  # and those of a text
        ("windows.csv", b"text\r\nMoss\r\nTide\r\n", ["Moss", "Tide"]),
        ("mixed.csv", b"text\nMoss\rTide\r\n", ["Moss", "Tide"]),
        ("empty.jsonl", b"", []),
        # where a row has no text, its neighbours tell which column is meant
        *(
            (
                "pages.jsonl",
                as_json_lines([{"title": "a", "text": value}, {"title": "b", "text": "Moss"}]),
                [None, "Moss"],
            )
            for value in (None, 7, ["Moss"], {"a": "Moss"})
        ),
    ],
)
def test_other_forms_are_read_too(put, name, content, found):
    assert texts(put(name, content)) == found


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    ("row", "column"),
    [
        *(({"title": "a title", name: "Moss"}, None) for name in ("content", "document", "body")),
        ({"text": "Tide", "abstract": "Moss"}, "abstract"),
    ],
    ids=str,
)
def test_the_column_is_the_one_that_is_named_or_has_a_usual_name(put, kind, row, column):
    assert texts(put(f"pages.{kind}", TABLES[kind]([row])), text_column=column) == ["Moss"]


@pytest.mark.parametrize("kind", TABLES)
def test_the_column_is_the_only_one_of_strings(put, kind):
    assert texts(put(f"pages.{kind}", TABLES[kind]([{"number": 3, "paragraph": "Moss"}]))) == ["Moss"]


def test_a_row_without_the_column_that_others_have_has_no_text(put):
    assert texts(put("pages.jsonl", as_json_lines([{"abstract": "Tide"}, {"id": 1}])), text_column="abstract") == [
        "Tide",
        None,
    ]


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        (
            {"question": "Moss", "answer": "Tide"},
            None,
            "has no column of text that can be told by its name or what is in it: set data.text_column. "
            "Columns: question ('Moss'), answer ('Tide')",
        ),
        (
            {"id": "1", "abstract": "Tide"},
            "abstrct",
            "has no column 'abstrct' (data.text_column); did you mean 'abstract'? Columns: id, abstract",
        ),
    ],
    ids=["ambiguous", "misspelt"],
)
def test_a_column_that_cannot_be_told_is_named_with_those_there_are(put, kind, row, column, said):
    path = put(f"pages.{kind}", TABLES[kind]([row]))
    assert complaint(path, text_column=column) == f"{path} {said}"


def test_a_file_whose_rows_have_no_text_at_all_lists_its_columns(put):
    path = put("pages.jsonl", as_json_lines([{"id": 1, "text": None}]))
    assert complaint(path).endswith("set data.text_column. Columns: id, text")


@pytest.mark.parametrize("limit", [1, 2])
def test_limit_counts_documents_over_all_files_and_nothing_beyond_it_is_read(put, tmp_path, limit):
    for name, content in (("a.txt", "1"), ("b.txt", "2"), ("c.jsonl", b"{broken")):
        put(name, content)
    assert texts(tmp_path / "notes", limit=limit) == ["1", "2"][:limit]


@pytest.mark.parametrize("name", ["moss.txt", "pages.jsonl", "pages.csv", "moss.md.gz"])
def test_what_is_not_utf8_is_named_with_the_byte(put, name):
    path = put(name, "1234\ncafé au lait".encode("latin-1"))
    assert complaint(path).startswith(
        f"{path} is not UTF-8: byte 8 is 0xe9; it looks like Windows-1252: set data.encoding="
    )


@pytest.mark.parametrize("name", ["nowhere.txt", "nowhere/", "*.txt"])
def test_a_path_that_is_not_there_is_named(tmp_path, name):
    assert complaint(tmp_path / name).startswith(f"data.path={tmp_path / name}: there is no such file or folder")


@pytest.mark.parametrize(("name", "content"), [("moss.png", b"text"), ("notes", b"\0\1")])
def test_a_file_of_another_kind_says_which_are_known(put, name, content):
    path = put(name, content)
    said = complaint(path)
    assert said.startswith(
        f"data.path={path}: files of this kind are not read; known: jsonl, ndjson, json, parquet, csv"
    )
    assert said.endswith("(each also as .gz, .bz2, .xz, .zst)")


def test_an_empty_folder_is_told(tmp_path):
    assert complaint(tmp_path).startswith(f"data.path={tmp_path}: no file in it can be read; known: jsonl")


@pytest.mark.parametrize("path", ["", None])
def test_a_missing_path_is_asked_for(path):
    with pytest.raises(UserError, match="data.path is missing: give a file, a folder or a glob"):
        list(FileSource(path).documents())


PARQUET = as_parquet(ROWS)
MANY = as_parquet([{"text": "Moss"}] * 1000)
NO_PARQUET, NO_GZ = "is not a readable parquet file: ", "cannot be read: "
LONG = "has a number of 5,000 digits: shorten it, or put it in quotes"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pages.jsonl", b'{"text": "Moss"}\n{"text": \n', ", line 2 is not JSON: "),
        ("page.json", b'{"text": "Moss"', " is not JSON: "),
        ("pages.jsonl", b'{"text": "Moss"}\n{"text": "Tide", "n": -' + b"7" * 5000 + b"}\n", f", line 2 {LONG}"),
        ("pages.json", b'[\n{"text": "Moss", "n": ' + b"7" * 5000 + b"}\n]", f" {LONG}"),
        ("pages.jsonl", b'{"text": ' + b"[" * 100_000 + b"\n", ", line 1 has brackets that are nested too deep"),
        *(
            (f"pages.parquet{packed}", content, f" {NO_PARQUET}")
            for packed in ("", ".gz")
            for content in (b"PAR1" + PARQUET[:20], b"", b"moss" * 99)
        ),
        ("pages.parquet", MANY[:10] + b"\xff" * 30 + MANY[40:], " "),  # a page of it
        *(
            ("moss.txt.gz", content, f" {NO_GZ}")
            for content in (b"no gzip", gzip.compress(b"Moss" * 100, mtime=0)[:-12], b"\x1f\x8b" + b"\xff" * 40)
        ),
        (
            "pages.csv",
            b'text\nMoss\n"Tide\nBread\nViolin\n',
            ": the file ends inside a quoted text of row 2: close or double the quote",
        ),
    ],
)
def test_a_corrupt_file_is_named(put, name, content, said):
    path = put(name, content)
    if name == "moss.txt.gz":
        path.write_bytes(content)
    assert complaint(path).startswith(f"{path}{said}")


@pytest.mark.parametrize("text", ['A 5" nail', 'say "hi', '"quoted" and more'])
def test_a_quote_within_a_text_is_part_of_it(put, text):
    assert [found.replace('"', "") for found in texts(put("pages.csv", f"text\n{text}\n"))] == [text.replace('"', "")]


def test_the_sample_has_a_source_for_every_text():
    documents = list(SampleSource().documents())
    assert [one.source for one in documents] == [f"sample:{row['id']}" for row in read_sample()]
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
    assert pairs(HubSource(str(dataset), **settings)) == [(text, f"{dataset}/{row}") for text, row in found]


def test_a_column_that_a_data_set_lacks_is_named_with_the_nearest(dataset):
    said = r"\(train\) has no column 'titel' .*; did you mean 'title'\? Columns: text, title"
    with pytest.raises(UserError, match=said):
        list(HubSource(str(dataset), text_column="titel").documents())


def test_a_data_set_may_begin_with_a_null(dataset):
    rows = [{"text": None, "title": 1}, {"text": "Moss", "title": 2}]
    next(dataset.glob("data/train*")).write_bytes(as_parquet(rows))
    assert [text for text, _ in pairs(HubSource(str(dataset), text_column=None))] == [None, "Moss"]


@pytest.mark.parametrize(
    ("folder", "said"), [("dataset", " .*validation"), ("nowhere", ""), ("corrupt", "")], ids=lambda value: value
)
def test_a_data_set_that_cannot_be_loaded_is_told(dataset, folder, said):
    name = dataset.with_name(folder)
    if folder == "corrupt":
        name.mkdir()
        (name / "train.parquet").write_bytes(b"PAR1 moss")
    with pytest.raises(UserError, match=f"data.name={name} cannot be loaded{said}"):
        list(HubSource(str(name), split="train" if folder == "corrupt" else "validation").documents())


def test_a_missing_name_is_asked_for():
    with pytest.raises(UserError, match="data.name is missing"):
        HubSource("")


def test_rows_without_text_are_dropped_as_empty(run, tmp_path):
    path = write_documents(tmp_path / "mixed.jsonl", [*DOCUMENTS[:3], None, "", " \n\t", 7, ["Moss"]])
    nothing_asked = [f"stages.prescreen.verdicts.{name}=null" for name in VERDICTS]
    folder = run(f"data.path={path}", "stage=prescreen", *nothing_asked)
    assert folder.manifest["stages"]["prescreen"]["rejected"] == {"empty": 5}


def test_a_file_whose_name_is_no_utf8_is_read(tmp_path):
    (tmp_path / os.fsdecode(b"moss\xff.txt")).write_text("Mosses drink.")
    assert pairs(FileSource(str(tmp_path))) == [("Mosses drink.", "moss?.txt")]
