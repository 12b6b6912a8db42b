"""Stage 1: from raw documents to clean, diverse passages.

{"text": "<2,000 words>", "source": "a.txt"}  ->  4 passages  ->  one repeats another, one is an advertisement
    ->  2 rows {"document_id": …, "text": …, "num_tokens": 210, "community": 7, "verdicts": […]}
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from regex import Pattern

from fanno_hf.columns import DOCUMENT, POSITION, RAW_DOCUMENT, REJECTION, Reason
from fanno_hf.communities import detect_communities, representatives
from fanno_hf.identity import content_id
from fanno_hf.instructing.prompts import document_variables
from fanno_hf.rules.garbled import garbled_reason
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.rules.text import empty_reason, length_reason, markup_reason, prompt_injection_reason
from fanno_hf.settings import Prescreen
from fanno_hf.steps.asking import Counted, judge, questions_about, watched
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.masking import count_masked, mask_documents
from fanno_hf.steps.overlap import in_parts
from fanno_hf.steps.rows import column, conform, map_batches, with_columns
from fanno_hf.texts.near_duplicates import find_exact_duplicates, find_near_duplicates
from fanno_hf.texts.places import name_passages
from fanno_hf.texts.repeat import Repeat
from fanno_hf.texts.segment import TokenCounter, split_passages

PHASES = ("empty", "text rules", "decontamination")  # the phases of `screen_alone`, in order


def prescreen(documents: Dataset, context: Context) -> StageOutput:
    """Screens documents: columns of RAW_DOCUMENT; a text may be null.

    Returns passages with the columns of DOCUMENT, and the rejected ones with their reasons. Raises StageEmpty where nothing
    is left.
    """
    return screen_together(screen_alone(documents, context), context)


def screen_alone(documents: Dataset, context: Context) -> StageOutput:
    """Does what looks at one document at a time: cuts it into passages and drops those that rules can tell are no use.

    Returns passages and rejected ones, with the columns of DOCUMENT and POSITION.
    """
    settings = context.settings.prescreen
    funnel = Funnel("prescreen", {**DOCUMENT, **POSITION})
    documents = funnel.screen(documents, lambda row: empty_reason(row["text"]), PHASES[0])
    if settings.enabled:
        documents = mask_documents(documents, settings.personal_data)
    passages = segment(documents, context.counter, settings)
    if settings.enabled:
        passages = count_masked(passages, documents, settings.personal_data)
        patterns = settings.prompt_injections if settings.drop_prompt_injections else []
        injections = compile_patterns("stages.prescreen.prompt_injections", patterns)
        passages = funnel.screen(passages, lambda row: _text_reason(row, settings, injections), PHASES[1])
        passages = passages.remove_columns("private")
    if context.benchmarks:
        passages = funnel.screen(passages, lambda row: context.contamination(row["text"]), PHASES[2])
    return StageOutput(passages, funnel.rejected())


def screen_together(alone: StageOutput, context: Context) -> StageOutput:
    """Does what compares passages with one another, and asks the teacher about those that are left between the two."""
    settings = context.settings.prescreen
    funnel = Funnel("prescreen", DOCUMENT, conform(alone.rejected, {**DOCUMENT, **REJECTION}))
    passages = alone.kept
    if settings.enabled:
        passages = drop_duplicates(passages, funnel, context)
        passages = ask_verdicts(passages, context, funnel)
        passages = keep_representatives(passages, context, funnel)
    funnel.require_rows(passages, "Look at rejected/prescreen, or give other documents.")
    if settings.longest_first:
        order = np.argsort(-np.fromiter(column(passages, "num_tokens"), dtype=np.int64), kind="stable")
        passages = passages.select(order)
    passages = conform(passages, DOCUMENT)
    masked = sum(filter(None, column(passages, "masked")))
    return StageOutput(passages, funnel.rejected(), notes={"masked": masked} if masked else {})


_CUT = ("document_id", "text", "source", "title", "heading", "num_tokens")
_PASSAGE = {**{name: DOCUMENT[name] for name in _CUT}, **POSITION}


def ask_verdicts(passages: Dataset, context: Context, funnel: Funnel) -> Dataset:
    """Drops the passages that the teacher finds unclear, private or advertising; the others are embedded meanwhile.

    Raises FannoError where too many verdicts are undecided (`undecided_limit`).
    """
    settings = context.settings.prescreen
    questions = questions_about("prescreen", context.settings, settings.verdicts, settings.undecided)
    questions, tally = watched(questions, "prescreen", settings.undecided_limit)
    compared = settings.communities.threshold is not None

    def work(part: Dataset, dropped: Funnel, counted: Counted) -> Dataset:
        return judge(part, context.teacher, questions, document_variables, dropped, counted)

    def embed(part: Dataset) -> None:
        if compared:
            context.embedder.encode(part["text"])

    passages = in_parts(passages, work, embed, "prescreen: verdicts", funnel, context.teacher)
    tally.check()
    return passages


def ask_ahead(passages: Dataset, context: Context) -> None:
    """Answers the verdicts and embeds the texts of what these passages alone would keep: for the journal and the store."""
    if not context.settings.prescreen.enabled:
        return
    funnel = Funnel("prescreen", DOCUMENT)
    ask_verdicts(drop_duplicates(passages, funnel, context), context, funnel)


def segment(documents: Dataset, counter: TokenCounter, settings: Prescreen) -> Dataset:
    """Cuts long documents into passages of at most `max_tokens`; a short one stays whole."""
    max_tokens, min_tokens = settings.max_tokens, min(settings.min_tokens, settings.max_tokens)

    def cut(batch: dict[str, list]) -> dict[str, list]:
        rows: dict[str, list] = {name: [] for name in _PASSAGE}
        documents = zip(*(batch[name] for name in RAW_DOCUMENT), strict=True)
        for text, source, title, places, position in documents:
            passages = split_passages(text, counter, max_tokens, min_tokens)
            rows["source"] += name_passages(source, [passage.start for passage in passages], places)
            for passage in passages:
                rows["document_id"].append(content_id(passage.text))
                rows["text"].append(passage.text)
                rows["title"].append(title)
                rows["heading"].append(passage.heading)
                rows["position"].append(position)
        return {**rows, "num_tokens": counter.count_batch(rows["text"])}

    return map_batches(documents, cut, _PASSAGE)


def _text_reason(row: Mapping[str, Any], settings: Prescreen, injections: Sequence[Pattern[str]]) -> Reason | None:
    """The cheap rules, cheapest first; personal data last. Its text is masked by then, so that no rejected row has it."""
    text, drops = row["text"], settings.personal_data.action == "drop"
    return (
        length_reason(row["num_tokens"], settings.min_tokens, settings.max_tokens)
        or markup_reason(text, **dict(settings.markup))
        or garbled_reason(text, **dict(settings.garbled))
        or repetition_reason(text, **dict(settings.repetition))
        or prompt_injection_reason(text, injections)
        or (("personal_data", row["private"]) if drops and row["private"] else None)
    )


def drop_duplicates(passages: Dataset, funnel: Funnel, context: Context) -> Dataset:
    """Drops passages that repeat an earlier one, or one of `against`, exactly or nearly; the detail says which."""
    settings, against, sources = context.settings.prescreen, [], []
    if context.against is not None:
        old = mask_documents(context.against.documents, settings.personal_data)
        old = segment(old, context.counter, settings)
        against, sources = old["text"], old["source"]

    def name(repeat: Repeat) -> str:
        return f"{sources[repeat.of]} (against)" if repeat.in_pool else passages["document_id"][repeat.of]

    repeats = find_exact_duplicates(passages["text"], against)
    reasons = [None if r is None else ("exact_duplicate", f"repeats {name(r)}") for r in repeats]
    passages = funnel.drop(passages, reasons, "exact duplicates")

    near = settings.near_duplicates
    if near.threshold is None:
        return passages
    repeats = find_near_duplicates(
        passages["text"],
        near.threshold,
        near.ngram,
        near.num_perm,
        seed=context.random_seed,
        against=against,
        progress=sys.stderr.isatty(),
    )
    reasons = [
        None if r is None else ("near_duplicate", f"repeats {name(r)}, Jaccard similarity {r.similarity:.3f}")
        for r in repeats
    ]
    return funnel.drop(passages, reasons, "near duplicates")


def keep_representatives(passages: Dataset, context: Context, funnel: Funnel) -> Dataset:
    """Keeps one passage of each community (the longest or the first); one without neighbours is its own community."""
    settings = context.settings.prescreen.communities
    if settings.threshold is None or not len(passages):
        return passages
    communities = detect_communities(
        context.embedder.encode(passages["text"]),
        settings.threshold,
        settings.min_size,
        settings.algorithm,
        threads=context.settings.threads,
        progress=sys.stderr.isatty(),
        random_seed=context.random_seed,
    )
    lengths = np.fromiter(column(passages, "num_tokens"), dtype=np.float64)
    priority = lengths if settings.keep == "longest" else np.zeros(len(passages))
    kept = set(representatives(communities, priority))
    number_of = {row: number for number, rows in enumerate(communities) for row in rows}
    ids = list(column(passages, "document_id"))
    reasons: list[Reason | None] = []
    for row in range(len(passages)):
        if row in kept:
            reasons.append(None)
        elif row in number_of:
            chosen = next(other for other in communities[number_of[row]] if other in kept)
            reasons.append(("same_community", f"represented by {ids[chosen]}"))
        else:
            reasons.append(("small_community", f"fewer than {settings.min_size} members"))
    numbers = [number_of.get(row, -1) for row in range(len(passages))]
    columns = {"community": DOCUMENT["community"]}
    passages = with_columns(passages, {"community": numbers}, columns)
    return funnel.drop(passages, reasons, "communities")
