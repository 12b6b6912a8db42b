"""Parts run side by side, and what comes of them comes in their order."""

import threading
from types import SimpleNamespace

import pytest
from datasets import Dataset

from fanno_hf.costs import Costs
from fanno_hf.settings import Price
from fanno_hf.steps import overlap
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.overlap import in_parts, overlapped
from fanno_hf.teacher.base import Usage

PATIENCE = 60.0


def handed_out(tasks):
    """A `next_task` over tasks, and the list of those it has given."""
    rest, given = list(tasks), []

    def next_task():
        if not rest:
            return None
        given.append(rest.pop(0))
        return given[-1]

    return next_task, given


def test_results_come_in_order_whoever_ends_first():
    second_ended = threading.Event()

    def first():
        assert second_ended.wait(PATIENCE)
        return "first"

    def second():
        second_ended.set()
        return "second"

    assert list(overlapped(handed_out([first, second])[0], ahead=1)) == ["first", "second"]


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_a_task_is_made_when_the_result_so_many_before_it_was_dealt_with(ahead):
    next_task, given = handed_out([lambda n=n: n for n in range(8)])
    seen = [len(given) for _ in overlapped(next_task, ahead)]
    assert seen == [min(8, number + ahead + 1) for number in range(8)]


def test_no_task_for_now_is_not_the_end():
    tasks = iter([lambda: 0, None, lambda: 1, None, None])
    assert list(overlapped(lambda: next(tasks), ahead=1)) == [0, 1]


def test_the_first_failure_in_order_is_raised():
    def fail(words):
        raise ValueError(words)

    tasks = [lambda: 0, lambda: fail("one"), lambda: fail("two")]
    with pytest.raises(ValueError, match="one"):
        list(overlapped(handed_out(tasks)[0], ahead=2))


def test_what_runs_when_the_caller_has_enough_comes_to_its_end():
    gate, ended = threading.Event(), threading.Event()

    def last():
        assert gate.wait(PATIENCE)
        ended.set()

    results = overlapped(handed_out([lambda: 0, last])[0], ahead=1)
    assert next(results) == 0
    gate.set()
    results.close()
    assert ended.is_set()


@pytest.fixture
def teacher():
    """What the progress asks."""
    return SimpleNamespace(usage=Usage(), resent=0, in_flight=0, costs=Costs(Price()))


def numbers(count: int) -> Dataset:
    return Dataset.from_dict({"text": [str(number) for number in range(count)]})


def keep_even(part, funnel, counted):
    counted(len(part), len(part) // 2)
    return funnel.drop(part, [("odd", "") if int(text) % 2 else None for text in part["text"]], "look")


def all_parts(count: int, teacher, work=keep_even) -> tuple[Dataset, Funnel, list[list[str]]]:
    """What is kept of so many rows, the funnel, and what was dealt with part by part."""
    seen, funnel = [], Funnel("seed", {"text": numbers(1).features["text"]})
    kept = in_parts(numbers(count), work, lambda part: seen.append(part["text"][:]), "seed: ask", funnel, teacher)
    return kept, funnel, seen


@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_parts_give_what_all_rows_give(monkeypatch, teacher, size):
    monkeypatch.setattr(overlap, "PART", size)
    kept, funnel, _ = all_parts(10, teacher)
    assert kept["text"][:] == ["0", "2", "4", "6", "8"]
    assert funnel.rejected()["text"][:] == ["1", "3", "5", "7", "9"]


@pytest.mark.parametrize(("count", "parts"), [(10, [["0", "2"], ["4", "6"], ["8"]]), (0, [[]])])
def test_what_needs_no_teacher_is_done_part_by_part_in_order(monkeypatch, teacher, count, parts):
    monkeypatch.setattr(overlap, "PART", 4)
    assert all_parts(count, teacher)[2] == parts


def test_many_rows_are_few_parts(monkeypatch, teacher):
    monkeypatch.setattr(overlap, "PART", 1)
    seen = all_parts(640, teacher, lambda part, funnel, counted: part)[2]
    assert [len(part) for part in seen] == [10] * 64
