"""Stage 1: from raw documents to clean, diverse passages.

{"text": "<2,000 words>", "source": "a.txt"}  ->  4 passages  ->  one repeats another, one is an advertisement
    ->  2 rows {"document_id": …, "text": …, "num_tokens": 210, "community": 7, "verdicts": […]}
"""

import numpy as np
from datasets import Dataset

from fanno_hf.columns import DOCUMENT, REJECTION, Reason
from fanno_hf.communities import detect_communities, representatives
from fanno_hf.instructing.prompts import document_variables
from fanno_hf.steps.asking import Counted, judge, questions_about, watched
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.duplicates import drop_duplicates
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.overlap import in_parts
from fanno_hf.steps.rows import column, conform, with_columns
from fanno_hf.steps.screened import screened


def prescreen(documents: Dataset, context: Context) -> StageOutput:
    """Screens documents: columns of RAW_DOCUMENT; a text may be null.

    Returns passages with the columns of DOCUMENT, and the rejected ones with their reasons. Raises StageEmpty where nothing
    is left.
    """
    return screen_together(screen_alone(documents, context), context)


def screen_alone(documents: Dataset, context: Context) -> StageOutput:
    """Does what looks at one document at a time: cuts it into passages and drops those that rules can tell are no use.

    Returns passages and rejected ones, with the columns of DOCUMENT and POSITION; passages also have those of SKETCH.
    """
    return StageOutput(*screened(documents, context))


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
        progress=True,
        random_seed=context.random_seed,
        workers=context.engine,
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
