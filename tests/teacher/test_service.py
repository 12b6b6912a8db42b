"""The service: the journal comes first, equal requests are one, and what is in flight is bounded."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from fanno_hf.costs import Costs
from fanno_hf.errors import BudgetReached, TeacherUnavailable
from fanno_hf.settings import Price
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.budget import Budget
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.service import Teacher


def ask(words: str, **settings) -> Request:
    return Request([{"role": "user", "content": words}], max_tokens=8, **settings)


class Backend:
    """Answers "<words>!"; can hold answers back until so many are asked for, fail, and refuse to open."""

    identity, room = "backend", 0

    def __init__(
        self,
        *,
        concurrency: int = 4,
        at_once: int = 1,
        error=None,
        failure=None,
        open_failure=None,
        discarded=(0, 0, 0, 0),
    ):
        self.capacity, self._slots, self._at_once, self.resent = concurrency, None, at_once, 0
        self._discarded = discarded
        self._error, self._failure, self._open_failure = error, failure, open_failure
        self.faults, self.context_length = {}, 512
        self.asked: list[str] = []
        self.opened = self.closed = self.in_flight = self.most_in_flight = self.cancelled = 0
        self.reached = threading.Event()

    async def open(self):
        self._slots = asyncio.Semaphore(self.capacity)
        self.opened += 1
        if self._open_failure:
            raise self._open_failure

    async def close(self):
        self.closed += 1

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        async with self._slots:
            return await self._answer(request)

    async def _answer(self, request: Request) -> Completion:
        words = request.messages[0]["content"]
        self.asked.append(words)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if len(self.asked) >= self._at_once:
            self.reached.set()
        try:
            while not self.reached.is_set():
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
        if self._failure:
            raise self._failure
        return Completion(f"{words}!", "stop", 10, 2, discarded=self._discarded, error=self._error)


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "journal.sqlite"


def way(requests, stop=None):
    """The way of a row that sends these requests, until `stop` says so, and returns the answers."""

    async def go(ask):
        answers = []
        for place, request in enumerate(requests):
            answers.append(await ask(request))
            if stop is not None and stop(place, answers[-1]):
                break
        return answers

    return go


def follow(teacher: Teacher, rows, stop=None):
    return teacher.follow([way(requests, stop) for requests in rows])


def complete(backend: Backend, journal: Path, *rows: list[Request], stop=None):
    """Goes the ways of rows with a service of its own; returns the texts and what was used."""
    with closing(Teacher(backend, Journal(journal))) as teacher:
        answers = asyncio.run(follow(teacher, rows, stop))
        return [[answer.text for answer in row] for row in answers], teacher.take_usage()


def test_answers_come_in_the_order_of_the_requests(journal):
    rows = [[ask("a"), ask("b")], [], [ask("c")]]
    assert complete(Backend(), journal, *rows)[0] == [["a!", "b!"], [], ["c!"]]


def test_what_the_journal_holds_is_not_asked_and_answered_as_before(journal):
    complete(Backend(), journal, [ask("a")])
    backend = Backend()
    answers, usage = complete(backend, journal, [ask("a"), ask("b")])
    assert (backend.asked, answers, usage.requests, usage.from_journal) == (["b"], [["a!", "b!"]], 1, 1)


def test_the_backend_is_not_opened_while_the_journal_answers(journal):
    spend(Backend(), journal, 7)
    backend = Backend(open_failure=TeacherUnavailable("no server"))
    spend(backend, journal, 7, requests=0)  # nor is a budget needed
    assert (backend.asked, backend.opened) == ([], 0)


@pytest.mark.parametrize(("seeds", "sent"), [((0, 0, 0), ["a"]), ((1, 2), ["a", "a"])])
def test_requests_in_flight_that_are_equal_to_the_seed_are_sent_once(journal, seeds, sent):
    backend = Backend()
    answers, _ = complete(backend, journal, *([ask("a", seed=seed)] for seed in seeds))
    assert (answers, backend.asked) == ([["a!"]] * len(seeds), sent)


def test_a_row_that_stops_leaves_the_others_alone(journal):
    rows = [ask("a"), ask("b")], [ask("c"), ask("d")]
    answers, _ = complete(Backend(), journal, *rows, stop=lambda place, answer: answer.text == "a!")
    assert answers == [["a!"], ["c!", "d!"]]


def test_the_backend_is_opened_once_and_as_many_requests_are_in_flight_as_allowed(journal):
    # the backend answers nobody before three have asked
    backend = Backend(concurrency=3, at_once=3)
    complete(backend, journal, *([ask(str(number))] for number in range(30)))
    assert (backend.opened, backend.most_in_flight) == (1, 3)


def test_the_bound_holds_over_calls_from_several_loops(journal):
    backend = Backend(concurrency=2)
    with closing(Teacher(backend, Journal(journal))) as teacher, ThreadPoolExecutor(5) as executor:
        list(executor.map(lambda n: asyncio.run(follow(teacher, [[ask(f"{n}-{i}")] for i in "abc"])), range(5)))
    assert (len(backend.asked), backend.most_in_flight) == (15, 2)


def test_usage_counts_sent_requests_and_their_tokens_and_starts_anew_when_it_is_taken(journal):
    with closing(Teacher(Backend(), Journal(journal))) as teacher:
        asyncio.run(follow(teacher, [[ask("a"), ask("b")]]))
        usage, after = teacher.take_usage(), teacher.take_usage()
    assert (usage.requests, usage.from_journal, usage.prompt_tokens, usage.completion_tokens) == (2, 0, 20, 4)
    assert after.requests == 0


@pytest.mark.parametrize("reason", ["teacher_refused", "teacher_failed"])
def test_an_error_is_handed_on_and_counted_and_not_kept(journal, reason):
    with closing(Teacher(Backend(error=(reason, "503: busy")), Journal(journal))) as teacher:
        [[answer]] = asyncio.run(follow(teacher, [[ask("a")]]))
        counted = teacher.take_usage()
    assert (answer.error, counted.refused + counted.failed) == ((reason, "503: busy"), 1)
    assert getattr(counted, reason.removeprefix("teacher_")) == 1
    backend = Backend()
    complete(backend, journal, [ask("a")])
    assert backend.asked == ["a"]


def test_a_backend_that_does_not_open_stops_the_run(journal):
    with pytest.raises(TeacherUnavailable, match="no server"):
        complete(Backend(open_failure=TeacherUnavailable("no server")), journal, [ask("a")], [ask("b")])


def test_what_was_answered_before_a_failure_is_kept(journal):
    class FailsAtB(Backend):
        async def complete(self, request, urgent=False):
            if request.messages[0]["content"] == "b":
                raise TeacherUnavailable("gone")
            return await super().complete(request, urgent)

    with pytest.raises(TeacherUnavailable, match="gone"):
        complete(FailsAtB(), journal, [ask("a"), ask("b")])
    with closing(Journal(journal)) as kept:
        assert kept.get(ask("a").key("backend")).text == "a!"


def test_closing_goes_on_when_the_backend_does_not_close_and_is_done_once(journal):
    class Stuck(Backend):
        async def close(self):
            await super().close()
            raise OSError("the socket is gone")

    backend = Stuck()
    teacher = Teacher(backend, Journal(journal))
    with pytest.raises(OSError, match="the socket is gone"):
        teacher.close()
    teacher.close()
    assert backend.closed == 1
    assert "teacher" not in [thread.name for thread in threading.enumerate()]


def test_closing_cancels_what_is_in_flight(journal):
    async def close_amid():
        answers = asyncio.ensure_future(follow(teacher, [[ask("a")], [ask("b")]]))
        while backend.in_flight < 2:
            await asyncio.sleep(0)
        await asyncio.to_thread(teacher.close)
        await answers

    backend = Backend(at_once=10)
    teacher = Teacher(backend, Journal(journal))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(close_amid())
    assert (backend.cancelled, backend.in_flight) == (2, 0)


def test_a_caller_that_gives_up_does_not_take_the_answer_from_another(journal):
    async def do(teacher):
        first = asyncio.ensure_future(follow(teacher, [[ask("a")]]))
        second = asyncio.ensure_future(follow(teacher, [[ask("a")]]))
        while not backend.in_flight:
            await asyncio.sleep(0)
        first.cancel()
        backend.reached.set()
        return (await second)[0][0].text

    backend = Backend(at_once=10)
    with closing(Teacher(backend, Journal(journal))) as teacher:
        assert asyncio.run(do(teacher)) == "a!"


def spend(backend: Backend, journal: Path, rows: int, **limits) -> None:
    """Asks so many questions with a budget."""
    with closing(Teacher(backend, Journal(journal), Budget(**limits))) as teacher:
        asyncio.run(follow(teacher, [[ask(str(number))] for number in range(rows)]))


def kept(journal: Path) -> tuple[int, int]:
    """How many answers the journal holds, and their tokens; each answer of the backend has twelve."""
    with closing(Journal(journal)) as found:
        return found.totals()


def test_what_is_in_flight_is_in_the_journal_when_the_budget_is_reached(journal):
    # nobody is answered before all five are in flight, and the sixth finds the budget used up meanwhile
    with closing(Teacher(Backend(concurrency=8, at_once=5), Journal(journal), Budget(requests=5))) as teacher:
        with pytest.raises(BudgetReached):
            asyncio.run(follow(teacher, [[ask(str(number))] for number in range(6)]))
        assert (kept(journal)[0], teacher.in_flight) == (5, 0)


def test_a_budget_is_used_up_exactly_then_sends_nothing_more_and_a_raised_one_goes_on_from_the_journal(journal):
    for asked in (7, 0):
        backend = Backend()
        with pytest.raises(BudgetReached, match="budget.requests=7 is reached"):
            spend(backend, journal, 10, requests=7)
        assert len(backend.asked) == asked
    backend = Backend()
    spend(backend, journal, 10, requests=10)
    assert (len(backend.asked), kept(journal)[0]) == (3, 10)


def test_rows_without_an_answer_use_up_nothing(journal):
    backend = Backend(error=("teacher_refused", "422: no"))
    with closing(Teacher(backend, Journal(journal), Budget(requests=1))) as teacher:
        asyncio.run(follow(teacher, [[ask("a"), ask("b"), ask("c")]]))
    assert backend.asked == ["a", "b", "c"]


def test_answers_that_were_of_no_use_cost_tokens_in_this_run_and_the_next(journal):
    backend = Backend(discarded=(40, 30, 8, 8))
    spend(backend, journal, 1, tokens=60)
    with pytest.raises(BudgetReached, match="budget.tokens=60"):
        spend(backend, journal, 2, tokens=60)
    assert kept(journal) == (1, 60)
    with closing(Teacher(backend, Journal(journal))) as teacher:
        asyncio.run(follow(teacher, [[ask("another")]]))
        used = teacher.take_usage()
    assert (used.prompt_tokens, used.cached_tokens, used.completion_tokens, used.thinking_tokens) == (50, 30, 10, 8)


def test_equal_requests_use_up_one(journal):
    with closing(Teacher(Backend(), Journal(journal), Budget(requests=1))) as teacher:
        answers = asyncio.run(follow(teacher, [[ask("a")]] * 5))
    assert [row[0].text for row in answers] == ["a!"] * 5


def test_tokens_are_overshot_by_no_more_than_what_was_in_flight(journal):
    backend = Backend(concurrency=4)
    with pytest.raises(BudgetReached, match="budget.tokens=120 is reached"):
        spend(backend, journal, 100, tokens=120)
    # sixteen rows are looked at before the first answer tells what one costs
    assert 120 <= kept(journal)[1] <= 120 + 16 * 12


def test_tokens_are_met_to_the_answer_once_it_is_known_what_one_costs(journal):
    spend(Backend(), journal, 5)
    with pytest.raises(BudgetReached):
        spend(Backend(), journal, 100, tokens=240)
    assert kept(journal) == (20, 240)


def test_twice_as_many_rows_are_begun_as_the_backend_takes(journal):
    begun = set()

    class Counted(Request):
        def key(self, identity):
            begun.add(self.messages[0]["content"])
            return super().key(identity)

    async def do(teacher):
        rows = [[Counted(ask(str(number)).messages, 8)] for number in range(100)]
        answers = asyncio.ensure_future(follow(teacher, rows))
        while len(begun) < 40:
            await asyncio.sleep(0)
        before = len(begun)
        backend.reached.set()
        await answers
        return before

    backend = Backend(concurrency=20, at_once=1000)
    with closing(Teacher(backend, Journal(journal))) as teacher:
        assert asyncio.run(do(teacher)) == 40


def test_a_row_that_has_begun_is_urgent(journal):
    urgencies = []

    class Listening(Backend):
        async def complete(self, request, urgent=False):
            urgencies.append((request.messages[0]["content"], urgent))
            return await super().complete(request, urgent)

    complete(Listening(), journal, [ask("a"), ask("b"), ask("c")])
    assert urgencies == [("a", False), ("b", True), ("c", True)]


def test_a_backend_that_does_not_know_its_model_is_opened_at_once(journal):
    class Asks(Backend):
        identity = None

        async def open(self):
            await super().open()
            self.identity = "org/model@abc"

    with closing(Teacher(Asks(), Journal(journal))) as teacher:
        assert teacher.identity == "org/model@abc"


def test_a_backend_that_cannot_be_asked_for_its_model_leaves_no_thread(journal):
    backend = Backend(open_failure=TeacherUnavailable("no server"))
    backend.identity = None
    with pytest.raises(TeacherUnavailable, match="no server"):
        Teacher(backend, Journal(journal))
    assert "teacher" not in [thread.name for thread in threading.enumerate()]


def test_a_judge_is_asked_what_is_meant_for_it_and_its_answers_are_kept_under_its_name(journal):
    teacher_backend, judge = Backend(), Backend()
    judge.identity = "judge"
    rows = [[ask("a"), ask("a", judge=True)]]
    with closing(Teacher(teacher_backend, Journal(journal), judge=judge)) as teacher:
        asyncio.run(follow(teacher, rows))
    assert (teacher_backend.asked, judge.asked, kept(journal)[0]) == (["a"], ["a"], 2)


def test_a_judge_is_paid_by_its_own_price(journal):
    judge, costs = Backend(), Costs(Price(completion=1e6), Price(completion=1e7))
    judge.identity = "judge"
    with closing(Teacher(Backend(), Journal(journal), judge=judge, costs=costs)) as teacher:
        asyncio.run(teacher.follow([way([ask("a"), ask("b", judge=True)])]))
    assert costs.tokens == pytest.approx(2 * 1 + 2 * 10)


def test_without_a_judge_the_teacher_is_asked_and_knows_its_own_answer(journal):
    backend = Backend()
    complete(backend, journal, [ask("a"), ask("a", judge=True)])
    assert backend.asked == ["a"]


def test_a_judge_that_is_not_needed_is_not_opened(journal):
    judge = Backend()
    with closing(Teacher(Backend(), Journal(journal), judge=judge)) as teacher:
        asyncio.run(follow(teacher, [[ask("a")]]))
    assert (judge.opened, judge.closed) == (0, 1)
