"""Stage 1: from raw documents to clean, diverse passages.

{"text": "<2,000 words>", "source": "a.txt"}  ->  4 passages  ->  one repeats another, one is an advertisement
    ->  2 rows {"document_id": …, "text": …, "num_tokens": 210, "community": 7, "verdicts": […]}
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from datasets import Dataset, Value

from fanno_hf.columns import DOCUMENT
from fanno_hf.communities import detect_communities, representatives
from fanno_hf.identity import content_id
from fanno_hf.near_duplicates import find_exact_duplicates, find_near_duplicates
from fanno_hf.prompts import Prompt
from fanno_hf.rules.garbled import garbled_reason
from fanno_hf.rules.personal_data import find_personal_data
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.rules.text import empty_reason, length_reason, markup_reason, prompt_injection_reason
from fanno_hf.segment import TokenCounter, split_passages
from fanno_hf.steps.asking import Questions, judge
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel, Reason, conform, map_rows


def prescreen(documents: Dataset, context: Context) -> StageOutput:
    """Screens documents.

    Args:
        documents: columns text (string or null) and source.
        context: configuration `stages.prescreen` and `prompts.prescreen`, and the services.

    Returns:
        Passages with the columns of DOCUMENT; the rejected ones with their reasons.

    Raises:
        StageEmpty: nothing is left.
    """
    config = context.config["stages"]["prescreen"]
    funnel = Funnel("prescreen", DOCUMENT)

    passages = screen_without_teacher(documents, context, funnel)
    if config["enabled"]:
        passages = ask_verdicts(passages, context, funnel)
        passages = keep_representatives(passages, context, funnel)
    funnel.require_rows(passages, "Look at rejected/prescreen, then relax stages.prescreen or give other documents.")
    if config["longest_first"]:
        order = np.argsort(-np.asarray(passages["num_tokens"]), kind="stable")
        passages = passages.select(order)
    return StageOutput(conform(passages, DOCUMENT), funnel.rejected())


def screen_without_teacher(documents: Dataset, context: Context, funnel: Funnel) -> Dataset:
    """Cuts documents into passages and drops what rules and comparison can tell is no use."""
    config = context.config["stages"]["prescreen"]
    documents = funnel.screen(documents, lambda row: empty_reason(row["text"]), "empty")
    passages = segment(documents, context.counter, config["max_tokens"], config["min_tokens"])
    if not config["enabled"]:
        return passages
    passages = funnel.screen(passages, lambda row: _text_reason(row, config), "text rules")
    return drop_duplicates(passages, funnel, config, context.random_seed)


def ask_verdicts(passages: Dataset, context: Context, funnel: Funnel) -> Dataset:
    """Drops the passages that the teacher finds unclear, private or advertising."""
    return judge(passages, context.teacher, _questions(context), _variables, funnel, "verdicts")


def segment(documents: Dataset, counter: TokenCounter, max_tokens: int, min_tokens: int) -> Dataset:
    """Cuts long documents into passages of at most `max_tokens`; a short one stays whole."""
    rows: dict[str, list] = {"document_id": [], "text": [], "source": [], "num_tokens": []}
    for document in documents:
        passages = split_passages(document["text"], counter, max_tokens, min(min_tokens, max_tokens))
        for number, text in enumerate(passages, start=1):
            rows["document_id"].append(content_id(text))
            rows["text"].append(text)
            rows["source"].append(document["source"] + (f"#{number}" if len(passages) > 1 else ""))
    rows["num_tokens"] = counter.count_batch(rows["text"])
    return conform(Dataset.from_dict(rows), {name: DOCUMENT[name] for name in rows})


def _text_reason(row: Mapping[str, Any], config: Mapping[str, Any]) -> Reason:
    """The cheap rules, cheapest first; personal data last, before the teacher is asked."""
    text = row["text"]
    return (
        length_reason(row["num_tokens"], config["min_tokens"], config["max_tokens"])
        or markup_reason(text, config["max_markup_share"])
        or garbled_reason(text, config["min_letter_share"])
        or repetition_reason(text, config["max_repetition_share"])
        or (prompt_injection_reason(text) if config["drop_prompt_injections"] else None)
        or find_personal_data(text, config["personal_data"]["kinds"], config["personal_data"]["region"])
    )


def drop_duplicates(passages: Dataset, funnel: Funnel, config: Mapping[str, Any], random_seed: int) -> Dataset:
    """Drops passages that repeat an earlier one, exactly or nearly; the detail names it and how similar it is."""
    repeats = find_exact_duplicates(passages["text"])
    ids = passages["document_id"]
    reasons = [None if i is None else ("exact_duplicate", f"repeats {ids[i]}") for i in repeats]
    passages = funnel.drop(passages, reasons, "exact duplicates")

    settings = config["near_duplicates"]
    if settings["threshold"] is None:
        return passages
    repeats = find_near_duplicates(
        passages["text"], settings["threshold"], settings["ngram"], settings["num_perm"], seed=random_seed
    )
    ids = passages["document_id"]
    reasons = [r and ("near_duplicate", f"repeats {ids[r[0]]}, Jaccard similarity {r[1]:.3f}") for r in repeats]
    return funnel.drop(passages, reasons, "near duplicates")


def _questions(context: Context) -> Questions:
    config, prompts = context.config["stages"]["prescreen"], context.config["prompts"]["prescreen"]
    prompt = Prompt("prompts.prescreen.verdict", prompts["verdict"])
    return Questions(
        prompt, prompts["questions"], config["verdicts"], config["undecided"], context.config["top_logprobs"]
    )


def _variables(row: Mapping[str, Any]) -> dict[str, str]:
    return {"document": row["text"]}


def keep_representatives(passages: Dataset, context: Context, funnel: Funnel) -> Dataset:
    """Keeps one passage of each community (the longest or the first); one without neighbours is its own community."""
    config = context.config["stages"]["prescreen"]["communities"]
    if config["threshold"] is None or not len(passages):
        return passages
    communities = detect_communities(
        context.embedder.encode(passages["text"]), config["threshold"], config["min_size"]
    )
    lengths = np.asarray(passages["num_tokens"], dtype=np.float64)
    priority = lengths if config["keep"] == "longest" else np.zeros(len(passages))
    kept = set(representatives(communities, priority))
    number_of = {row: number for number, rows in enumerate(communities) for row in rows}
    ids = passages["document_id"]
    reasons: list[Reason] = []
    for row in range(len(passages)):
        if row in kept:
            reasons.append(None)
        elif row in number_of:
            chosen = next(other for other in communities[number_of[row]] if other in kept)
            reasons.append(("same_community", f"represented by {ids[chosen]}"))
        else:
            reasons.append(("small_community", f"fewer than {config['min_size']} members"))
    numbered = map_rows(
        passages.add_column("row", range(len(passages))),
        lambda row: {"community": number_of.get(row["row"], -1)},
        {"community": Value("int32")},
        "prescreen: communities",
    ).remove_columns("row")
    return funnel.drop(numbered, reasons, "communities")
