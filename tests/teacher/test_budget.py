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
        budget.settle(number)


def test_without_a_limit_everything_may_be_sent():
    assert taken(Budget()) == 1000


def test_exactly_so_many_requests_may_be_sent():
    assert taken(Budget(requests=7)) == 7


def test_no_request_at_all_may_be_sent():
    assert taken(Budget(requests=0)) == 0


def test_what_earlier_commands_were_answered_counts():
    budget = Budget(requests=7)
    budget.start(answered=5, tokens=0)
    assert taken(budget) == 2


def test_a_folder_that_holds_more_than_the_limit_gets_nothing():
    budget = Budget(requests=7)
    budget.start(answered=9, tokens=0)
    assert taken(budget) == 0


def test_an_answer_counts_once():
    budget = Budget(requests=3)
    answer(budget, 10)
    assert taken(budget) == 2


def test_a_request_without_an_answer_costs_nothing():
    budget = Budget(requests=3)
    budget.take()
    budget.settle(None)
    assert taken(budget) == 3


def test_a_refused_take_is_not_in_flight():
    budget = Budget(requests=1)
    budget.take()
    with pytest.raises(BudgetReached):
        budget.take()
    budget.settle(None)
    assert taken(budget) == 1


def test_tokens_are_counted_until_they_are_used_up():
    budget = Budget(tokens=100)
    answer(budget, 60, 39)
    assert taken(budget, 1) == 1


def test_used_up_tokens_end_it():
    budget = Budget(tokens=100)
    answer(budget, 60, 40)
    assert taken(budget) == 0


def test_requests_in_flight_count_as_the_average_of_the_answered_ones():
    budget = Budget(tokens=100)
    answer(budget, 10, 30)  # 60 are left: three times 20
    assert taken(budget) == 3


def test_the_average_counts_earlier_commands():
    budget = Budget(tokens=1000)
    budget.start(answered=45, tokens=900)
    assert taken(budget) == 5


def test_tokens_of_earlier_commands_are_used_up():
    budget = Budget(tokens=1000)
    budget.start(answered=10, tokens=1000)
    assert taken(budget) == 0


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
    assert str(raised.value) == (
        f"{said}: raise it and run the same command again to go on; what was answered is kept."
    )


def test_the_exit_code_says_that_a_budget_is_reached():
    assert BudgetReached.exit_code == 3


@pytest.mark.parametrize(
    ("limits", "needs"), [({}, False), ({"seconds": 5.0}, False), ({"requests": 5}, True), ({"tokens": 5}, True)]
)
def test_only_limits_over_the_life_of_a_folder_need_what_was_spent_before(limits, needs):
    assert Budget(**limits).needs_totals is needs
