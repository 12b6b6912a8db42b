"""What brought no answer may have cost something all the same: it is paid for, and counts against the budget."""

import asyncio
from contextlib import closing

import pytest

from fanno_hf.errors import BudgetReached
from fanno_hf.teacher.base import Ask, Request
from fanno_hf.teacher.budget import Budget
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.service import Teacher
from tests.doubles.chat_server import ChatServer
from tests.teacher.test_pool import ASK, USER, change_choice, complete, no_pauses  # noqa: F401

USAGE = {
    "prompt_tokens": 70,
    "completion_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 40},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
PAID = (70, 40, 30, 20)


def altered(**choice):
    def alter(answer):
        change_choice(**choice)(answer)
        answer.update(usage=USAGE)

    return alter


@pytest.mark.parametrize(
    ("alter", "reason", "tries"),
    [
        (altered(finish_reason="content_filter"), "teacher_refused", 1),
        (altered(finish_reason="abort"), "teacher_failed", 3),
        (altered(message={"content": 5}), "teacher_failed", 3),
        (lambda answer: answer.update(choices=[], usage=USAGE), "teacher_failed", 3),
    ],
)
def test_an_answer_that_did_not_end_well_is_paid_for_each_time(alter, reason, tries):
    with ChatServer(alter=alter) as server:
        done = complete(server.url, ASK)[0]
    assert (done.error[0], done.paid) == (reason, tuple(tries * count for count in PAID))


def test_what_nobody_counted_is_estimated():
    def alter(answer):
        change_choice(finish_reason="content_filter", message={"content": "Mosses drink " * 7})(answer)
        del answer["usage"]

    with ChatServer(alter=alter) as server:
        assert complete(server.url, ASK)[0].paid == (16, 0, 26, 0)  # 55 and 91 characters


def test_a_failure_without_an_answer_costs_nothing():
    with ChatServer(lasting=400, words="Bad Request") as server:
        assert complete(server.url, ASK)[0].tokens == 0


def asked(tmp_path, backend: Pool, budget: Budget, count: int):
    """Asks one request after the other."""

    async def way(ask: Ask):
        return [(await ask(Request(USER, 64, seed=seed))).error for seed in range(count)]

    with closing(Teacher(backend, Journal(tmp_path / "journal"), budget)) as teacher:
        return asyncio.run(teacher.follow([way]))


def test_a_budget_holds_where_every_answer_is_filtered(tmp_path):
    with ChatServer(alter=altered(finish_reason="content_filter")) as server:
        with pytest.raises(BudgetReached):
            asked(tmp_path, Pool(server.url, "double", patience=0.0), Budget(tokens=1000), 50)
        assert len(server.chats) == 10


def test_a_request_with_room_for_thoughts_may_cost_them():
    assert Pool("http://127.0.0.1:1", "double", thinking="on", thinking_room=500).room == 500
    assert Pool("http://127.0.0.1:1", "double", thinking="auto", thinking_room=500).room == 0


def test_the_first_requests_are_taken_to_cost_their_room(tmp_path, monkeypatch):
    guesses = []
    monkeypatch.setattr(Budget, "take", lambda self, guess=0: guesses.append(guess))
    monkeypatch.setattr(Budget, "settle", lambda self, tokens=0, *, is_answered: None)
    with ChatServer() as server:
        asked(tmp_path, Pool(server.url, "double", patience=0.0, thinking="on", thinking_room=500), Budget(), 1)
    assert guesses == [14 + 64 + 500]  # the prompt has 56 characters
