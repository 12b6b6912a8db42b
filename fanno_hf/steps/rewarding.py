"""Rewards that only the teacher can tell: how long it answers, and how good it finds an instruction.

"How do mosses drink?"  ->  response_length 84 (tokens of its answer), quality 0.93 (probability of "yes")
"""

import logging
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.instructing.prompts import Prompt
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.steps.answering import Answering
from fanno_hf.steps.asking import SPENT, RowWay, ask_rows, outcome, question_request, spent
from fanno_hf.steps.context import Context
from fanno_hf.steps.rows import column
from fanno_hf.teacher.base import Ask

logger = logging.getLogger(__name__)


def ask_rewards(name: str, rows: Dataset, context: Context) -> tuple[np.ndarray, dict[str, int], int]:
    """Asks for the reward of each instruction (with the title and heading of its document): "response_length", counted once, of the teacher's direct answer, which
    `respond` finds in the journal; or "quality", one token.

    Returns float64, shape (n,), NaN where the teacher gave none; the tokens it took, as in SPENT; and for how many the
    teacher failed, so that a later run should ask again.
    """
    way = ASKED[name](context)

    async def metered(row: dict[str, Any], ask: Ask) -> dict[str, Any]:
        return {**await way(row, ask), **spent(ask)}

    asked = rows.select_columns(["instruction_id", "instruction", "input", "title", "heading"])
    columns = {name: "float64", **SPENT}
    asked = ask_rows(asked, context.teacher, metered, columns, f"augment: {name}", lambda *_: None)
    total = {key: int(sum(column(asked, key))) for key in SPENT}
    failed = sum(reason == "teacher_failed" for reason in column(asked, "reason"))
    if failed:
        logger.warning("augment: the teacher failed on %d rewards (%s); the next run asks again", failed, name)
    return (
        np.array([np.nan if value is None else value for value in column(asked, name)], dtype=np.float64),
        total,
        failed,
    )


def _response_length(context: Context) -> RowWay:
    answering = Answering(context.settings)

    async def way(row: dict[str, Any], ask: Ask) -> dict[str, Any]:
        answer = await ask(answering.request(row))
        length = None if answer.error else float(answer.completion_tokens)
        return {"response_length": length, **outcome("reward", answer.error)}

    return way


def _quality(context: Context) -> RowWay:
    prompts, top_logprobs = context.settings.prompts.instruction, context.settings.top_logprobs
    prompt = Prompt("prompts.instruction.verdict", prompts.verdict)

    async def way(row: dict[str, Any], ask: Ask) -> dict[str, Any]:
        variables = {"instruction": row["instruction"], "input": row["input"]}
        answer = await ask(question_request(prompt, [prompts.quality], variables, top_logprobs))
        quality = None if answer.error else yes_probability(answer.text, answer.top_logprobs)
        return {"quality": quality, **outcome("reward", answer.error)}

    return way


ASKED = {"response_length": _response_length, "quality": _quality}  # the rewards that are asked of the teacher
