"""Encodings: told by a mark, declared, or named by their looks."""

import gzip
import json
import zlib

import numpy as np
import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.encoding import check_encoding

TEXT = "Mosses drink rain – “so” it is: café, Straße.\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("declared", [None, "windows-1252"])
def test_a_byte_order_mark_tells_whatever_is_declared(texts, encoding, declared):
    rows = [{"text": f"{TEXT}苔\u0a0d{n}"} for n in range(500)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    table = "text\n" + "".join(f'"{row["text"]}"\n' for row in rows)
    for name, content in (("a.jsonl", lines), ("a.json", json.dumps(rows)), ("a.csv", table)):
        assert texts(name, content.encode(encoding), encoding=declared) == [row["text"] for row in rows]
    assert texts("a.txt.gz", gzip.compress(TEXT.encode(encoding)), encoding=declared) == [TEXT]


def test_utf16_may_be_declared_without_a_mark(texts):
    for order in ("le", "be"):
        assert texts("a.jsonl", json.dumps({"text": TEXT}).encode(f"utf-16-{order}"), encoding="UTF-16") == [TEXT]


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.json", "a.jsonl"])
def test_a_declared_encoding_is_taken(texts, name):
    forms = {"csv": f'text\n"{TEXT}"\n', "json": json.dumps([TEXT], ensure_ascii=False)}
    content = forms.get(name[2:], json.dumps(TEXT, ensure_ascii=False) if name == "a.jsonl" else TEXT)
    assert texts(name, content.encode("windows-1252"), encoding="Windows-1252") == [TEXT]


LOOKS = {
    "windows-1252": [
        "1234\ncafé au lait",
        "name;city\nJosé;Málaga",
        "Price: 5 €, weight 3 kg",
        "Größe und Höhe",
        TEXT,
    ],
    "windows-1250": ["Mchy nie mają korzeni, piją wodę przez liście. Źródło żółci."],
    "windows-1251": ["Мхи не имеют корней и пьют воду листьями."],
    "koi8-r": ["Мхи не имеют корней и пьют воду листьями."],
    "cp932": ["苔には根がありません。葉から水を飲みます。"],
    "gb18030": ["苔藓没有根，它们通过叶子喝水。"],
    "utf-16-le": ["Mosses drink rain.", "Мхи не имеют корней и пьют воду."],
    "utf-16-be": ["Mosses drink rain."],
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in LOOKS.items() for text in texts])
def test_what_is_not_utf8_names_what_it_looks_like_and_that_reads_it(complaint, texts, encoding, text):
    said = complaint("a.txt", text.encode(encoding))
    assert said.endswith(f"set data.encoding={encoding}")
    assert texts("a.txt", text.encode(encoding), encoding=encoding) == [text]


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_the_byte_is_counted_from_the_beginning_of_the_file(complaint, name):
    head = b'"text"\n' + b'"Moss drinks rain."\n' * 40_000
    assert complaint(name, head + "café".encode("latin-1")).startswith(
        f" is not UTF-8: byte {len(head) + 3} is 0xe9; it looks like Windows-1252: set"
    )


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        ("é".encode() * 20 + b"caf\xe9", {}, " is not UTF-8 throughout: byte 43 is 0xe9, amid text that is; mend it there"),
        ("Moss".encode("utf-16") + b"a", {}, " is not UTF-16-LE throughout: byte 10 is 0x61, amid text that is"),
        (b"Moss\x81", {"encoding": "cp1252"}, " is not cp1252 (data.encoding): byte 4 is 0x81; name another one, or leave it out"),
        (bytes(range(256)) * 9 + b"\0" * 90, {}, " is no text: it has zero bytes"),
        (b"%PDF-1.7\n\xe2\xe3", {}, " is no text: byte 9 is 0xe2, and begins as a .pdf file does: give it that extension"),
    ],
)  # fmt: skip
def test_what_is_damaged_or_no_text_is_told(complaint, content, settings, said):
    assert complaint("a.txt", content, **settings).startswith(said)


NOISE = np.random.default_rng(0).bytes(300)
IDEOGRAPHS = "".join(map(chr, range(0x4E00, 0x9FA5, 7)))


@pytest.mark.parametrize("content", [NOISE, zlib.compress(TEXT.encode() * 9 + NOISE), TEXT.encode() + NOISE * 9])
@pytest.mark.parametrize("declared", [None, "shift_jis"])
def test_bytes_that_are_no_text_get_no_word_about_encodings(complaint, content, declared):
    said = complaint("a.txt", content, encoding=declared)
    assert said.startswith(" looks like a binary file, not a text: byte ")
    assert "data.encoding" not in said


def test_control_characters_of_a_text_make_it_no_binary_file(complaint):
    columns = "\n".join("José\x01Málaga\x01Köln\x02Straße\x03\x04" for _ in range(99))  # parted as Hive does
    assert complaint("a.txt", columns.encode("latin-1")).endswith("set data.encoding=windows-1252")
    assert "binary" not in complaint("a.txt", IDEOGRAPHS.encode("utf-16-le"))  # half of its bytes may be any
    assert "binary" not in complaint("a.txt", TEXT.encode() * 99 + NOISE * 9)  # what is a text for long is damaged


@pytest.mark.parametrize(
    ("name", "said"),
    [("windows-12521", "; did you mean 'windows-1252'? leave it out"), ("rot13", ": leave"), ("base64", ": leave"), ("\0", ": leave")],
)  # fmt: skip
def test_a_name_of_no_encoding_is_refused_at_once(documents, name, said):
    with pytest.raises(UserError) as raised:
        documents("a.txt", "Moss", encoding=name)
    assert str(raised.value).startswith(f"data.encoding={name} is no encoding of text{said}"[:40])
    assert said in str(raised.value)


@pytest.mark.parametrize("name", [None, "utf8", "UTF-16", "latin-1", "Windows-1252", "shift_jis"])
def test_a_name_that_is_one_passes(name):
    check_encoding(name)
