"""A damaged journal: what is whole in it stays, what is not is asked again, and nothing else ever comes out."""

import json
import logging
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fanno_hf.errors import FannoError, UserError
from fanno_hf.teacher import journal as journal_module
from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.journal import APPLICATION_ID, Journal
from fanno_hf.teacher.records import checksum, pack, parse, unpack
from tests.conftest import restricted

KEY, OTHER = bytes(range(32)), b"\1" * 32
ANSWER = Completion("Why do mosses dry?", "stop", 17, 5, [("Why", -0.25), ("How", -1.5)])
OTHERS = replace(ANSWER, text="How do mosses drink?")


@pytest.fixture
def path(tmp_path) -> Path:
    """A journal with ANSWER under KEY and OTHERS under OTHER."""
    path = tmp_path / "journal.sqlite"
    with closing(Journal(path)) as journal:
        journal.put(KEY, ANSWER)
        journal.put(OTHER, OTHERS)
    return path


def change(path: Path, statement: str, *values) -> None:
    """Writes to the file as fanno_hf never does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema=1")
        connection.execute(statement, values)


def damage(path: Path, value: object) -> None:
    change(path, "UPDATE completions SET record = ? WHERE key = ?", value, KEY)


RECORDS = {
    "another text": pack(KEY, OTHERS)[0],
    "no JSON": '{"text": ',
    "no text": b"\xff\xfe",
    "a number": 7,
    "no record": "null",
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_counts_as_not_there_and_the_others_stay(path, record):
    damage(path, record)
    with closing(Journal(path)) as journal:
        assert (journal.get(KEY), journal.get(OTHER)) == (None, OTHERS)


@pytest.mark.parametrize("kept", [None, b"", b"\0" * 16, "0" * 16, 3])
def test_a_record_with_another_checksum_counts_as_not_there(path, kept):
    change(path, "UPDATE completions SET checksum = ? WHERE key = ?", kept, KEY)
    with closing(Journal(path)) as journal:
        assert journal.get(KEY) is None


def test_a_record_under_the_key_of_another_counts_as_not_there(path):
    change(
        path,
        "UPDATE completions SET (record, checksum) = (SELECT record, checksum FROM completions WHERE key = ?) WHERE key = ?",
        OTHER,
        KEY,
    )
    with closing(Journal(path)) as journal:
        assert (journal.get(KEY), journal.get(OTHER)) == (None, OTHERS)


def test_the_new_answer_replaces_a_damaged_record(path):
    damage(path, "{}")
    new = replace(ANSWER, text="Why do mosses revive?")
    with closing(Journal(path)) as journal:
        journal.get(KEY)
        journal.put(KEY, new)
    with closing(Journal(path)) as journal:
        assert journal.get(KEY) == new


def test_damaged_records_are_said_once_with_their_number(path, caplog):
    damage(path, "{}")
    change(path, "UPDATE completions SET record = 7 WHERE key = ?", OTHER)
    with caplog.at_level(logging.WARNING), closing(Journal(path)) as journal:
        assert [journal.get(key) for key in (KEY, OTHER, KEY)] == [None] * 3
    said = f"{path}: 2 damaged records count as not there, and what a run needs of it is asked again"
    assert [record.getMessage() for record in caplog.records] == [said]


def test_an_index_that_leads_to_another_record_is_made_again_and_nothing_is_lost(path):
    entry = b"\x03\x4c\x01" + OTHER  # a header, the key; then its row, 2
    pages = path.read_bytes()
    assert pages.count(entry + b"\2") == 1
    path.write_bytes(pages.replace(entry + b"\2", entry + b"\1"))
    with closing(Journal(path)) as journal:
        assert (journal.get(KEY), journal.get(OTHER)) == (ANSWER, OTHERS)


def test_damaged_records_do_not_count_in_the_totals(path):
    damage(path, json.dumps({**ANSWER.to_json(), "prompt_tokens": 10**9}))
    with closing(Journal(path)) as journal:
        assert journal.totals() == (1, 22)


def test_damaged_records_of_another_journal_are_not_taken_over(path, tmp_path, caplog):
    damage(path, "{}")
    with closing(Journal(tmp_path / "ours.sqlite")) as ours:
        ours.absorb(path)
        assert (ours.get(KEY), ours.get(OTHER)) == (None, OTHERS)
    assert "1 damaged record counts as not there" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", None),
        ("finish_reason", "moss"),
        ("prompt_tokens", -1),
        ("prompt_tokens", "17"),
        ("completion_tokens", 2**60),
        ("completion_tokens", 1.5),
        ("top_logprobs", [["Why"]]),
        ("top_logprobs", [["Why", 3.0]]),
        ("top_logprobs", [["Why", float("nan")]]),
        ("answers", [[["Yes", "-1"]]]),
        ("shortened", 1),
        ("moss", 1),
    ],
)
def test_types_and_ranges_are_checked_even_where_the_checksum_is_right(name, value):
    record = json.dumps({**ANSWER.to_json(), name: value}).encode()
    assert unpack(KEY, record, checksum(KEY, record)) is None


def test_a_token_that_cannot_be_is_kept():
    impossible = replace(ANSWER, top_logprobs=[("No", float("-inf"))], answers=[[("Yes", 0.0)]])
    assert parse(pack(KEY, impossible)[0]) == impossible


def old_journal(path: Path, *records: str) -> Path:
    """A journal as version 1 wrote it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("PRAGMA user_version=1")
        connection.execute("CREATE TABLE completions (key BLOB PRIMARY KEY, record TEXT NOT NULL)")
        for key, record in zip((KEY, OTHER), records, strict=False):
            connection.execute("INSERT INTO completions VALUES (?, ?)", (key, record))
    return path


def test_a_journal_without_checksums_goes_on(tmp_path):
    path = old_journal(tmp_path / "old.sqlite", pack(KEY, ANSWER)[0])
    for _ in range(2):
        with closing(Journal(path)) as journal:
            assert journal.get(KEY) == ANSWER


def test_what_is_damaged_in_a_journal_without_checksums_is_asked_again(tmp_path):
    path = old_journal(tmp_path / "old.sqlite", '{"text": 7}', pack(OTHER, OTHERS)[0])
    with closing(Journal(path)) as journal:
        assert (journal.get(KEY), journal.get(OTHER)) == (None, OTHERS)


def test_a_file_that_says_that_it_is_not_in_utf8_is_damaged(path):
    content = bytearray(path.read_bytes())
    content[56:60] = (3).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        Journal(path)


def test_a_schema_that_is_no_utf8_is_damaged(path):
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE completions", b"CREATE\xff TABLE \xc7ompletions"[:24]))
    with pytest.raises(UserError, match="is damaged"):
        Journal(path)


def test_a_file_without_the_right_to_write_is_told_and_stays_as_it_is():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = Path(name, "journal.sqlite")
        Journal(path).close()
        before = path.read_bytes()
        told = pytest.raises(UserError, match="cannot be written .*: check the folder's permissions")
        with restricted(path, 0o444), told, closing(Journal(path)) as journal:
            journal.put(KEY, ANSWER)
        assert path.read_bytes() == before


def test_a_file_that_another_process_holds_is_told_and_nothing_is_lost(path, monkeypatch):
    monkeypatch.setattr(journal_module, "PATIENCE", 0.0)
    with closing(Journal(path)) as journal, closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(FannoError, match="is locked by another process"):
            journal.put(b"\2" * 32, ANSWER)
        holder.execute("ROLLBACK")
        journal.put(b"\2" * 32, ANSWER)
        assert journal.totals()[0] == 3


def test_a_full_disk_while_a_journal_is_mended_leaves_it_as_it_was(path, monkeypatch):
    damage(path, "{}")
    journal = Journal(path)
    size = journal._number("PRAGMA page_count")
    journal._execute(f"PRAGMA max_page_count={size}")
    with pytest.raises(FannoError, match="The disk is full"):
        journal.get(KEY)
    journal.close()
    with closing(Journal(path)) as again:
        assert (again.get(KEY), again.get(OTHER)) == (None, OTHERS)
