"""Files as people have them: the texts, and nothing but the texts, or one sentence that says what to do."""

import json

import pytest

from fanno_hf.sources.files import FileSource

MOSS = "Mosses have no roots; they drink rain through their leaves, which are one cell thin."
TIDE = "Tides turn turbines under the bridge, and the town has light by night."
BREAD = "Bread rises when the yeast is warm, so put the bowl near the oven and wait."
LONG = f"{MOSS} {TIDE} {BREAD}"


def lines(*values) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def squad(*contexts: str) -> dict:
    question = {"id": "56be4db0acb8001400a502ec", "question": "What do mosses drink?", "answers": [{"text": "rain"}]}
    paragraphs = [{"context": context, "qas": [question]} for context in contexts]
    return {
        "description": "Questions about articles of an encyclopedia, which people wrote and other people answered.",
        "version": "1.1",
        "data": [{"title": "Moss", "paragraphs": paragraphs[:2]}, {"title": "Tide", "paragraphs": paragraphs[2:]}],
    }


SERVED = {
    "features": [{"feature_idx": 0, "name": "text", "type": {"dtype": "string", "_type": "Value"}}],
    "rows": [
        {"row_idx": number, "row": {"text": text}, "truncated_cells": []} for number, text in enumerate([MOSS, TIDE])
    ],
    "num_rows_total": 2,
}
GEO = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "Mill", "description": text},
            "geometry": {"coordinates": [1.5, 2.5]},
        }
        for text in (MOSS, TIDE)
    ],
}
TALK = [{"from": "human", "value": "What do mosses drink, and how?"}, {"from": "gpt", "value": MOSS}]
SENTENCES = {"id": 1, "sentences": ["Moss drinks.", "It has no roots."]}
GERMAN = "id;text\r\n1;Die Straße führt über die Brücke – “so” steht es da.\r\n"

READ = [
    # tables
    ("semicolons.csv", f'id;text\n1;"{MOSS}"\n2;{TIDE}\n', {}, [MOSS, TIDE]),
    ("ohne.csv", f"id;titel;beschreibung\n1;Moos;{TIDE}\n2;Brot;{BREAD}\n", {}, [TIDE, BREAD]),
    ("excel.csv", f"sep=;\r\nid;text\r\n1;{TIDE}\r\n", {}, [TIDE]),
    ("marked.csv", f"\ufeffsep=\t\r\nid\ttext\r\n1\t{TIDE}\r\n", {}, [TIDE]),
    ("decimals.csv", "id;preis;text\n1;1,50;Moss, and rain\n2;2,75;Tide, too\n", {}, ["Moss, and rain", "Tide, too"]),
    ("netto.csv", "Preis (EUR, netto);Text\n1,50;Moos\n", {}, ["Moos"]),
    ("windows.csv", GERMAN.encode("cp1252"), {"encoding": "windows-1252"}, [GERMAN[11:-2]]),
    ("unicode.csv", f"id\ttext\r\n1\t{MOSS}\r\n2\t苔\r\n".encode("utf-16"), {}, [MOSS, "苔"]),
    ("quotes.tsv", 'id\ttext\n1\t"Never," he said\n2\t"open\n3\tend "here"\n', {}, ['"Never," he said', '"open', 'end "here"']),
    ("pipes.csv", f"id|text\n1|{MOSS}\n2|{TIDE}\n", {}, [MOSS, TIDE]),
    ("one.csv", f"text\n{MOSS}\n{TIDE}\n", {}, [MOSS, TIDE]),
    ("one_unusual.csv", f"paragraph\n{TIDE}\n{BREAD}\n", {}, [TIDE, BREAD]),
    ("one_without_header.csv", f"{TIDE}\n{BREAD}\n", {}, [TIDE, BREAD]),
    ("without_header.csv", f"1;Moos;{TIDE}\n2;Brot;{BREAD}\n", {}, [TIDE, BREAD]),
    ("c_quotes.csv", 'id,text\n1,"He said \\"hi, there\\" \\n to me"\n', {}, ['He said "hi, there" \\n to me']),
    ("paths.csv", 'id,path,text\n1,"C:\\moss\\","It is, so"\n', {}, ["It is, so"]),
    ("single.csv", "'id','text'\n'1','Moss, green'\n'2','It''s tide'\n", {}, ["Moss, green", "It's tide"]),
    ("spaces.csv", 'id, text\n1, "Moss, green"\n2, Tide\n', {}, ["Moss, green", "Tide"]),
    ("pandas.csv", ",text\n0,Moss\n1,Tide\n", {}, ["Moss", "Tide"]),
    ("capitals.csv", "ID,Text,URL\n1,Moss,https://moss.org\n", {}, ["Moss"]),
    ("years.csv", "country,1990,1991,note\nA,1,2,Moss grows there all year\n", {}, ["Moss grows there all year"]),
    ("labels.csv", "label,review\n" + f'pos,"{MOSS}"\nneg,"{TIDE}"\n' * 10, {}, [MOSS, TIDE] * 10),
    ("hashes.csv", f"content,story\n5d41402abc4b2a76b9719d911017c592,{TIDE.replace(',', '')}\n", {}, [TIDE.replace(",", "")]),
    # JSON
    ("squad.json", json.dumps(squad(LONG, LONG * 2, LONG * 3)), {}, [LONG, LONG * 2, LONG * 3]),
    ("squad.json", json.dumps(squad(MOSS, TIDE)), {"records": "data[*].paragraphs[*].context"}, [MOSS, TIDE]),
    ("squad.json", json.dumps(squad(MOSS)), {"text_column": "question"}, ["What do mosses drink?"]),
    ("rows.json", json.dumps({"rows": [{"id": 1, "text": MOSS}, {"id": 2, "text": TIDE}], "total": 2}), {}, [MOSS, TIDE]),
    ("served.json", json.dumps(SERVED), {}, [MOSS, TIDE]),
    ("map.geojson", json.dumps(GEO), {}, [MOSS, TIDE]),
    ("strings.json", json.dumps([MOSS, TIDE]), {}, [MOSS, TIDE]),
    ("in_data.json", json.dumps({"data": [MOSS, TIDE]}), {}, [MOSS, TIDE]),
    ("columns.json", json.dumps({"text": [MOSS, TIDE], "id": [1, 2]}), {}, [MOSS, TIDE]),
    ("pandas.json", json.dumps({"text": {"0": MOSS, "1": TIDE}, "id": {"0": 1, "1": 2}}), {}, [MOSS, TIDE]),
    ("split.json", json.dumps({"columns": ["id", "text"], "data": [[1, MOSS], [2, TIDE]]}), {}, [MOSS, TIDE]),
    ("by_id.json", json.dumps({"a1": {"title": "A", "text": MOSS}, "b2": {"title": "B", "text": TIDE}}), {}, [MOSS, TIDE]),
    ("deep.json", json.dumps({"a": {"b": [{"document": {"text": MOSS}}, {"document": {"text": TIDE}}]}}), {}, [MOSS, TIDE]),
    ("lines.json", lines({"text": MOSS}, {"text": TIDE}), {}, [MOSS, TIDE]),
    ("together.json", lines({"text": MOSS}, {"text": TIDE}).replace("\n", ""), {}, [MOSS, TIDE]),
    ("together.jsonl", lines({"text": MOSS}, {"text": TIDE}).replace("\n", ""), {}, [MOSS, TIDE]),
    ("list.jsonl", json.dumps([{"text": MOSS}, {"text": TIDE}], indent=1), {}, [MOSS, TIDE]),
    ("pretty.jsonl", json.dumps({"text": MOSS}, indent=1) + "\n" + json.dumps({"text": TIDE}, indent=1), {}, [MOSS, TIDE]),
    ("commas.jsonl", lines({"text": MOSS}, {"text": TIDE}).replace("\n", ",\n"), {}, [MOSS, TIDE]),
    ("blank.jsonl", "\ufeff\n" + lines({"text": MOSS}) + "\n  \n\ufeff" + lines({"text": TIDE}), {}, [MOSS, TIDE]),
    ("utf16.jsonl", lines({"text": MOSS}, {"text": "\u0a0a苔"}).replace("\n", "\r\n").encode("utf-16"), {}, [MOSS, "\u0a0a苔"]),
    ("not_a_number.jsonl", '{"text": "Moss", "score": NaN}\n', {}, ["Moss"]),
    ("sentences.jsonl", lines(SENTENCES), {"join": "\\n"}, ["Moss drinks.\nIt has no roots."]),
    ("talks.json", json.dumps([{"id": "x1", "conversations": TALK}]), {"join": "\n"}, [f"{TALK[0]['value']}\n{MOSS}"]),
    ("talks.json", json.dumps([{"conversations": TALK}]), {"records": "[*].conversations[1].value"}, [MOSS]),
    ("empty_text.jsonl", lines({"text": "", "content": MOSS}, {"text": "", "content": TIDE}), {}, [MOSS, TIDE]),
    ("nested.jsonl", lines({"document": {"text": MOSS, "id": 3}}), {}, [MOSS]),
    ("addresses.jsonl", lines({"text": "https://moss.org/1", "abstract": MOSS}), {}, [MOSS]),
    ("hub_squad.jsonl", lines({"id": "56be4db0", "title": "Moss", "context": LONG, "question": "What do they drink?",
                               "answers": {"text": ["rain"], "answer_start": [3]}}), {}, [LONG]),
    ("captions.json", json.dumps({"info": {"description": MOSS}, "images": [{"id": 1, "file_name": "a.jpg"}],
                                  "annotations": [{"id": 1, "caption": TIDE}]}), {}, [TIDE]),
    # text
    ("dos.txt", "\ufeffMoss\r\n\r\nTide\r\n", {}, ["Moss\n\nTide\n"]),
    ("notepad.txt", "Café\r\n苔".encode("utf-16"), {}, ["Café\n苔"]),
    ("README", "Café".encode("utf-16"), {}, ["Café"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "settings", "found"), READ, ids=[row[0] for row in READ])
def test_the_texts_are_read(texts, name, content, settings, found):
    assert texts(name, content, **settings) == found


ENCODING = " is not UTF-8: byte 19 is 0xdf; it looks like Windows-1252: set data.encoding=windows-1252"
UNCLEAR = " has more than one list of records, or of texts in them: set data.records to what is meant, as one of "
LISTS = ": set data.join='\\n' and data.text_column="
REFUSED = [
    ("windows.csv", GERMAN.encode("cp1252"), ENCODING),
    ("no_mark.txt", MOSS.encode("utf-16-le"), " looks like UTF-16-LE: set data.encoding=utf-16-le"),
    ("book.csv", b"PK\x03\x04" + bytes(range(256)), " is no text: byte 132 is 0x80, and begins as a .zip file does: give"),
    ("excel.csv", "Quarterly export,,\nid,text,url\n1,Moss drinks,a\n2,Tides turn,b\n", ", row 1 has text in 1 field alone and those below"),
    ("squad.csv", '{"data": [{"context": "Moss drinks rain"}]}\n', " is no table: it begins as a .json file does: give it that"),
    ("scan.pdf", b"", " is empty"),
    ("ragged.csv", "id,text,lang\n1,Moss,en\n2,Tides, turn,en\n3,Bread,en\n", ", row 2 has 4 fields, the header has 3 (delimiter ','): "),
    ("short.csv", "id;text;lang\n1;Moss;en\n2;Tides\n3;Bread;en\n", ", row 2 has 2 fields, the header has 3 (delimiter ';'): "),
    ("prose.csv", f"id,text\n1,{TIDE}\n2,{BREAD}\n3,Moss\n", ", row 1 has 3 fields, the header has 2 (delimiter ','): "),
    ("title.csv", "Export of 2024\n\nid,text\n1,Moss\n2,Tide\n", ", row 1 has 1 field and those below it have 2 (delimiter ',')"),
    ("tool.csv", "# a tool\n# a day\nid;text\n1;Moss\n", ", row 2 has 1 field and those below it have 2 (delimiter ';')"),
    ("behind.csv", 'id,text\n1,"Moss" is green\n2,"Tide, too"\n', ", row 1 goes on behind a closing quotation mark"),
    ("two.csv", f'summary,story\n"{MOSS}","{TIDE}"\n', " has no column of text that can be told by its name or what is in it: "
     "set data.text_column. Columns: summary ('Mosses have no roots; they drink"),
    ("only_addresses.jsonl", lines({"text": "https://moss.org/1"}), " has no column of text that can be told by its name or "
     "what is in it: set data.text_column. Columns: text (addresses: 'https://moss.org/1')"),
    ("sentences.jsonl", lines(SENTENCES), f" has its text in lists, in sentences[*] ('Moss drinks.'){LISTS}sentences to put"),
    ("talks.json", json.dumps([{"conversations": TALK}]), " has its text in lists, in conversations[*].value ('What do mosses "
     f"drink, and how?'){LISTS}conversations.value to put those of one row together; in JSON, data.records=conv"),
    ("talk.json", json.dumps({"conversations": TALK}), f"{UNCLEAR}conversations.value ('What do mosses drink, and how?')"),
    ("no_rows.json", '{"rows": []}', " has no text in it; its keys: rows"),
    ("splits.json", json.dumps({"train": [{"text": MOSS}], "test": [{"text": TIDE}]}), f"{UNCLEAR}train.text ('Mosses have"),
    ("paper.json", json.dumps({"title": "Moss", "abstract": [{"text": MOSS}], "body": [{"text": TIDE}]}), f"{UNCLEAR}abstract.text ("),
    ("described.json", json.dumps({"description": MOSS, "items": [{"name": "Moss"}]}), f"{UNCLEAR}description ('Mosses have"),
    ("numbers.json", "[1, 2, 3]", " has no text: its first value is 1"),
    ("comments.json", '[\n// moss\n{"text": "Moss"}]', " is not JSON: expecting value at '// moss {\"text\": \"Moss\"}]'; JSON has no "
     "comments: take them out (line 2)"),
    ("last_comma.json", '[{"text": "Moss",}]', " is not JSON: "),
    ("python.jsonl", str({"text": "Moss"}), ", line 1 is not JSON: expecting property name enclosed in double quotes at "
     "\"'text': 'Moss'}\"; it is written as Python does: write it with json.dumps"),
    ("cut.json", json.dumps([{"text": MOSS}, {"text": TIDE}])[:-20], " is not JSON: it ends within a value"),
    ("open.json", '[{"text": "Moss"}', " is not JSON: its list has no end, close it with ]"),
    ("behind.json", '{"text": "Moss"}\nmore', " is not JSON: expecting value at 'more' (line 2)"),
    ("empty.json", "", " is not JSON: it is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_told_is_refused_in_one_sentence(complaint, name, content, said):
    assert complaint(name, content).startswith(said)


def test_one_rotten_file_among_others_is_named_and_the_others_are_read(tmp_path):
    for name, content, _ in REFUSED:
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.txt").write_text("good")
    source = FileSource(str(tmp_path))
    given = {one.source.partition(":")[0] for one in source.documents()}
    # a row that is wrong ends its file, and the rows before it are documents
    assert given == {"good.txt", "short.csv", "ragged.csv", "cut.json", "open.json"}
    assert len(source.unread) == len({row[0] for row in REFUSED})
