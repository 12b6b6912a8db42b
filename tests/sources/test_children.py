"""Files parsed in processes of their own: what a parser does there costs its file and no other."""

import os
import sys
import types
import zipfile
from pathlib import Path

import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources import kinds
from fanno_hf.sources.children import Children
from fanno_hf.sources.files import FileSource
from fanno_hf.sources.options import Options

# a kind of file that does what its text says; `sitecustomize` makes it known to each child
READER = """
import os, signal, sys, time, types
from fanno_hf.sources import kinds
from fanno_hf.sources.document import Row

def read(file, options):
    text = file.content().decode()
    if text == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if text == "exit": os._exit(3)
    if text == "endless":
        while True: pass
    if text == "memory": raise MemoryError
    if text == "fault": raise ValueError("a parser's own words")
    if text.startswith("killed") and not os.path.exists(mark := text.split()[1]):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "print": os.write(1, b"noise")
    yield Row(text * (1000 if text == "many" else 1), places=((0, "page 1"),), title="T")

sys.modules["fanno_hf.sources.readers.act"] = types.SimpleNamespace(read=read)
kinds.KINDS["act"] = kinds.Kind("act:read", is_parsed=True)
"""


@pytest.fixture(autouse=True)
def act(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(READER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setitem(kinds.KINDS, "act", kinds.Kind("act:read", is_parsed=True))


@pytest.fixture
def put(tmp_path):
    """A function that writes files that do something, numbered, and returns their folder."""

    def write(*acts: str) -> Path:
        folder = tmp_path / "acts"
        folder.mkdir()
        for number, text in enumerate(acts):
            (folder / f"{number}.act").write_text(text)
        return folder

    return write


BAD = {
    "crash": ("crashed", " ends its parser (SIGSEGV)"),
    "exit": ("crashed", " ends its parser (exit code 3)"),
    "endless": ("too_slow", " takes longer than data.max_seconds=0.3 to read"),
    "memory": ("too_large", " takes more memory"),
    "fault": ("damaged", " cannot be read: ValueError: a parser's own words"),
}


def read(source: FileSource) -> list[tuple]:
    return [(one.source, one.text) for one in source.documents()]


@pytest.mark.parametrize("processes", [1, 3])
def test_a_file_that_ends_its_parser_is_named_and_the_others_come_in_order(put, processes):
    folder = put("a", *BAD, "print", "b")
    source = FileSource(str(folder), processes=processes, max_seconds=0.3)
    assert read(source) == [("0.act", "a"), ("6.act", "print"), ("7.act", "b")]
    assert [(one.file, one.reason) for one in source.unread] == [
        (f"{number}.act", reason) for number, (reason, _) in enumerate(BAD.values(), start=1)
    ]
    assert all(one.detail.startswith(words) for one, (_, words) in zip(source.unread, BAD.values(), strict=True))


@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_that_is_lost_between_two_files_is_replaced_and_costs_none(put, lost):
    first, second, third = ((file, file.name) for file in sorted(put("a", "b", "c").iterdir()))
    with Children(2, Options()) as children:
        before = list(children.read([first, second]))
        children._children[lost]._process.kill()
        children._children[lost]._process.wait()
        assert [one.text for one in [*before, *children.read([third])]] == ["a", "b", "c"]


def test_a_file_whose_process_is_killed_from_outside_is_read_once_more(tmp_path):
    texts = ["a", f"killed {tmp_path / 'mark'}", "b"]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, text in enumerate(texts):
            archive.writestr(f"{number}.act", text)
    source = FileSource(str(tmp_path / "all.zip"))
    assert ([text for _, text in read(source)], source.unread) == (texts, [])


def test_of_an_archive_the_other_members_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, text in enumerate(["a", "crash", "b", "endless", "c"]):
            archive.writestr(f"{number}.act", text)
    source = FileSource(str(tmp_path / "all.zip"), max_seconds=0.3)
    assert read(source) == [("all.zip/0.act", "a"), ("all.zip/2.act", "b"), ("all.zip/4.act", "c")]
    assert [(one.file, one.reason) for one in source.unread] == [
        ("all.zip/1.act", "crashed"),
        ("all.zip/3.act", "too_slow"),
    ]


@pytest.mark.parametrize("name", BAD)
def test_one_file_alone_that_cannot_be_read_ends_the_run(put, name):
    folder = put(name)
    with pytest.raises(UserError) as raised:
        read(FileSource(str(folder / "0.act"), max_seconds=0.3))
    assert str(raised.value).startswith(f"{folder / '0.act'}{BAD[name][1]}")


def test_a_folder_without_a_file_that_gives_text_ends_the_run(put):
    folder = put("fault", "fault")
    with pytest.raises(UserError, match=f"^{folder / '0.act'} cannot be read: "):
        read(FileSource(str(folder)))


def test_unread_stop_ends_the_run_at_the_first_one(put):
    folder, found = put("a", "fault", "b"), []
    with pytest.raises(UserError, match=f"^{folder / '1.act'} cannot be read: "):
        for document in FileSource(str(folder), unread="stop").documents():
            found.append(document.text)
    assert found == ["a"]


def test_title_and_places_come_along(put):
    (document,) = FileSource(str(put("a"))).documents()
    assert (document.title, document.places) == ("T", ((0, "page 1"),))


def test_a_limit_leaves_no_process_behind(put, monkeypatch):
    started = []
    from fanno_hf.sources import children

    popen = children.subprocess.Popen
    monkeypatch.setattr(
        children,
        "subprocess",
        types.SimpleNamespace(
            Popen=lambda *a, **k: started.append(popen(*a, **k)) or started[-1], PIPE=-1, DEVNULL=-3
        ),
    )
    assert len(read(FileSource(str(put(*"abcdef")), limit=2, processes=2))) == 2
    assert started and all(process.poll() is not None for process in started)


def test_a_large_file_behind_others_waits_for_its_turn(put):
    folder = put("a", "many", "b", "many", "c")
    assert [text[:4] for _, text in read(FileSource(str(folder), processes=2))] == ["a", "many", "b", "many", "c"]


def test_a_child_needs_no_installed_package(put, monkeypatch, tmp_path):
    """As in a notebook, where the package is found by sys.path alone."""
    monkeypatch.chdir(tmp_path)
    assert sys.executable and os.environ["PYTHONPATH"]
    assert read(FileSource(str(put("a")))) == [("0.act", "a")]
