"""Which files are found below a path, and what is said of the others."""

import os
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.finding import find_files
from fanno_hf.sources.kinds import kind_by_content, kind_of


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


def names(where) -> list[str]:
    return [name for _, name in find_files(str(where), "data.path").files]


def left_out(where) -> Counter:
    return find_files(str(where), "data.path").left_out


def test_what_is_left_out_is_counted_by_what_it_is(folder):
    for name in ("a.txt", "b.PDF", "c.png", "d.png", "e.exe", ".hidden.txt"):
        (folder / name).write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "config.txt").write_text("x")
    (folder / "core").write_bytes(b"\0\1")
    assert names(folder) == ["a.txt", "b.PDF"]
    assert left_out(folder) == {".png": 2, "hidden": 2, ".exe": 1, "of unknown kind": 1}


def test_links_are_followed_once_and_circles_seen(folder, tmp_path):
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.txt").write_text("x")
    os.symlink(folder, folder / "sub" / "circle")
    os.symlink(tmp_path / "other", folder / "other")
    os.symlink(folder / "sub" / "a.txt", folder / "z.txt")
    os.symlink(folder / "nowhere", folder / "broken.txt")
    assert names(folder) == ["other/b.txt", "sub/a.txt"]
    assert left_out(folder) == {"linked to twice": 1, "broken link": 1}


def test_what_is_no_file_is_never_opened(folder):
    os.mkfifo(folder / "pipe.txt")
    os.symlink("/dev/zero", folder / "zero.txt")
    (folder / "a.txt").write_text("x")
    assert names(folder) == ["a.txt"]
    assert left_out(folder) == {"no regular file": 2}
    for name in ("pipe.txt", "zero.txt"):
        with pytest.raises(UserError, match=f"data.path={folder / name} is no regular file"):
            names(folder / name)


def test_a_file_that_is_there_is_no_glob(folder):
    for name in ("notes[1].txt", "what?.txt", "a*b.txt", "notes1.txt"):
        (folder / name).write_text("x")
    assert [names(folder / name) for name in ("notes[1].txt", "what?.txt", "a*b.txt")] == [
        ["notes[1].txt"], ["what?.txt"], ["a*b.txt"],
    ]  # fmt: skip
    assert names(folder / "notes?.txt") == ["notes1.txt"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", ("txt", "")), ("A.TXT.GZ", ("txt", "gz")), ("b.jsonl.zst", ("jsonl", "zst")), ("c.tgz", ("tar", "gz")),
        ("d.tar.xz", ("tar", "xz")), ("README", ("", "")), ("e.gz", ("", "gz")), (".txt", ("", "")), ("f.v1.pdf", ("pdf", "")),
    ],
)  # fmt: skip
def test_the_name_tells_the_kind(name, kind):
    assert kind_of(name) == kind


def zipped(*members: tuple[str, str]) -> bytes:
    import io

    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, text in members:
            archive.writestr(name, text)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n", "pdf"),
        (zipped(("mimetype", "application/epub+zip")), "epub"),
        (zipped(("mimetype", "application/vnd.oasis.opendocument.text")), "odt"),
        (zipped(("[Content_Types].xml", "<Types/>")), "docx"),
        (zipped(("a.txt", "a")), "zip"),
        (b"PAR1\x15\x04", "parquet"),
        (b"WARC/1.0\r\nWARC-Type: response", "warc"),
        (b"a.txt" + b"\0" * 252 + b"ustar\0", "tar"),
        (b"\xef\xbb\xbf<!DOCTYPE html>\n<html>", "html"),
        (b"<!-- saved -->\n<html lang='en'>", "html"),
        (b'{"text": "a"}\n{"text": "b"}\n', "jsonl"),
        (b'[{"text": "a"}]', "json"),
        (b"Read me first.\n", "txt"),
        (b"\x89PNG\r\n\x1a\n\0", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_tell_the_kind_of_a_file_without_extension(content, kind):
    assert kind_by_content(content) == kind
