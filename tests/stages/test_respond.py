"""Responses: grounded or direct, filtered, and asked again when they were cut off."""

import pytest
from datasets import Dataset

from fanno_hf.columns import INSTRUCTION
from fanno_hf.output.exports import FORMATS
from fanno_hf.output.pairs import pairs
from fanno_hf.stages.prescreen import prescreen
from fanno_hf.stages.respond import respond
from fanno_hf.steps.rows import conform
from fanno_hf.teacher.base import Completion
from tests.conftest import DOCUMENTS, raw_documents


@pytest.fixture
def inputs():
    """Four documents and an instruction about each."""

    def make(context, input_=""):
        rows = raw_documents(*DOCUMENTS[:4])
        documents = prescreen(rows, context).kept
        asked = [f"Explain how the thing in {row['source']} works, with mosses." for row in documents]
        columns = {"instruction_id": [f"i{i}" for i in range(4)], "document_id": list(documents["document_id"])}
        columns |= {"instruction": asked, "input": [input_] * 4, "task_type": ["code"] * 4}
        return documents, conform(Dataset.from_dict(columns), INSTRUCTION)

    return make


def answer(prompt):
    return "They drink through the surface of their leaves."


def test_grounded_answers_see_their_own_document_first_and_the_nearest(make_context, inputs):
    context, backend = make_context(answer, overrides=["stages.respond.retrieved=2"])
    documents, instructions = inputs(context)
    output = respond(documents, instructions, context)
    row = output.kept[1]
    assert row["passages"][0] == documents[1]["text"]
    assert len(row["passages"]) == len(row["passage_scores"]) == 3
    assert len(set(row["passages"])) == 3
    asked = [r.messages[-1]["content"] for r in backend.requests if "d1 works" in r.messages[-1]["content"]]
    assert all(passage in asked[0] for passage in row["passages"])


def test_a_passage_that_is_not_near_enough_is_not_retrieved(make_context, inputs):
    context, _ = make_context(
        answer, overrides=["stages.respond.retrieved=3", "stages.respond.min_passage_score=0.99"]
    )
    documents, instructions = inputs(context)
    assert [row["passages"] for row in respond(documents, instructions, context).kept] == [
        [text] for text in documents["text"]
    ]


@pytest.mark.parametrize(("with_input", "passages"), [("false", 0), ("true", 2)])
def test_an_instruction_that_brings_its_input_gets_passages_where_that_is_asked_for(
    make_context, inputs, with_input, passages
):
    context, _ = make_context(answer, overrides=[f"stages.respond.with_input={with_input}"])
    output = respond(*inputs(context, "Wet moss, dry moss."), context)
    assert {len(row["passages"]) for row in output.kept} == {passages}


def test_an_answer_that_the_teacher_finds_faulty_leaves(make_context, inputs):
    errors = "stages.respond.verdicts.contains_error=0.5"
    context, _ = make_context(answer, lambda prompt: "Yes" if "d1 works" in prompt else "No", overrides=[errors])
    documents, instructions = inputs(context)
    output = respond(documents, instructions, context)
    assert [row["reason"] for row in output.rejected] == ["contains_error"]
    assert {verdict["probability"] for row in output.kept for verdict in row["response_verdicts"]} == {0.0}


def test_scores_are_cosines_the_nearest_first(make_context, inputs):
    context, _ = make_context(answer, overrides=["stages.respond.retrieved=3"])
    scores = respond(*inputs(context), context).kept[0]["passage_scores"]
    assert scores[1:] == sorted(scores[1:], reverse=True)
    assert all(-1.0 <= score <= 1.0 for score in scores)


def test_direct_answers_see_no_passage(make_context, inputs):
    context, backend = make_context(answer, overrides=["stages.respond.mode=direct"])
    output = respond(*inputs(context), context)
    assert all(row["passages"] == [] for row in output.kept)
    assert backend.requests[-1].messages[-1]["content"].startswith("Explain how the thing in")


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (Completion("", "stop", 5, 0), "empty"),
        (Completion("They drink", "length", 5, 2), "truncated"),
        (Completion("I'm sorry, but I cannot answer this.", "stop", 5, 9), "refusal"),
        (Completion("The moss is a moss is a moss. " * 12, "stop", 5, 99), "repetition"),
        (Completion(error=("teacher_failed", "given up")), "teacher_failed"),
    ],
)
def test_a_bad_response_leaves_with_its_reason(make_context, inputs, completion, reason):
    context, _ = make_context(lambda prompt: completion if "d2 works" in prompt else answer(prompt))
    output = respond(*inputs(context), context)
    assert [row["reason"] for row in output.rejected] == [reason]
    assert len(output.kept) == 3


def test_a_truncated_answer_can_be_asked_again_with_more_tokens(make_context, inputs):
    cut_off = Completion("They drink", "length", 5, 2)
    context, backend = make_context(lambda prompt: cut_off, overrides=["stages.respond.retry_max_tokens=999"])
    documents, instructions = inputs(context)
    whole = backend.complete

    async def complete(request, urgent=False):
        done = await whole(request)
        return Completion("They drink through their leaves.", "stop", 5, 9) if request.max_tokens == 999 else done

    backend.complete = complete
    output = respond(documents, instructions, context)
    assert {row["response"] for row in output.kept} == {"They drink through their leaves."}


def test_the_final_pair_has_messages_and_lineage(make_context, inputs):
    context, _ = make_context(answer)
    documents, instructions = inputs(context, input_="some data")
    (pair, *_) = pairs(respond(documents, instructions, context).kept)
    assert [turn["role"] for turn in pair["messages"]] == ["user", "assistant"]
    assert pair["messages"][0]["content"] == "Explain how the thing in d0 works, with mosses.\n\nsome data"
    assert (pair["output"], pair["source"], pair["task_type"]) == (answer(""), "d0", "code")
    assert pair["document_id"] == documents[0]["document_id"]


@pytest.mark.parametrize(
    ("format_", "line"),
    [
        ("alpaca", {"instruction": "A?", "input": "", "output": "B."}),
        ("prompt_completion", {"prompt": "A?", "completion": "B."}),
        ("sharegpt", {"conversations": [{"from": "human", "value": "A?"}, {"from": "gpt", "value": "B."}]}),
        ("messages", {"messages": [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "B."}]}),
    ],
)
def test_exports(format_, line):
    assert FORMATS[format_]({"instruction": "A?", "input": "", "output": "B."}) == line
