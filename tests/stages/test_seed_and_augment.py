"""Instructions: one a prompt, evenly tagged, filtered, and grown to the exact target."""

from collections import Counter

import pytest

from fanno_hf.stages.augment import augment
from fanno_hf.stages.prescreen import prescreen
from fanno_hf.stages.seed import seed
from fanno_hf.teacher.base import Completion
from tests.conftest import DOCUMENTS, raw_documents

SUBJECTS = ("Mosses", "Tides", "auction", "Bread", "Glaciers", "violin", "monasteries", "Sorting")


def write(prompt):
    """An instruction that differs from prompt to prompt: its subject, and the words of its task."""
    subject = next((subject for subject in SUBJECTS if subject in prompt.split("Text:")[-1]), "moss")
    words = prompt.split("Kind of task: ")[-1].split(".")[0]
    number = sum(map(ord, prompt)) % 997
    return f"Explain {subject} number {number} to a child who likes {words} and asks why {subject} matter?"


@pytest.fixture
def screened():
    return lambda context: prescreen(raw_documents(*DOCUMENTS[:8]), context).kept


LOOSE = ("stages.seed.near_repeat_threshold=null", "stages.augment.near_repeat_threshold=null")
LOOSE += ("stages.seed.min_relevance=null", "stages.augment.min_relevance=null")


def test_each_document_gets_its_combinations_one_instruction_each(make_context, screened):
    context, backend = make_context(write, overrides=[*LOOSE, "stages.seed.combinations=3"])
    output = seed(screened(context), context)
    assert len(output.kept) + len(output.rejected) == 24
    assert set(Counter(row["document_id"] for row in output.kept).values()) <= {1, 2, 3}


def test_an_instruction_names_its_lineage(make_context, screened):
    context, _ = make_context(write, overrides=LOOSE)
    documents = screened(context)
    row = seed(documents, context).kept[0]
    assert row["document_id"] == documents[0]["document_id"]
    assert (row["origin"], row["round"], row["teacher"]) == ("seed", 0, "callable")
    assert row["prompt_digest"] and row["task_type"] and row["characteristic"] and row["style"]


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("According to the passage, what are mosses?", "refers_to_document"),
        ("Moss.", "not_an_instruction"),
        (Completion("What are mosses and", "length", 5, 5), "truncated"),
        (Completion(error=("teacher_refused", "422: too long")), "teacher_refused"),
    ],
)
def test_a_bad_completion_leaves_with_its_reason(make_context, screened, completion, reason):
    answer = lambda prompt: completion if "Tides" in prompt.split("Text:")[-1] else write(prompt)  # noqa: E731
    context, _ = make_context(answer, overrides=LOOSE)
    rejected = seed(screened(context), context).rejected
    assert [row["reason"] for row in rejected] == [reason]
    text = completion if isinstance(completion, str) else completion.text
    assert rejected[0]["completion"] == text


def test_a_verdict_drops_an_instruction(make_context, screened):
    verdict = lambda p: "Yes" if "dangerous" in p and "violin" in p else "No"  # noqa: E731
    context, _ = make_context(write, verdict, overrides=LOOSE)
    assert [row["reason"] for row in seed(screened(context), context).rejected] == ["unsafe"]


def test_near_repeats_leave_and_name_what_they_repeat(make_context, screened):
    same = "Explain how water moves in nature and why it matters."
    context, _ = make_context(lambda prompt: same, overrides=["stages.seed.min_relevance=null"])
    output = seed(screened(context), context)
    assert (len(output.kept), {row["reason"] for row in output.rejected}) == (1, {"near_repeat"})
    assert "Explain how water moves" in output.rejected[0]["detail"]


def test_an_instruction_about_something_else_is_off_topic(make_context, screened):
    strange = "Describe penguins wearing jackets."
    answer = lambda prompt: strange if "Tides" in prompt.split("Text:")[-1] else write(prompt)  # noqa: E731
    context, _ = make_context(answer, overrides=["stages.seed.min_relevance=0.2"])
    reasons = {row["completion"]: row["reason"] for row in seed(screened(context), context).rejected}
    assert reasons[strange] == "off_topic"


def grown(make_context, screened, *overrides, answer=write):
    context, backend = make_context(answer, overrides=[*LOOSE, *overrides])
    documents = screened(context)
    seeds = seed(documents, context).kept
    return augment(documents, seeds, context), seeds, backend


def test_the_pool_has_exactly_the_target_size(make_context, screened):
    output, seeds, _ = grown(make_context, screened, "stages.augment.target_size=13", "stages.augment.window=4")
    assert len(output.kept) == 13
    assert len(output.kept) + len(output.rejected) == len(seeds) + sum(output.history["asked"])
    assert [row["origin"] for row in output.kept][: len(seeds)] == ["seed"] * len(seeds)


def test_what_is_beyond_the_target_is_surplus(make_context, screened):
    output, _, _ = grown(make_context, screened, "stages.augment.target_size=10", "stages.augment.window=8")
    assert {row["reason"] for row in output.rejected} == {"surplus"}


def test_three_counterexamples_are_named_and_shown_as_subjects(make_context, screened):
    output, seeds, backend = grown(make_context, screened, "stages.augment.target_size=12")
    row = output.kept[-1]
    known = {seed["instruction_id"]: seed["instruction"] for seed in output.kept}
    assert len(row["counterexamples"]) == 3
    prompts = [r.messages[-1]["content"] for r in backend.requests if "Think different" in r.messages[-1]["content"]]
    # each on a line of its own, without its opening ("What is the …") and its question mark; the rows stay whole
    lines = ["- " + " ".join(known[i].split()[3:]).replace("?", "") for i in row["counterexamples"]]
    assert any(all(line in prompt.splitlines() for line in lines) for prompt in prompts)


def test_one_seed_is_enough(make_context, screened):
    context, _ = make_context(write, overrides=[*LOOSE, "stages.augment.target_size=5", "stages.augment.window=3"])
    documents = screened(context)
    seeds = seed(documents, context).kept.select([0])
    assert len(augment(documents, seeds, context).kept) == 5


def test_pulls_count_every_counterexample_that_was_shown(make_context, screened):
    output, _, _ = grown(make_context, screened, "stages.augment.target_size=12", "stages.augment.window=8")
    assert sum(row["pulls"] for row in output.kept) == 3 * sum(record["asked"] for record in output.history)


def test_documents_that_run_out_are_said(make_context, screened, caplog):
    output, seeds, _ = grown(make_context, screened, "stages.augment.target_size=500", "stages.augment.epochs=1")
    assert "the documents ran out at" in caplog.text
    assert "give more documents" in caplog.text
    assert len(output.kept) < 500


def test_documents_are_not_to_blame_where_the_teacher_gave_no_answer(make_context, screened, caplog):
    refused = Completion(error=("teacher_refused", "422: too long"))
    answer = lambda prompt: refused if asked else write(prompt)  # noqa: E731
    asked: list[str] = []
    context, _ = make_context(answer, overrides=[*LOOSE, "stages.augment.target_size=500", "stages.augment.epochs=1"])
    documents = screened(context)
    seeds = seed(documents, context).kept
    asked.append("augment")
    augment(documents, seeds, context)
    assert "The teacher gave no answer to 8 of them: stage=doctor" in caplog.text
    assert "give more documents" not in caplog.text


def test_without_epochs_the_seeds_are_the_pool_and_nothing_is_said(make_context, screened, caplog):
    output, seeds, _ = grown(make_context, screened, "stages.augment.target_size=500", "stages.augment.epochs=0")
    assert output.kept["instruction_id"][:] == seeds["instruction_id"][:]
    assert caplog.records == []


def test_without_think_different_no_counterexample_is_shown(make_context, screened):
    output, _, backend = grown(
        make_context, screened, "stages.augment.target_size=12", "stages.augment.think_different=false"
    )
    assert all(row["counterexamples"] == [] for row in output.kept)
    assert not any("Think different" in request.messages[-1]["content"] for request in backend.requests)


def test_the_reward_can_be_the_length_of_the_response(make_context, screened):
    def answer(prompt):
        if "Text:" in prompt:
            return write(prompt)
        return "word " * (40 if "Glaciers" in prompt else 5)

    output, _, _ = grown(
        make_context,
        screened,
        *("stages.augment.reward=response_length", "stages.augment.target_size=9", "stages.augment.epochs=1"),
        answer=answer,
    )
    rewards = {row["instruction"].split()[1]: row["reward"] for row in output.kept if row["origin"] == "seed"}
    assert rewards["Glaciers"] == 1.0
    assert rewards["Tides"] == 0.0


def test_showing_a_row_never_changes_it(make_context, screened):
    output, seeds, _ = grown(make_context, screened, "stages.augment.target_size=12")
    assert [row["instruction"] for row in output.kept][: len(seeds)] == list(seeds["instruction"])
