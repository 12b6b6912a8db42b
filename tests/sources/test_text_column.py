"""Which column holds the text: by its name and by what is in it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.content import content_of
from fanno_hf.sources.hub import HubSource
from fanno_hf.sources.json_path import show_path
from fanno_hf.sources.text_column import find_text_column

PROSE = "Mosses have no roots; they drink the rain through leaves that are one cell thin, and so they stay small."
KINDS = {
    "addresses": ["https://moss.org/a?b=1", "www.moss.org", "ann@moss.org", "s3://moss/a.txt"],
    "numbers": ["1", "-2.5", "1,50", "12 345", "3 %", "€ 5", "1e-5"],
    "dates": ["2024-05-13", "13.05.2024", "5/13/2024 1:24:05 PM", "2024-05-13T10:00:00Z", "10:30"],
    "paths": ["/usr/lib/moss", "images/0001.png", "C:\\moss\\a.txt", "moss.jpg", "../moss"],
    "identifiers": ["doc_0012", "Q42", "5d41402abc4b2a76b9719d911017c592", "d2f0c2b1-0000-4000-8000-000000000000", "A" * 500],
    "yes or no": ["true", "No", "null"],
    "text": ["Moss", "and/or", "COVID-19 is one", "1. Moss", "苔には根がありません。", "See https://moss.org for more", "3.5 kg of moss"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "string"), [(kind, string) for kind, strings in KINDS.items() for string in strings])
def test_a_string_is_of_a_kind(kind, string):
    assert content_of([string, "", "  "]).kind == kind


def test_few_that_come_again_are_labels():
    assert content_of(["pos", "neg"] * 20).kind == "labels"
    assert content_of(["pos", "neg"] * 2).kind == content_of([PROSE] * 40).kind == "text"


COLUMNS = [
    ({"title": "A", "content": "Moss"}, "content", "usual name"),
    ({"content": "Moss", "text": "Tide"}, "text", "usual name"),
    ({"text": "https://moss.org", "content": "Moss"}, "content", "usual name"),
    ({"text": "", "body": "Moss"}, "body", "usual name"),
    ({"text": "17", "story": PROSE, "author": "Ann Bo"}, "story", "the only one of prose"),
    ({"id": "a1", "url": "https://moss.org", "day": "2024-05-13", "note": "Moss"}, "note", "the only one of text"),
    ({"title": "Moss in the rain", "review": PROSE}, "review", "the only one of prose"),
    ({"question": "What do mosses drink?", "context": PROSE * 3}, "context", "the only one of prose"),
    ({"title": "Moss", "document": {"text": PROSE, "id": "a1"}}, "document.text", "usual name"),
    ({"meta": {"text": "short"}, "story": PROSE}, "story", "the only one of prose"),
    ({"Text": "Moss", "n": "1"}, "Text", "usual name"),
]


@pytest.mark.parametrize(("row", "path", "why"), COLUMNS, ids=[path for _, path, _ in COLUMNS])
def test_the_column_is_found_and_why_is_told(row, path, why):
    column = find_text_column([row], None)
    assert (show_path(column.path), column.why) == (path, why)


def test_a_usual_name_that_is_mostly_blank_loses_to_one_that_is_not():
    rows = [{"text": "Moss" if n == 0 else "", "content": f"Tide {PROSE}"} for n in range(9)]
    assert find_text_column(rows, None).path == ("content",)


@pytest.mark.parametrize(
    ("row", "settings", "said"),
    [
        ({"question": "Moss", "answer": "Tide"}, {}, "set data.text_column. Columns: question ('Moss'), answer ('Tide')"),
        ({"summary": PROSE, "story": PROSE}, {}, "set data.text_column. Columns: summary ('Mosses have no roots; they drink"),
        ({"text": "https://moss.org", "n": 1}, {}, "set data.text_column. Columns: text (addresses: 'https://moss.org'), n"),
        ({"key": "sk-abcdefgh12345678ABCD", "n": 1}, {}, "Columns: key (identifiers: '***'), n"),
        ({f"c{n}": "a b" for n in range(30)}, {}, "c11 ('a b'), … (30 in all)"),
        ({"id": 1, "parts": ["Moss drinks.", "So."]}, {}, "has its text in lists, in parts[*] ('Moss drinks.'): set data.join="),
        ({"parts": ["Moss"]}, {"wanted": "parts"}, "has lists in 'parts' (data.text_column): set data.join, as in data.join='\\n'"),
        ({"doc": {"a": {"b": "Moss"}}}, {"wanted": "doc"}, "has objects in 'doc' (data.text_column): name what is meant, as in "
         "data.text_column=doc.a.b"),
        ({"abstract": "Moss"}, {"wanted": "abstrct"}, "has no column 'abstrct' (data.text_column); did you mean 'abstract'? Columns: abstract"),
        ({"a": {"b": "Moss"}}, {"wanted": "a.c"}, "has no column 'a.c' (data.text_column). Columns: a"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_names_the_columns_with_a_sample(row, settings, said):
    with pytest.raises(UserError) as raised:
        find_text_column([row], **{"wanted": None, **settings}, where="rows")
    assert str(raised.value).startswith("rows has ")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("row", "wanted", "text"),
    [
        ({"a.b": "Moss", "a": {"b": "Tide"}}, "a.b", "Moss"),  # a name comes before a path
        ({"a": {"b": "Tide"}}, "a.b", "Tide"),
        ({"parts": ["Moss", "Tide"]}, "parts", "Moss|Tide"),
        ({"parts": ["Moss", "Tide"]}, None, "Moss|Tide"),
        ({"turns": [{"role": "user", "says": "Moss?"}, {"role": "model", "says": PROSE}]}, "turns[*].says", f"Moss?|{PROSE}"),
        ({"turns": [{"role": "user", "says": "Moss?"}, {"role": "model", "says": PROSE}]}, "turns[1].says", PROSE),
        ({"parts": []}, "parts", None),
        ({"text": "Moss", "parts": ["Tide"]}, None, "Moss"),
    ],
)  # fmt: skip
def test_a_path_leads_to_the_text_and_lists_are_joined(row, wanted, text):
    assert find_text_column([row], wanted, join="|").text(row) == text


def test_a_data_set_is_looked_into_like_a_file(tmp_path, caplog):
    rows = [
        {"url": f"https://moss.org/{n}", "picture": b"\xff", "story": f"{n} {PROSE}", "tags": ["a"]} for n in range(3)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    with caplog.at_level("INFO", logger="fanno_hf.sources.hub"):
        found = [one.text for one in HubSource(str(tmp_path)).documents()]
    assert found == [row["story"] for row in rows]
    assert caplog.messages == [f"{tmp_path} (train): text column 'story' (the only one of text)"]
    joined = HubSource(str(tmp_path), text_column="tags", join="\\n", limit=1)
    assert [one.text for one in joined.documents()] == ["a"]
