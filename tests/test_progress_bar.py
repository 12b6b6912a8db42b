"""A line now and then in a log, a bar on a terminal."""

from types import SimpleNamespace

import pytest

from fanno_hf import progress_bar
from fanno_hf.progress_bar import ProgressBar


@pytest.fixture
def clock(monkeypatch):
    """A clock whose time is set: `clock.now`, in seconds."""
    state = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(progress_bar, "time", SimpleNamespace(monotonic=lambda: state.now))
    return state


@pytest.fixture
def log(caplog):
    """What is logged."""
    caplog.set_level("INFO", logger="fanno_hf")
    return caplog


def test_a_log_gets_a_line_every_ten_seconds(clock, log, capsys):
    with ProgressBar("embed", 10_000, "texts") as bar:
        for _ in range(5):
            clock.now += 7
            bar.update(1_500)
    assert log.messages == ["embed: 3,000 of 10,000 texts, 33 s left", "embed: 6,000 of 10,000 texts, 19 s left"]
    assert capsys.readouterr().err == ""


def test_what_is_done_sooner_or_all_gives_no_line(clock, log):
    with ProgressBar("embed", 100, "texts") as bar:
        clock.now += 9
        bar.update(50)
        clock.now += 90
        bar.update(50)
    assert log.messages == []


def test_a_terminal_gets_a_bar_and_no_line(clock, log, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with ProgressBar("embed", 100, "texts") as bar:
        clock.now += 60
        bar.update(10)
    assert "embed" in capsys.readouterr().err
    assert log.messages == []


def test_nothing_is_said_where_nobody_asked(clock, log, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with ProgressBar("embed", 100, "texts", shown=False) as bar:
        clock.now += 60
        bar.update(10)
    assert (log.messages, capsys.readouterr().err) == ([], "")
