"""Stage 3: from instructions to instruction-response pairs.

{"instruction": "How do mosses drink?"} + own document + the k nearest  ->  {"response": "Through their leaves: …"}
"""

import logging
from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from fanno_hf.columns import RESPONSE
from fanno_hf.errors import UserError
from fanno_hf.index import PassageIndex
from fanno_hf.parsing import parse_response
from fanno_hf.rules.response import ResponseRules
from fanno_hf.steps.answering import Answering
from fanno_hf.steps.asking import ask, failure
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel, Reason, conform, map_rows
from fanno_hf.steps.instructing import asked_text

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

    rows = with_passages(instructions, documents, context)
    rows = ask(rows, context.teacher, lambda row: answering.request(row, row["passages"]), "respond: ask")
    rows = retry_truncated(rows, answering, context)
    rows = funnel.screen(rows, failure, "ask")
    rows = map_rows(rows, lambda row: _parsed(row, answering), _PARSED, "respond: parse")
    rows = funnel.screen(rows, lambda row: _reason(row, rules), "rules")
    funnel.require_rows(rows, "Read rejected/respond: the completions there show what the teacher wrote.")
    return StageOutput(conform(rows, RESPONSE), funnel.rejected())


_PARSED = {name: RESPONSE[name] for name in ("response", "response_tokens", "response_prompt_digest")}
_PASSAGES = {name: RESPONSE[name] for name in ("source", "passages", "passage_scores")}


def with_passages(instructions: Dataset, documents: Dataset, context: Context) -> Dataset:
    """Adds the columns source, passages and passage_scores: in `grounded` mode the own document first, then the
    `retrieved` nearest others; in `direct` mode no passages."""
    config = context.config["stages"]["respond"]
    place = {document_id: row for row, document_id in enumerate(documents["document_id"])}
    texts, sources = documents["text"], documents["source"]
    own = [place[document_id] for document_id in instructions["document_id"]]
    if config["mode"] == "direct":
        found = [([], []) for _ in own]
    else:
        vectors = context.embedder.encode(texts)
        queries = context.embedder.encode([asked_text(row) for row in instructions])
        scores, nearest = PassageIndex(vectors).search(queries, config["retrieved"] + 1)
        found = []
        for row, document in enumerate(own):
            others = [(int(i), float(s)) for i, s in zip(nearest[row], scores[row], strict=True) if i != document]
            chosen = [(document, float(queries[row] @ vectors[document])), *others[: config["retrieved"]]]
            found.append(([texts[i] for i, _ in chosen], [score for _, score in chosen]))
    columns = {
        "source": [sources[document] for document in own],
        "passages": [passages for passages, _ in found],
        "passage_scores": [scores for _, scores in found],
    }
    return map_rows(
        instructions.add_column("row", range(len(own))),
        lambda row: {name: values[row["row"]] for name, values in columns.items()},
        _PASSAGES,
        "respond: passages",
    ).remove_columns("row")


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
    return map_rows(
        rows.add_column("row", range(len(rows))),
        lambda row: {name: better.get(row["row"], row)[name] for name in names},
        {name: rows.features[name] for name in names},
        "respond: longer answers",
    ).remove_columns("row")


def _parsed(row: Mapping[str, Any], answering: Answering) -> dict[str, Any]:
    return {
        "response": parse_response(row["completion"]),
        "response_tokens": row["completion_tokens"],
        "response_prompt_digest": answering.digest(grounded=bool(row["passages"])),
    }


def _reason(row: Mapping[str, Any], rules: ResponseRules) -> Reason:
    return rules.reason(row["response"], row["finish_reason"], asked_text(row))
