"""Everything that an evaluation reads before it asks anything: instructions, questions, pairs that people wrote, tasks.

measures [loss, judged]  ->  Inputs(instructions=[60 of them], pairs=[…], digest of all)
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.evaluating.harness import Task, find_tasks
from fanno_hf.evaluating.instructions import Instruction, outputs_of, read_instructions
from fanno_hf.evaluating.judging import check_judge_prompts
from fanno_hf.identity import digest, spread_seed
from fanno_hf.settings import Settings
from fanno_hf.sources.pairs import Pair, draw_pairs, each_pair, name_of, with_answers

logger = logging.getLogger(__name__)

FILE = "file"
"""As `evaluate.judged.reference`: the outputs that the instructions come with."""


@dataclass(frozen=True)
class Inputs:
    """What is measured with; empty where a measure is not asked for."""

    instructions: list[Instruction] = field(default_factory=list)
    questions: list[Instruction] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        asked = [[one.to_json() for one in rows] for rows in (self.instructions, self.questions)]
        return digest([asked, self.pairs, [task.to_json() for task in self.tasks]])

    @property
    def needs_judge(self) -> bool:
        """Whether anything is put to a judge."""
        return bool(self.instructions or self.questions)


def read_inputs(settings: Settings) -> Inputs:
    """Reads what the measures need. Raises UserError where it cannot be read, or nothing would be measured."""
    chosen, found = settings.evaluate, {}
    if "loss" in chosen.measures:
        found["pairs"] = _pairs(settings)
    if "judged" in chosen.measures:
        judged = chosen.judged
        found["instructions"] = read_instructions(judged.instructions, "evaluate.judged.instructions", judged.max_rows)
        if judged.reference == FILE:
            list(outputs_of(found["instructions"], "evaluate.judged.reference"))
    if "graded" in chosen.measures:
        graded = chosen.graded
        found["questions"] = read_instructions(
            graded.questions, "evaluate.graded.questions", graded.max_rows, two_turns=graded.questions is None
        )
    if "benchmarks" in chosen.measures:
        found["tasks"] = find_tasks(chosen.tasks, chosen.tasks_folder)
    if not any(found.values()):
        raise UserError(
            "evaluate.measures: nothing is left to be measured: give evaluate.loss.data, or another of loss, judged, graded, benchmarks"
        )
    check_judge_prompts(chosen.prompts)
    return Inputs(**found)


def _pairs(settings: Settings) -> list[Pair]:
    """Returns the pairs for the loss, in their order; none where no data is named."""
    data, key, most = settings.evaluate.loss.data, "evaluate.loss.data", settings.evaluate.loss.max_rows
    if data is None:
        logger.info("evaluate: %s names no answers that people wrote: the measure loss is left out", key)
        return []
    entropy: Any = spread_seed(settings.random_seed, "evaluate", "loss")
    pairs = draw_pairs(with_answers(each_pair(data, key), name_of(data)), most, entropy)[0]
    if not pairs:
        raise UserError(f"{key}={data}: no row has an answer: it needs output, response, or turns of an assistant")
    return pairs
