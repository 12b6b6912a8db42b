"""JSON: values one after another in any form, and the records in an object."""

import io
import json
import random

import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources import json_values
from fanno_hf.sources.document import Unreadable
from fanno_hf.sources.json_path import EACH, parse_path, select, show_path, stuck
from fanno_hf.sources.json_values import parse, values_of

ROWS = [
    {"text": 'Moss 🌿 \\ "drinks"', "n": -12.5e3},
    ["a", [None, True]],
    123456,
    "]}",
    {"a": {"b": [1, 2]}},
    7,
]


def read(text: str, limit: int = 1_000, in_lines: bool = False) -> list:
    return [one.value for one in values_of(io.StringIO(text, newline=""), limit, in_lines)]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 18])
@pytest.mark.parametrize("between", ["\n", " ", "\r\n\r\n", ",\n"])
def test_values_come_whole_wherever_the_text_is_cut(monkeypatch, block, between):
    monkeypatch.setattr(json_values, "_BLOCK", block)
    texts = [json.dumps(row, ensure_ascii=block % 2 == 0) for row in ROWS]
    assert read(between.join(texts)) == ROWS
    assert read("[" + between.replace(",", "") + ", ".join(texts) + "]") == ROWS
    assert read(json.dumps(ROWS, indent=1)) == ROWS
    assert read(json.dumps(ROWS), in_lines=True) == [ROWS]


@pytest.mark.parametrize("block", [1, 5, 1 << 18])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1}, {"a": tru}]', " is not JSON: expecting value at 'tru}]'"),
        ('[{"a": 1}\n, {"a": 2', " is not JSON: it ends within a value (line 2)"),
        ("[1, 2", " is not JSON: its list has no end, close it with ]"),
        ("[1] 2", " is not JSON: more stands behind its list; where each line is a value, name the file .jsonl"),
        ("[1 2a]", " is not JSON: expecting value at '2a]'"),
        ("", " is not JSON: it is empty"),
        ('{"a": "' + "b" * 200 + '"}', ", value 1 is longer than data.max_file_size=100 bytes: raise it, or split"),
        ("[0, " + "1" * 4_000 + "]", ", value 2 is longer than data.max_file_size=100 bytes"),
        ("[" * 100_000, " has brackets that are nested too deep"),
    ],
)
def test_what_is_none_is_told_wherever_the_text_is_cut(monkeypatch, block, text, said):
    monkeypatch.setattr(json_values, "_BLOCK", block)
    with pytest.raises(Unreadable) as raised:
        read(text, limit=100 if "value" in said and "ends" not in said else 10**6)
    assert str(raised.value).startswith(said)


def test_a_line_is_named_by_its_number_and_what_comes_before_it_is_there():
    given = []
    with pytest.raises(Unreadable, match="^, line 4 is not JSON: expecting ',' delimiter at"):
        for one in values_of(
            io.StringIO('{"a": 1}\n\n[2]\n{"a" 1}\n{"a": 3}\n'.replace('"a" 1', '"a": 1 "b"')), 10**6, True
        ):
            given.append((one.value, one.line))
    assert given == [({"a": 1}, 1), ([2], 3)]


def test_a_list_may_be_larger_than_what_may_be_in_memory(texts):
    rng = random.Random(1)
    rows = [{"text": " ".join(rng.choices(["moss", "tide", "bread"], k=30))} for _ in range(5_000)]
    assert texts("all.json", json.dumps(rows), max_file_size=5_000) == [row["text"] for row in rows]


def test_a_value_of_too_many_parts_is_refused_before_it_is_made(monkeypatch):
    for name, value in (("_BLOCK", 500), ("_LARGE", 1_000), ("_PARTS", 500)):
        monkeypatch.setattr(json_values, name, value)
    assert read("[" + "[7, 8], " * 900 + "[]]", limit=10**6)[-2:] == [[7, 8], []]  # each is small
    with pytest.raises(Unreadable, match="has a value of more than 500 parts: split it"):
        read('{"a": [' + "[], " * 900 + "1]}", limit=10**6)


PATHS = {
    "data[*].paragraphs[*].context": ("data", EACH, "paragraphs", EACH, "context"),
    "$.data[0]['my.key']": ("data", 0, "my.key"),
    '["a b"].c': ("a b", "c"),
    "[*][*]": (EACH, EACH),
    "$": (),
    "größe.*.x-1": ("größe", EACH, "x-1"),
}


@pytest.mark.parametrize(("text", "path"), PATHS.items())
def test_a_path_is_parsed_and_shown(text, path):
    assert parse_path(text, "data.records") == path
    assert parse_path(show_path(path), "data.records") == path


@pytest.mark.parametrize(("text", "place"), [("a..b", 2), ("a[", 2), ("[*]x", 4), (".a", 1), ("a.b.", 4), ("a[x]", 2)])
def test_what_is_no_path_is_refused_at_once(tmp_path, documents, text, place):
    with pytest.raises(UserError, match=rf"^data\.records='.*' is no path from character {place} on: write names"):
        documents("a.json", "[]", records=text)


SQUAD = {"data": [{"paragraphs": [{"context": "A"}, {"context": "B"}]}, {"title": 1}], "n": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data[*].paragraphs[*].context", ["A", "B", None]),  # a record without one is a row without text
        ("data.paragraphs.context", ["A", "B", None]),  # [*] may be left out
        ("data[0].paragraphs", [{"context": "A"}, {"context": "B"}]),
        ("data[0].paragraphs[1].context", ["B"]),
        ("data[5]", [None]),
        ("data[0][*][*].context", ["A", "B"]),  # [*] of an object: its values
    ],
)
def test_a_path_leads_to_values(path, found):
    assert list(select(SQUAD, parse_path(path, "key"))) == found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("dta[*]", "there is no 'dta' at its top; did you mean 'data'? there: data, n"),
        ("data[*].paragraph[*]", "there is no 'paragraph' at data[*]; did you mean 'paragraphs'? there: paragraphs"),
        ("data[*].paragraphs[*].context.x", "at data[*].paragraphs[*].context there is a text"),
        ("data[9].title", "at data there is a list of 2"),
        ("n.x", "at n there is nothing"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(complaint, path, said):
    assert stuck(SQUAD, parse_path(path, "key")) == said
    assert complaint("a.json", json.dumps(SQUAD), records=path) == f": data.records={path} finds nothing in it: {said}"


@pytest.mark.parametrize(
    ("name", "content", "settings", "sources"),
    [
        ("a.json", '{"text": "Moss"}', {}, ["a.json"]),
        ("a.json", '[{"text": "Moss"}, {"text": "Tide"}]', {}, ["a.json:1", "a.json:2"]),
        ("a.json", '{"text": "Moss"}\n\n{"text": "Tide"}{"text": "Bread"}', {}, ["a.json:1", "a.json:3", "a.json:3.2"]),
        ("a.json", '{"rows": [{"text": "Moss"}, {"text": "Tide"}]}', {}, ["a.json:1", "a.json:2"]),
        ("a.jsonl", '\n{"a": ["Moss", "Tide"]}\n{"a": ["Bread"]}\n', {"records": "a[*]"}, ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"]),
    ],
)  # fmt: skip
def test_a_source_names_the_place(documents, name, content, settings, sources):
    assert [source for _, source in documents(name, content, **settings)] == sources


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"rows": [{"text": "Moss"}]}, "records rows[*], text column 'text' (usual name)"),
        ({"rows": ["Moss"]}, "records rows[*]"),
        ({"a1": {"my.note": "Moss drinks"}, "b2": {"my.note": "Tide"}}, "records [*], text column 'my.note' (the only one of text)"),
        ({"row": {"text": "Moss"}}, "text column 'row.text' (usual name)"),
    ],
)  # fmt: skip
def test_where_the_records_are_is_said(documents, caplog, content, said):
    with caplog.at_level("INFO"):
        documents("a.json", json.dumps(content))
    assert caplog.messages == [f"data.path: a.json: {said}"]


def test_a_column_of_records_that_is_misspelt_is_named_with_the_nearest(complaint):
    rows = json.dumps({"rows": [{"abstract": "Moss drinks rain"}]})
    assert complaint("a.json", rows, text_column="abstrct") == (
        " has no column 'abstrct' (data.text_column); did you mean 'abstract'? It has: rows[*].abstract"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"a": [1]} ', None), ("7", None), ("", "it is empty"), ("{} {}", "more stands behind its end"), ("[1", "it ends within")],
)  # fmt: skip
def test_a_text_that_is_one_value(text, said):
    if said is None:
        assert parse(text) == json.loads(text)
        return
    with pytest.raises(Unreadable, match=said):
        parse(text)
