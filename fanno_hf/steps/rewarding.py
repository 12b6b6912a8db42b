"""Rewards that only the teacher can tell: how long it answers, and how good it finds an instruction.

"How do mosses drink?"  ->  response_length 84 (tokens of its answer), quality 0.93 (probability of "yes")
"""

import logging

import numpy as np
from datasets import Dataset

from fanno_hf.instructing.prompts import Prompt
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.steps.answering import Answering
from fanno_hf.steps.asking import SPENT, converse, metered, outcome, question_request
from fanno_hf.steps.context import Context
from fanno_hf.teacher.service import Dialogue

logger = logging.getLogger(__name__)


def ask_rewards(name: str, rows: Dataset, context: Context) -> tuple[np.ndarray, dict[str, int], int]:
    """Asks for the reward of each instruction.

    Args:
        name: "response_length", counted once, by the teacher; the answer is the direct one, which `respond` finds in
            the journal. Or "quality", one token.
        rows: columns of INSTRUCTION.

    Returns:
        float64, shape (n,), NaN where the teacher gave none; the tokens it took, as in SPENT; and for how many the
        teacher failed, so that a later run should ask again.
    """
    dialogue_of = {"response_length": _response_length, "quality": _quality}[name](context)
    columns = {name: "float64", **SPENT}
    asked = rows.select_columns(["instruction_id", "instruction", "input"])
    asked = converse(
        asked, context.teacher, lambda row: metered(dialogue_of(row)), columns, f"augment: {name}", lambda *_: None
    )
    spent = {key: int(sum(asked[key])) for key in SPENT}
    failed = sum(reason == "teacher_failed" for reason in asked["reason"])
    if failed:
        logger.warning("augment: the teacher failed on %d rewards (%s); the next run asks again", failed, name)
    return np.array([np.nan if value is None else value for value in asked[name]], dtype=np.float64), spent, failed


def _response_length(context: Context):
    answering = Answering(context)

    def dialogue(row: dict) -> Dialogue:
        answer = yield answering.request(row)
        length = None if answer.error else float(answer.completion_tokens)
        return {"response_length": length, **outcome("reward", answer.error)}

    return dialogue


def _quality(context: Context):
    prompts = context.config["prompts"]["instruction"]
    prompt = Prompt("prompts.instruction.verdict", prompts["verdict"])

    def dialogue(row: dict) -> Dialogue:
        variables = {"instruction": row["instruction"], "input": row["input"]}
        answer = yield question_request(prompt, prompts["quality"], variables, context.config["top_logprobs"])
        quality = None if answer.error else yes_probability(answer.text, answer.top_logprobs)
        return {"quality": quality, **outcome("reward", answer.error)}

    return dialogue
