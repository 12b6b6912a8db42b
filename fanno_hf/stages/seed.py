"""Stage 2a: from documents and the tag pool to seed instructions.

{"document_id": "5a0c…", "text": "Mosses have no roots …"} x (closed_book_qa, creativity, question)
    ->  {"instruction": "How do mosses take up water although they have no roots?", "origin": "seed", "round": 0, …}
"""

import numpy as np
from datasets import Dataset

from fanno_hf.columns import INSTRUCTION
from fanno_hf.identity import spread_seed
from fanno_hf.instructing.ask import Instructor, count_removed, row_to_ask, rows_to_ask
from fanno_hf.instructing.distinct import embed_ahead, keep_distinct
from fanno_hf.instructing.tags import assign_tags, tag_pool
from fanno_hf.steps.asking import Counted
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.overlap import in_parts


def seed(documents: Dataset, context: Context) -> StageOutput:
    """Asks for instructions about the pre-screened passages.

    Returns seed instructions with the columns of INSTRUCTION, at most `max_instructions`, and the rejected ones with reasons.
    Raises StageEmpty where nothing is left.
    """
    rows = pair_with_tags(documents, context)
    context.ask_ahead("fanno_hf.stages.seed:ask_alone", rows)
    return ask_seeds(rows, context)


def ask_alone(rows: Dataset, context: Context) -> None:
    """Asks about some rows, for the journal."""
    Instructor("seed", context).ask(rows)


def ask_seeds(rows: Dataset, context: Context) -> StageOutput:
    """Does what follows for passages that have their tags (see `pair_with_tags`), all of them or a few."""
    settings, embedder = context.settings.seed, context.embedder
    funnel = Funnel("seed", INSTRUCTION)
    instructor = Instructor("seed", context)

    def work(part: Dataset, dropped: Funnel, counted: Counted) -> Dataset:
        return dropped.sift(instructor.ask(part, counted))

    def meanwhile(part: Dataset) -> None:
        embed_ahead(part, embedder, settings)

    rows = in_parts(rows, work, meanwhile, "seed: ask", funnel, context.teacher)
    instructor.undecided.check()
    rows, _ = keep_distinct(rows, funnel, embedder, settings)
    limit = settings.max_instructions
    if limit is not None and len(rows) > limit:
        surplus = [None] * limit + [("surplus", f"beyond max_instructions={limit}")] * (len(rows) - limit)
        rows = funnel.drop(rows, surplus, "limit")
    funnel.require_rows(rows, "Read rejected/seed: the completions there show what the teacher wrote instead.")
    kept, rejected = instructor.finished(rows), funnel.rejected()
    return StageOutput(kept, rejected, notes=count_removed("seed", kept, rejected))


def pair_with_tags(documents: Dataset, context: Context) -> Dataset:
    """Joins every document with `combinations` of the pool's tags, spread evenly over the whole pool.

    What a document gets depends on its place alone, not on how many follow.
    """
    settings = context.settings.seed
    if settings.max_documents is not None:
        documents = documents.select(range(min(len(documents), settings.max_documents)))
    rng = np.random.default_rng(spread_seed(context.random_seed, "seed", "tags"))
    dealt = assign_tags(tag_pool(context.settings.resolved["tags"]), len(documents), settings.combinations, rng)
    rows = (
        row_to_ask(document, tags, "seed") for document, hand in zip(documents, dealt, strict=True) for tags in hand
    )
    return rows_to_ask(rows, context.scratch)
