"""The journal: what it keeps, under which key, and which files it refuses."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanno_hf.errors import FannoError, UserError
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.journal import Journal
from tests.conftest import restricted

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = bytes(range(32))
ANSWER = Completion("Why do mosses dry?", "stop", 17, 5, [("Why", -0.25), ("How", -1.5)])
ASK = Request([{"role": "user", "content": "Moss?"}], max_tokens=64)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite"


def opened(path: Path) -> closing:
    return closing(Journal(path))


def filled(path: Path, count: int) -> Path:
    """A journal of `count` completions, closed."""
    with opened(path) as journal:
        for number in range(count):
            journal.put(number.to_bytes(32, "big"), replace(ANSWER, text=f"{number} " * 50))
    return path


def test_the_first_completion_under_a_key_stays(path):
    with opened(path) as journal:
        journal.put(KEY, ANSWER)
        journal.put(KEY, replace(ANSWER, text="another"))
        assert journal.get(KEY).text == ANSWER.text


def test_what_is_put_is_got_before_and_after_closing(path):
    with opened(path) as journal:
        journal.put(KEY, ANSWER)
        assert journal.get(KEY) == ANSWER
    with opened(path) as journal:
        assert (journal.get(KEY), journal.get(b"\1" * 32), journal.totals()) == (ANSWER, None, (1, 22))


def test_completions_survive_without_closing(path):
    unclosed = Journal(path)
    unclosed.put(KEY, ANSWER)
    copy = path.parent / "copy"
    copy.mkdir()
    for file in path.parent.glob("journal.sqlite*"):
        shutil.copy(file, copy)
    with opened(copy / path.name) as journal:
        assert journal.get(KEY) == ANSWER
    unclosed.close()


def test_no_error_is_ever_stored(path):
    assert "error" not in ANSWER.to_json()


@given(text=st.text(), token=st.text())
@settings(max_examples=50, deadline=None)
def test_any_text_comes_back(text, token):
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder, "journal.sqlite")) as journal:
        journal.put(KEY, Completion(text, top_logprobs=[(token, -1.0)]))
        assert journal.get(KEY) == Completion(text, top_logprobs=[(token, -1.0)])


def test_lone_surrogates_become_replacement_characters(path):
    with opened(path) as journal:
        journal.put(KEY, Completion("half an emoji: \ud83d"))
        assert journal.get(KEY).text == "half an emoji: ?"


CHANGES = {
    "messages": [{"role": "user", "content": "Moss!"}],
    "max_tokens": 65,
    "temperature": 0.1,
    "top_p": 0.9,
    "frequency_penalty": 0.5,
    "seed": 1,
    "top_logprobs": 5,
    "stop": ("\n",),
    "schema": {"type": "object"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_key_follows_from_every_part_of_the_request(name):
    assert replace(ASK, **{name: CHANGES[name]}).key("teacher") != ASK.key("teacher")


def test_there_is_no_part_of_the_request_that_the_key_forgets():
    # documents and choices follow from the messages, who is asked shows in the teacher's identity, and how is the pool's business
    how = {"documents", "judge", "choices", "room", "manner", "limit_name", "terse", "is_terse"}
    assert set(CHANGES) == set(Request.__dataclass_fields__) - how


def test_the_key_follows_from_the_teacher():
    assert ASK.key("teacher") != ASK.key("teacher@2")


def test_equal_requests_have_one_key():
    assert ASK.key("teacher") == Request([{"content": "Moss?", "role": "user"}], 64).key("teacher")


def test_the_key_is_the_same_on_every_machine():
    # a changed value would make every journal out there worthless
    assert ASK.key("teacher").hex() == "73ab6cc970d63efe87c9848b99044f2f615615a3876eb1bcd3bc8c1e3651c947"


def test_a_request_with_lone_surrogates_has_a_key():
    assert len(replace(ASK, messages=[{"role": "user", "content": "\ud83d"}]).key("teacher")) == 32


def test_a_text_file_is_refused(path):
    path.write_text("moss" * 100)
    with pytest.raises(UserError, match=r"journal.sqlite is not a journal \(not an SQLite file\): move it away"):
        Journal(path)


def test_an_empty_file_becomes_a_journal(path):
    path.touch()
    with opened(path) as journal:
        assert journal.totals() == (0, 0)


def test_a_database_of_another_program_is_refused(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(UserError, match="is an SQLite file of another program: move it away"):
        Journal(path)


def test_another_schema_version_is_refused(path):
    with closing(sqlite3.connect(filled(path, 1))) as connection:
        connection.execute("PRAGMA user_version=7")
    with pytest.raises(UserError, match="has journal version 7, this fanno_hf reads version 2"):
        Journal(path)


def test_a_truncated_file_is_refused(path):
    size = filled(path, 100).stat().st_size
    os.truncate(path, size // 2)
    with pytest.raises(UserError, match=rf"is truncated \({size // 2} of {size} bytes\): put a complete copy back"):
        Journal(path)


def test_a_file_shorter_than_its_header_is_refused(path):
    os.truncate(filled(path, 1), 50)
    with pytest.raises(UserError, match="is truncated"):
        Journal(path)


def test_a_file_that_was_growing_when_the_process_died_is_whole_with_its_log(path):
    # SQLite copies the log page by page, the header first: killed there, the file is shorter than its header says
    short, log = path.with_name("short.sqlite"), path.with_name("journal.sqlite-wal")
    journal = Journal(path)
    for number in range(100):
        journal.put(number.to_bytes(32, "big"), replace(ANSWER, text=f"{number} " * 50))
    shutil.copy(log, path.with_name("short.sqlite-wal"))
    journal.close()
    short.write_bytes(path.read_bytes()[:8192])
    with opened(short) as recovered:
        assert recovered.totals()[0] == 100


def test_a_damaged_page_is_told(path):
    with open(filled(path, 100), "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    with pytest.raises(UserError, match=r"is damaged \(.+\): put a copy back"), opened(path) as journal:
        journal.get(KEY)


def test_a_folder_without_the_right_to_write_is_told():
    told = pytest.raises(UserError, match="cannot be written .*: check the folder's permissions")
    with tempfile.TemporaryDirectory() as name, restricted(Path(name), 0o555), told:
        Journal(Path(name, "journal.sqlite"))


def test_a_file_without_the_right_to_read_is_told():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = filled(Path(name, "journal.sqlite"), 1)
        with restricted(path, 0o000), pytest.raises(UserError, match="cannot be read .*: check its permissions"):
            Journal(path)


def test_a_full_disk_is_told_and_what_was_kept_stays(path, monkeypatch):
    connect = sqlite3.connect

    def connect_small(*given, **how):
        connection = connect(*given, **how)
        connection.execute("PRAGMA max_page_count=4")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_small)
    with opened(path) as journal:
        journal.put(KEY, ANSWER)
        with pytest.raises(FannoError, match="The disk is full: .* Free some space and run the same command again"):
            journal.put(b"\1" * 32, replace(ANSWER, text="moss " * 10_000))
        assert journal.get(KEY) == ANSWER


WRITER = """
import sys
from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.journal import Journal
journal = Journal(sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 300):
    journal.put(number.to_bytes(32, "big"), Completion(str(number)))
journal.close()
"""


def test_two_processes_that_write_one_file_lose_nothing(path):
    # they share the keys 200 to 299, and both find no file when they start
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, str(first)], cwd=ROOT) for first in (0, 200)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with opened(path) as journal:
        assert [journal.get(number.to_bytes(32, "big")).text for number in range(500)] == list(map(str, range(500)))


def test_another_journals_completions_are_taken_over_and_ours_stay(tmp_path):
    ours, other = Journal(tmp_path / "ours.sqlite"), Journal(tmp_path / "other.sqlite")
    ours.put(b"1", Completion("ours", "stop", 1, 1))
    other.put(b"1", Completion("other", "stop", 1, 1))
    other.put(b"2", Completion("new", "stop", 1, 1))
    other.close()
    ours.absorb(tmp_path / "other.sqlite")
    ours.absorb(tmp_path / "other.sqlite")
    assert (ours.get(b"1").text, ours.get(b"2").text, ours.totals()) == ("ours", "new", (2, 4))
    ours.close()


def test_a_journal_that_is_not_there_gives_nothing(tmp_path):
    journal = Journal(tmp_path / "ours.sqlite")
    journal.absorb(tmp_path / "none.sqlite")
    assert (journal.totals(), (tmp_path / "none.sqlite").exists()) == ((0, 0), False)
    journal.close()


def test_what_is_no_journal_is_not_taken_over(tmp_path):
    journal = Journal(tmp_path / "ours.sqlite")
    (tmp_path / "other.sqlite").write_bytes(b"no database " * 50)
    with pytest.raises(UserError, match="other.sqlite is not a journal"):
        journal.absorb(tmp_path / "other.sqlite")
    journal.close()
