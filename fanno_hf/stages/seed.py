"""Stage 2a: from documents and the tag pool to seed instructions.

{"document_id": "5a0c…", "text": "Mosses have no roots …"} x (closed_book_qa, creativity, question)
    ->  {"instruction": "How do mosses take up water although they have no roots?", "origin": "seed", "round": 0, …}
"""

import numpy as np
from datasets import Dataset

from fanno_hf.columns import INSTRUCTION
from fanno_hf.identity import spread_seed
from fanno_hf.instructing.ask import Instructor, asked_row, asked_rows
from fanno_hf.instructing.tags import assign_tags, tag_pool
from fanno_hf.steps.asking import Counted
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.overlap import in_parts


def seed(documents: Dataset, context: Context) -> StageOutput:
    """Asks for instructions about documents.

    Args:
        documents: the pre-screened passages (columns of DOCUMENT).
        context: configuration `stages.seed`, `prompts.seed`, `prompts.instruction`, `tags`, `rules`, and the services.

    Returns:
        Seed instructions with the columns of INSTRUCTION, at most `max_instructions`; the rejected ones with reasons.

    Raises:
        StageEmpty: nothing is left.
    """
    config = context.config["stages"]["seed"]
    funnel = Funnel("seed", INSTRUCTION)
    instructor = Instructor("seed", context)

    def work(part: Dataset, dropped: Funnel, counted: Counted) -> Dataset:
        return dropped.sift(instructor.ask(part, counted))

    rows = pair_with_tags(documents, context)
    rows = in_parts(rows, work, instructor.embed, "seed: ask", funnel, context.teacher)
    rows, _ = instructor.keep_distinct(rows, funnel)
    limit = config["max_instructions"]
    if limit is not None and len(rows) > limit:
        surplus = [None] * limit + [("surplus", f"beyond max_instructions={limit}")] * (len(rows) - limit)
        rows = funnel.drop(rows, surplus, "limit")
    funnel.require_rows(rows, "Read rejected/seed: the completions there show what the teacher wrote instead.")
    return StageOutput(instructor.finished(rows), funnel.rejected())


def pair_with_tags(documents: Dataset, context: Context) -> Dataset:
    """Joins every document with `combinations` of the pool's tags, spread evenly over the whole pool."""
    config = context.config["stages"]["seed"]
    if config["max_documents"] is not None:
        documents = documents.select(range(min(len(documents), config["max_documents"])))
    rng = np.random.default_rng(spread_seed(context.random_seed, "seed", "tags"))
    dealt = assign_tags(tag_pool(context.config["tags"]), len(documents), config["combinations"], rng)
    return asked_rows(
        [asked_row(document, tags, "seed") for document, hand in zip(documents, dealt, strict=True) for tags in hand]
    )
