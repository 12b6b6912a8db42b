"""What may be sent: answers and tokens over the life of a folder, seconds for one command."""

from types import SimpleNamespace

import pytest

from fanno_hf.errors import BudgetReached
from fanno_hf.teacher import budget as module
from fanno_hf.teacher.budget import Budget


def taken(budget: Budget, at_most: int = 1000) -> int:
    """How many requests it lets go before it says no."""
    for number in range(at_most):
        try:
            budget.take()
        except BudgetReached:
            return number
    return at_most


def answer(budget: Budget, *tokens: int) -> None:
    """One request after the other is sent and answered with so many tokens."""
    for number in tokens:
        budget.take()
        budget.settle(number, is_answered=True)


@pytest.mark.parametrize(
    ("limits", "before", "answers", "left"),
    [
        ({}, (0, 0), (), 1000),
        ({"requests": 7}, (0, 0), (), 7),
        ({"requests": 0}, (0, 0), (), 0),
        ({"requests": 3}, (0, 0), (10,), 2),
        # earlier commands count
        ({"requests": 7}, (5, 0), (), 2),
        ({"requests": 7}, (9, 0), (), 0),
        ({"tokens": 1000}, (10, 1000), (), 0),
        ({"tokens": 1000}, (45, 900), (), 5),
        # requests in flight count as the average of the answered ones: 60 are left, three times 20
        ({"tokens": 100}, (0, 0), (10, 30), 3),
        ({"tokens": 100}, (0, 0), (60, 39), 1),
        ({"tokens": 100}, (0, 0), (60, 40), 0),
    ],
)
def test_so_many_requests_may_be_sent(limits, before, answers, left):
    budget = Budget(**limits)
    budget.start(answered=before[0], tokens=before[1])
    answer(budget, *answers)
    assert taken(budget) == left


def test_a_request_without_an_answer_costs_nothing():
    budget = Budget(requests=3)
    budget.take()
    budget.settle(is_answered=False)
    assert taken(budget) == 3


def test_a_refused_take_is_not_in_flight():
    budget = Budget(requests=1)
    budget.take()
    with pytest.raises(BudgetReached):
        budget.take()
    budget.settle(is_answered=False)
    assert taken(budget) == 1


def test_seconds_count_from_its_making(monkeypatch):
    clock = SimpleNamespace(now=500.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", clock)
    budget = Budget(seconds=60.0, _started=500.0)
    budget.take()
    clock.now = 559.9
    budget.take()
    clock.now = 560.0
    with pytest.raises(BudgetReached, match="budget.seconds=60 "):
        budget.take()


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"requests": 0}, "budget.requests=0 is reached"), ({"tokens": 0}, "budget.tokens=0 is reached")],
)
def test_the_message_names_the_limit_and_what_to_do(limits, said):
    with pytest.raises(BudgetReached) as raised:
        Budget(**limits).take()
    words = f"{said}: raise it and run the same command again to go on; what was answered is kept."
    assert (str(raised.value), raised.value.exit_code) == (words, 3)


@pytest.mark.parametrize(
    ("limits", "needs"), [({}, False), ({"seconds": 5.0}, False), ({"requests": 5}, True), ({"tokens": 5}, True)]
)
def test_only_limits_over_the_life_of_a_folder_need_what_was_spent_before(limits, needs):
    assert Budget(**limits).needs_totals is needs
