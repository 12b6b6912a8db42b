"""Stage 3: from instructions to instruction-response pairs.

{"instruction": "How do mosses drink?"} + own document + the k nearest  ->  {"response": "Through their leaves: …"}
"""

import logging
from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from fanno_hf.columns import RESPONSE
from fanno_hf.errors import UserError
from fanno_hf.index import search
from fanno_hf.parsing import parse_response
from fanno_hf.rules.response import ResponseRules
from fanno_hf.steps.answering import Answering
from fanno_hf.steps.asking import ask, failure
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel, Reason
from fanno_hf.steps.instructing import asked_text
from fanno_hf.steps.rows import conform, map_rows, with_columns

logger = logging.getLogger(__name__)


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
    rows = ask(rows, context.teacher, lambda row: answering.request(row, row["passages"]), "respond: ask")
    rows = retry_truncated(rows, answering, context)
    rows = funnel.screen(rows, failure, "ask")
    rows = map_rows(rows, lambda row: _parsed(row, answering), _PARSED, "respond: parse")
    rows = funnel.screen(rows, lambda row: _reason(row, rules), "rules")
    rows = context.references.decontaminate(rows, lambda row: row["response"], funnel)
    funnel.require_rows(rows, "Read rejected/respond: the completions there show what the teacher wrote.")
    return StageOutput(conform(rows, RESPONSE), funnel.rejected(), notes=notes)


_PARSED = {name: RESPONSE[name] for name in ("response", "response_tokens", "response_prompt_digest")}
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


def retry_truncated(rows: Dataset, answering: Answering, context: Context) -> Dataset:
    """Asks once more, with `retry_max_tokens`, for the answers that were cut off; null asks nothing."""
    more = context.config["stages"]["respond"]["retry_max_tokens"]
    cut = [i for i, reason in enumerate(rows["finish_reason"]) if reason == "length"] if more else []
    if not cut:
        return rows
    logger.info("respond: %d answers were cut off and are asked again with %d tokens", len(cut), more)
    again = rows.select(cut).select_columns(["instruction_id", "instruction", "input", "passages"])
    again = ask(
        again, context.teacher, lambda row: answering.request(row, row["passages"], more), "respond: ask for more"
    )
    better = {i: again[j] for j, i in enumerate(cut)}
    names = ("completion", "finish_reason", "completion_tokens", "failure", "failure_detail")
    values = {name: [better[i][name] if i in better else old for i, old in enumerate(rows[name])] for name in names}
    return with_columns(rows, values, {name: rows.features[name] for name in names}, "respond: longer answers")


def _parsed(row: Mapping[str, Any], answering: Answering) -> dict[str, Any]:
    return {
        "response": parse_response(row["completion"]),
        "response_tokens": row["completion_tokens"],
        "response_prompt_digest": answering.digest(grounded=bool(row["passages"])),
    }


def _reason(row: Mapping[str, Any], rules: ResponseRules) -> Reason:
    return rules.reason(row["response"], row["finish_reason"], asked_text(row))
