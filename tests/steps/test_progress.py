"""What a person sees while the teacher works: a line for a log, a bar for a terminal."""

import re
from functools import partial
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from fanno_hf.costs import Costs
from fanno_hf.settings import Price
from fanno_hf.steps import progress
from fanno_hf.steps.progress import Progress
from fanno_hf.teacher.base import Usage


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    state = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: state.now))
    return state


def teacher(**state) -> SimpleNamespace:
    return SimpleNamespace(**{"usage": Usage(), "resent": 0, "in_flight": 0, "costs": Costs(Price()), **state})


def half_way(clock, teacher) -> Progress:
    """100 of 200 rows after 50 seconds, 90 of them accepted."""
    shown = Progress("seed: ask", 200, teacher, live=False)
    clock.now = 50.0
    shown.advance(100, 90)
    return shown


def test_a_line_says_how_far_the_phase_is(clock):
    assert half_way(clock, teacher()).line().startswith("seed: ask: 100 of 200 rows, 90 accepted, ")


def test_a_line_says_what_is_in_flight(clock):
    assert ", 128 in flight, " in half_way(clock, teacher(in_flight=128)).line()


def test_the_rate_counts_the_tokens_of_this_phase_only(clock):
    used = teacher(usage=Usage(prompt_tokens=7_000))
    shown = Progress("seed: ask", 200, used, live=False)
    clock.now = 10.0
    used.usage.prompt_tokens += 15_000
    used.usage.completion_tokens += 5_000
    assert ", 2,000 tokens/s, " in shown.line()


def test_what_was_sent_again_before_this_phase_does_not_count(clock):
    again = teacher(resent=40)
    shown = Progress("seed: ask", 200, again, live=False)
    again.resent = 43
    assert ", 3 sent again, " in shown.line()


@pytest.mark.parametrize(("seconds", "left"), [(50.0, "50 s left"), (600.0, "10 min left"), (9000.0, "2.5 h left")])
def test_the_time_left_follows_from_the_rows(clock, seconds, left):
    shown = Progress("seed: ask", 200, teacher(), live=False)
    clock.now = seconds
    shown.advance(100, 100)
    assert shown.line().endswith(left)


def test_when_the_teacher_is_through_the_line_says_what_is_embedded(clock):
    shown = Progress("seed: ask", 200, teacher(), live=False)
    shown.advance(200, 180)
    clock.now = 60.0
    shown.embedded(50, 45)
    assert (
        shown.line() == "seed: ask: 200 of 200 rows, 180 accepted, 45 embedded, 0 in flight, 0 tokens/s, 3.0 min left"
    )


def test_requests_without_an_answer_are_in_the_line(clock):
    used = teacher(usage=Usage(refused=1))
    shown = Progress("seed: ask", 200, used, live=False)
    used.usage.refused, used.usage.failed = 4, 2
    assert ", 3 refused, 2 failed, " in shown.line()


def test_what_did_not_happen_is_left_out(clock):
    assert not re.search("again|refused|failed|so far", half_way(clock, teacher()).line())


def test_the_cost_of_this_phase_is_in_the_line_where_a_price_is_given(clock):
    costs = Costs(Price(currency="EUR", prompt=2.0, hour=36.0))
    costs.count(1_000_000, 0, 0, judged=False)
    shown = Progress("seed: ask", 200, teacher(costs=costs), live=False)
    clock.now = 100.0
    costs.count(250_000, 0, 0, judged=False)
    assert shown.line().endswith(", 1.50 EUR so far")


def test_a_phase_that_is_over_sooner_gives_no_line(caplog):
    caplog.set_level("INFO", logger="fanno_hf")
    with Progress("seed: ask", 200, teacher(), live=False) as shown:
        shown.advance(200, 190)
    assert (caplog.messages, progress.EVERY) == ([], 10.0)


def test_before_the_first_row_the_time_left_is_unknown(clock):
    assert Progress("seed: ask", 200, teacher(), live=False).line().endswith("time left unknown")


def test_a_log_gets_lines_while_the_phase_lasts(monkeypatch, caplog):
    monkeypatch.setattr(progress, "EVERY", 0.001)
    caplog.set_level("INFO", logger="fanno_hf")
    with Progress("seed: ask", 200, teacher(), live=False):
        while not caplog.messages:
            pass
    assert caplog.messages[0].startswith("seed: ask: 0 of 200 rows")


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(progress, "tqdm", partial(tqdm, mininterval=0))
    with Progress("seed: ask", 200, teacher(in_flight=7), live=True) as shown:
        shown.advance(200, 190)
    assert re.search(r"seed: ask: 100%.* 200/200 .*190 accepted, 7 in flight", capsys.readouterr().err)


def test_every_asking_phase_shows_its_progress(run, monkeypatch, caplog):
    seen = []
    monkeypatch.setattr(Progress, "__exit__", lambda self, *_: (self._over.set(), seen.append(self.line()))[0])
    run()
    assert {line.split(":")[0] for line in seen} == {"prescreen", "seed", "augment", "respond"}


@pytest.mark.parametrize("more", [(), ("stage=prescreen", "stages.prescreen.verdicts={}")], ids=["", "no verdicts"])
def test_a_finished_phase_has_counted_every_row(more, run, monkeypatch):
    seen = []
    monkeypatch.setattr(Progress, "__exit__", lambda self, *_: (self._over.set(), seen.append(self))[0])
    run("stages.augment.target_size=12", *more)
    assert seen
    assert [(shown._rows, shown._total) for shown in seen] == [(shown._total, shown._total) for shown in seen]
