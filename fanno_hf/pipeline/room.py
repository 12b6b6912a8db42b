"""Whether the server's context holds a stage's prompts: said at its start, before the first of them is shortened.

seed: the context of 512 tokens is too small for 17 of 24 prompts (with 400 tokens for the answer): they lose a part of …
"""

import logging
from typing import TYPE_CHECKING

from fanno_hf.steps.context import Context

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)


def warn_of_small_context(stage: str, documents: "Dataset", context: Context) -> None:
    """Warns when the teacher is opened, if it tells how much it takes: how many documents are too long for `stage`.

    An estimate: by the run's own token counter, and with the template as it stands in the configuration.
    """

    def tell(limit: int | None) -> None:
        if limit is None:
            return
        around, answer, times = _around(stage, context)
        answer = min(answer, limit // 2)  # as the teacher asks for no more
        longer = sum(around + times * count + answer > limit for count in documents["num_tokens"])
        if longer:
            logger.warning(
                "%s: the server's context of %d tokens is too small for the prompts of %d of %d passages (with %d tokens for "
                "the answer): they lose a part of the passage; lower stages.prescreen.max_tokens, or give the server more",
                *(stage, limit, longer, len(documents), answer),
            )

    context.teacher.when_open(tell)


def _around(stage: str, context: Context) -> tuple[int, int, int]:
    """Returns the tokens of a stage's longest prompt without its passages, those of its answer, and its number of passages."""
    settings, prompts = context.settings, context.settings.prompts
    if stage == "prescreen":
        texts, answer = [prompts.prescreen.verdict, *prompts.prescreen.questions.values()], 16
    elif stage == "respond":
        texts, answer = [prompts.respond.grounded], settings.respond.max_tokens
    else:
        chosen = getattr(prompts, stage)
        texts = [chosen.instruction, *(str(value) for row in chosen.demonstrations for value in row.values())]
        answer = getattr(settings, stage).max_tokens
    times = 1 + settings.respond.retrieved if stage == "respond" and settings.respond.mode == "grounded" else 1
    return context.counter.count("\n".join(texts)), answer, times
