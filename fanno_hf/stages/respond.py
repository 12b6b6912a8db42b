"""Stage 3: from instructions to instruction-response pairs.

{"instruction": "How do mosses drink?"} + own document + the k nearest  ->  {"response": "Through their leaves: …"}
"""

from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from fanno_hf.augmenting.history import rounds
from fanno_hf.columns import REJECTION, RESPONSE
from fanno_hf.errors import UserError
from fanno_hf.instructing.ask import asked_text
from fanno_hf.instructing.parsing import parse_response
from fanno_hf.rules.response import ResponseRules
from fanno_hf.steps.answering import Answering
from fanno_hf.steps.asking import converse, outcome
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.rows import conform, with_columns
from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.service import Dialogue
from fanno_hf.vectors.index import search


def respond(documents: Dataset, instructions: Dataset, context: Context) -> StageOutput:
    """Answers instructions.

    Args:
        documents: the pre-screened passages; the instructions' own documents are among them.
        instructions: the pool (columns of INSTRUCTION).
        context: configuration `stages.respond`, `prompts.respond`, `rules`, and the services.

    Returns:
        Pairs with the columns of RESPONSE; the rejected ones with reasons.

    Raises:
        StageEmpty: nothing is left.
    """
    config = context.config["stages"]["respond"]
    if config["mode"] not in ("direct", "grounded"):
        raise UserError(f"stages.respond.mode={config['mode']}: it can be direct or grounded")
    funnel = Funnel("respond", RESPONSE)
    rules = ResponseRules(context.config["rules"], min_words=config["min_words"])
    answering = Answering(context)

    rows, notes = with_passages(instructions, documents, context)

    def dialogue(row: Mapping[str, Any]) -> Dialogue:
        answer = yield from answering.ask(row, row["passages"])
        if answer.error is not None:
            return {**dict.fromkeys(_ANSWERED), **outcome("ask", answer.error)}
        found = _answered(row, answer, answering)
        if reason := rules.reason(found["response"], answer.finish_reason, asked_text(row)):
            return {**found, **outcome("rules", reason)}
        return {**found, **outcome("decontamination", context.references.contamination(found["response"]))}

    rows = funnel.sift(converse(rows, context.teacher, dialogue, _ANSWERED, "respond: ask"))
    funnel.require_rows(rows, "Read rejected/respond: the completions there show what the teacher wrote.")
    history = rounds(rows["round"], rows["response_tokens"])
    return StageOutput(conform(rows, RESPONSE), funnel.rejected(), history, notes)


_ANSWERED = {
    "completion": REJECTION["completion"],
    **{name: RESPONSE[name] for name in ("finish_reason", "response", "response_tokens", "response_prompt_digest")},
}
_PASSAGES = {name: RESPONSE[name] for name in ("source", "passages", "passage_scores")}


def with_passages(
    instructions: Dataset, documents: Dataset, context: Context
) -> tuple[Dataset, dict[str, dict[str, float]]]:
    """Adds the columns source, passages and passage_scores: in `grounded` mode the own document first, then the
    `retrieved` nearest others; in `direct` mode no passages.

    Returns:
        The rows, and what run.json says about the retrieval: the measured recall.
    """
    config = context.config["stages"]["respond"]
    place = {document_id: row for row, document_id in enumerate(documents["document_id"])}
    texts, sources = documents["text"], documents["source"]
    own = [place[document_id] for document_id in instructions["document_id"]]
    notes = {}
    if config["mode"] == "direct":
        found = [([], []) for _ in own]
    else:
        vectors = context.embedder.encode(texts)
        queries = context.embedder.encode([asked_text(row) for row in instructions])
        hits = search(
            vectors,
            queries,
            config["retrieved"] + 1,
            exact_below=config["exact_below"],
            least_recall=config["least_recall"],
            random_seed=context.random_seed,
        )
        notes = {"retrieval": {"passages": len(documents), "recall": hits.recall}}
        found = []
        for row, document in enumerate(own):
            pairs = zip(hits.indices[row].tolist(), hits.scores[row].tolist(), strict=True)
            others = [(i, score) for i, score in pairs if i not in (document, -1)]
            chosen = [(document, float(queries[row] @ vectors[document])), *others[: config["retrieved"]]]
            found.append(([texts[i] for i, _ in chosen], [score for _, score in chosen]))
    columns = {
        "source": [sources[document] for document in own],
        "passages": [passages for passages, _ in found],
        "passage_scores": [scores for _, scores in found],
    }
    return with_columns(instructions, columns, _PASSAGES, "respond: passages"), notes


def _answered(row: Mapping[str, Any], answer: Completion, answering: Answering) -> dict[str, Any]:
    return {
        "completion": answer.text,
        "finish_reason": answer.finish_reason,
        "response": parse_response(answer.text),
        "response_tokens": answer.completion_tokens,
        "response_prompt_digest": answering.digest(grounded=bool(row["passages"])),
    }
