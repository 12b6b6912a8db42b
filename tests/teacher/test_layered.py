"""A journal over another one: what is below is found, and stays as it is."""

from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.layered import LayeredJournal

OLD, NEW = b"o" * 32, b"n" * 32


def completion(text: str) -> Completion:
    return Completion(text, "stop", 3, 2)


def test_what_is_below_is_found_and_what_is_new_goes_on_top(tmp_path):
    below = Journal(tmp_path / "below.sqlite")
    below.put(OLD, completion("old"))
    below.fold()  # still open, as that of a run whose clients ask
    before = (tmp_path / "below.sqlite").read_bytes()
    layered = LayeredJournal(tmp_path / "own.sqlite", tmp_path / "below.sqlite")
    layered.put(NEW, completion("new"))
    assert [layered.get(OLD).text, layered.get(NEW).text, layered.get(b"x" * 32)] == ["old", "new", None]
    layered.close()
    assert (tmp_path / "below.sqlite").read_bytes() == before
    below.absorb(tmp_path / "own.sqlite")
    assert [below.get(OLD).text, below.get(NEW).text, below.totals()] == ["old", "new", (2, 10)]
    below.close()


def test_what_is_damaged_below_is_not_there(tmp_path):
    below = Journal(tmp_path / "below.sqlite")
    below.put(OLD, completion("a sentence"))
    below.close()
    content = (tmp_path / "below.sqlite").read_bytes()
    (tmp_path / "below.sqlite").write_bytes(content.replace(b"a sentence", b"a sentense"))
    layered = LayeredJournal(tmp_path / "own.sqlite", tmp_path / "below.sqlite")
    assert layered.get(OLD) is None
    layered.close()
