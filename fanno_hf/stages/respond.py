"""Stage 3: from instructions to instruction-response pairs.

{"instruction": "How do mosses drink?"} + own document + the k nearest  ->  {"response": "Through their leaves: …"}
"""

from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from fanno_hf.columns import DOCUMENT, REJECTION, RESPONSE, full_text
from fanno_hf.parsing.response import parse_response
from fanno_hf.rules.response import ResponseRules
from fanno_hf.steps.answering import Answering, answer_variables
from fanno_hf.steps.asking import ask_rows, outcome, questions_about, watched
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.lengths import rounds
from fanno_hf.steps.rows import column, conform, with_columns
from fanno_hf.steps.undecided import Undecided
from fanno_hf.teacher.base import Ask, Completion
from fanno_hf.vectors.index import search


def respond(documents: Dataset, instructions: Dataset, context: Context) -> StageOutput:
    """Answers the pool's instructions; their own documents are among `documents`.

    Returns pairs with the columns of RESPONSE, and the rejected ones with reasons. Raises StageEmpty where nothing is left.
    """
    rows, notes = with_passages(instructions, documents, context)
    context.ask_ahead("fanno_hf.stages.respond:answer_rows", rows)
    funnel = Funnel("respond", RESPONSE)
    answered, tally = answer_rows(rows, context)
    rows = funnel.sift(answered)
    tally.check()
    funnel.require_rows(rows, "Read rejected/respond: the completions there show what the teacher wrote.")
    history = rounds(column(rows, "round"), column(rows, "response_tokens"))
    return StageOutput(conform(rows, RESPONSE), funnel.rejected(), history, notes)


def answer_rows(rows: Dataset, context: Context) -> tuple[Dataset, Undecided]:
    """Answers some instructions that have their passages (see `with_passages`); returns all of them with the columns of OUTCOME,
    and what is undecided, to be checked."""
    settings = context.settings
    rules = ResponseRules(settings.resolved["rules"], min_words=settings.respond.min_words)
    answering = Answering(settings)
    questions = questions_about("respond", settings, settings.respond.verdicts, settings.respond.undecided)
    questions, tally = watched(questions, "respond", settings.respond.undecided_limit)

    async def way(row: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
        answer = await answering.answer(row, ask)
        if answer.error is not None:
            return {**dict.fromkeys(_ANSWERED), **outcome("ask", answer.error)}
        found = _answered(row, answer, answering)
        if reason := answer.explain(
            rules.reason(found["response"], answer.finish_reason, row["instruction"], row["input"])
        ):
            return {**found, **outcome("rules", reason)}
        if reason := context.contamination(found["response"]):
            return {**found, **outcome("decontamination", reason)}
        judged = {**answer_variables(row), "response": found["response"]}
        found["response_verdicts"], reason = await questions.put(ask, judged)
        return {**found, **outcome("verdicts", reason)}

    return ask_rows(rows, context.teacher, way, _ANSWERED, "respond: ask"), tally


_RESPONSE = ("finish_reason", "response", "response_tokens", "response_verdicts", "response_prompt_digest")
_ANSWERED = {
    "completion": REJECTION["completion"],
    **{name: RESPONSE[name] for name in _RESPONSE},
}
_OF_DOCUMENT = ("source", "title", "heading")  # the last two are for prompts alone
_PASSAGES = {
    **{name: DOCUMENT[name] for name in _OF_DOCUMENT},
    **{name: RESPONSE[name] for name in ("passages", "passage_scores")},
}


def with_passages(
    instructions: Dataset, documents: Dataset, context: Context
) -> tuple[Dataset, dict[str, dict[str, float]]]:
    """Adds the columns source, title, heading, passages and passage_scores: in `grounded` mode the own document first, then the
    `retrieved` nearest others that are near enough; none in `direct` mode, and where an instruction brings its own input.

    Returns the rows, and what run.json says about the retrieval: the measured recall.
    """
    settings = context.settings.respond
    place = {document_id: row for row, document_id in enumerate(column(documents, "document_id"))}
    texts, described = documents["text"], {name: list(column(documents, name)) for name in _OF_DOCUMENT}
    own = [place[document_id] for document_id in column(instructions, "document_id")]
    notes = {}
    if settings.mode == "direct":
        found = [([], []) for _ in own]
    else:
        vectors = context.embedder.encode(texts)
        queries = context.embedder.encode([full_text(row) for row in instructions])
        hits = search(
            vectors,
            queries,
            settings.retrieved + 1,
            exact_below=settings.exact_below,
            least_recall=settings.least_recall,
            random_seed=context.random_seed,
        )
        notes = {"retrieval": {"passages": len(documents), "recall": hits.recall}}
        least = -1.0 if settings.min_passage_score is None else settings.min_passage_score
        found = []
        for row, (document, data) in enumerate(zip(own, column(instructions, "input"), strict=True)):
            if data and not settings.with_input:
                found.append(([], []))
                continue
            pairs = zip(hits.indices[row].tolist(), hits.scores[row].tolist(), strict=True)
            others = [(i, score) for i, score in pairs if i not in (document, -1) and score >= least]
            chosen = [(document, float(queries[row] @ vectors[document])), *others[: settings.retrieved]]
            found.append(([texts[i] for i, _ in chosen], [score for _, score in chosen]))
    columns = {
        **{name: [values[document] for document in own] for name, values in described.items()},
        "passages": [passages for passages, _ in found],
        "passage_scores": [scores for _, scores in found],
    }
    return with_columns(instructions, columns, _PASSAGES), notes


def _answered(row: Mapping[str, Any], answer: Completion, answering: Answering) -> dict[str, Any]:
    return {
        "completion": answer.text,
        "finish_reason": answer.finish_reason,
        "response": parse_response(answer.text),
        "response_tokens": answer.completion_tokens,
        "response_verdicts": [],
        "response_prompt_digest": answering.digest(grounded=bool(row["passages"])),
    }
