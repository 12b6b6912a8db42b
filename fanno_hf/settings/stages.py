"""The stages that ask the teacher, all four together, and what holds for every stage: benchmarks and the budget.

reward: {novelty: 0.5, quality: 0.5}    ->  of stages.augment: the weights of two rewards
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import BeforeValidator

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.settings.prescreen import Prescreen
from fanno_hf.settings.types import (
    Closed,
    Cosine,
    Count,
    Natural,
    NotNegative,
    PositiveShare,
    References,
    Seconds,
    Share,
    Undecided,
    Verdicts,
    Words,
)

POLICIES = ("ucb", "random", "round_robin", "greedy", "thompson")
REWARDS = ("instruction_length", "response_length", "novelty", "quality", "acceptance")


def read_weights(reward: Any) -> dict[str, float]:
    """Reads `stages.augment.reward`, one name or names with weights; raises UserError for any other name or weight."""
    weights = {reward: 1.0} if isinstance(reward, str) else reward
    if not isinstance(weights, Mapping) or not weights:
        raise UserError(f"stages.augment.reward={reward}: name at least one of {', '.join(REWARDS)}")
    for name, weight in weights.items():
        if name not in REWARDS:
            known = f"known: {', '.join(REWARDS)}, or a mix such as {{novelty: 0.5, quality: 0.5}}"
            raise UserError(f"stages.augment.reward={name} is unknown{did_you_mean(str(name), REWARDS)}; {known}")
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight <= 1e6:
            raise UserError(f"stages.augment.reward.{name}={weight}: a weight is a number above 0, at most 1e6")
    return {name: float(weight) for name, weight in weights.items()}


class Sampling(Closed):
    max_tokens: Count
    temperature: NotNegative  # 0 is greedy
    top_p: PositiveShare
    frequency_penalty: Annotated[float, Ge(-2), Le(2)]  # above 0 against loops
    stop: Words


class Instructing(Sampling):
    """What seed and augment share."""

    verdicts: Verdicts
    undecided: Undecided
    undecided_limit: Share  # of a verdict's rows; beyond it the stage stops
    min_relevance: Cosine | None  # cosine to its document below which an instruction is off topic
    relevance_languages: Words | None  # in which that is judged; None: in all
    near_repeat_threshold: Cosine | None  # cosine from which on two instructions are the same; None: exact ones only


class Seed(Instructing):
    combinations: Count  # of tags, for each document
    max_documents: Count | None
    max_instructions: Count | None


class Augment(Instructing):
    target_size: Count
    token_budget: Count | None
    window: Count
    lag: Annotated[int, Ge(0), Le(64)]
    epochs: Natural
    think_different: bool
    policy: Literal[POLICIES]
    counterexamples: Natural
    exploration: NotNegative
    top_fraction: PositiveShare
    reward: Annotated[dict[str, float], BeforeValidator(read_weights)]  # name -> weight


class Respond(Sampling):
    mode: Literal["direct", "grounded"]
    retrieved: Natural  # passages besides the instruction's own
    exact_below: Count
    least_recall: PositiveShare
    min_passage_score: Cosine | None  # of a retrieved passage to the instruction
    with_input: bool  # whether an instruction with an input gets passages
    verdicts: Verdicts
    undecided: Undecided
    undecided_limit: Share  # of a verdict's rows; beyond it the stage stops
    retry_max_tokens: Count | None
    min_words: Natural


class Stages(Closed):
    prescreen: Prescreen
    seed: Seed
    augment: Augment
    respond: Respond


class Decontamination(Closed):
    """Benchmarks that must not show up, and how many words in a row tell."""

    benchmarks: References
    ngram: Count
    min_words: Count

    def check_together(self) -> None:
        """Raises UserError where the shortest text is longer than what is looked for."""
        if self.min_words > self.ngram:
            raise UserError(
                f"decontamination.min_words={self.min_words} is more than decontamination.ngram={self.ngram}: lower it"
            )


class Budget(Closed):
    """Where a run stops; None is no limit."""

    requests: Count | None
    tokens: Count | None
    seconds: Seconds | None
