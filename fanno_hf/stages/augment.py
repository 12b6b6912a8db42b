"""Stage 2b: from documents and a pool of instructions to more of them, unlike those before ("think different").

document + 3 counterexamples picked by UCB  ->  an instruction unlike them  ->  filters  ->  the pool grows
"""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets

from fanno_hf.bandit import draw_window, effective_spread, normalise_rewards
from fanno_hf.columns import INSTRUCTION
from fanno_hf.errors import UserError
from fanno_hf.identity import spread_seed
from fanno_hf.prompts import Prompt
from fanno_hf.steps.answering import Answering
from fanno_hf.steps.asking import ask
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.instructing import Instructor, asked_row, asked_rows, asked_text
from fanno_hf.steps.rows import conform
from fanno_hf.tags import assign_tags, tag_pool

logger = logging.getLogger(__name__)

REWARDS = ("instruction_length", "response_length")


def augment(documents: Dataset, seeds: Dataset, context: Context) -> StageOutput:
    """Grows the pool of instructions to `target_size`, window by window.

    Args:
        documents: the pre-screened passages.
        seeds: the seed instructions, at least one.
        context: configuration `stages.augment`, `prompts.augment`, `prompts.instruction`, `tags`, `rules`; services.

    Returns:
        The pool: seeds first, then each window's accepted instructions, with rewards and pulls; exactly `target_size`
        rows unless the documents ran out. Its history has one record for each window.
    """
    config = context.config["stages"]["augment"]
    funnel = Funnel("augment", INSTRUCTION)
    pool = Pool(seeds, context)
    history = []
    prompt = _prompt(context)
    instructor = Instructor("augment", context, funnel, prompt)

    for number, window in enumerate(windows(documents, context), start=1):
        if len(pool) >= config["target_size"]:
            break
        reasons_before = Counter(funnel.reasons)
        asked = pool.ask_rows(window, number)
        rows = instructor.instruct(asked)
        rows, embeddings = instructor.keep_distinct(rows, pool.embeddings, pool.rows["instruction"])
        pool.add(instructor.finished(rows), embeddings)
        history.append(_record(number, len(asked), rows, pool, funnel.reasons - reasons_before))
        logger.info("augment: window %d kept %d of %d; the pool has %d", number, len(rows), len(asked), len(pool))

    _say_how_it_ended(len(pool), config, history)
    return StageOutput(pool.cut(config["target_size"], funnel), funnel.rejected(), tuple(history))


def windows(documents: Dataset, context: Context) -> Iterator[list[dict[str, Any]]]:
    """Yields windows of documents in shuffled order, each document once an epoch."""
    config = context.config["stages"]["augment"]
    for epoch in range(config["epochs"]):
        rng = np.random.default_rng(spread_seed(context.random_seed, "augment", "order", epoch))
        order = [int(i) for i in rng.permutation(len(documents))]
        for start in range(0, len(order), config["window"]):
            yield [documents[i] for i in order[start : start + config["window"]]]


class Pool:
    """The instructions so far, as the arms of the bandit.

    Args:
        seeds: rows with the columns of INSTRUCTION.
        context: configuration and services.
    """

    def __init__(self, seeds: Dataset, context: Context):
        self._config, self._context = context.config["stages"]["augment"], context
        if self._config["reward"] not in REWARDS:
            raise UserError(f"stages.augment.reward={self._config['reward']}: it can be {' or '.join(REWARDS)}")
        self._answering = Answering(context)
        self.rows = conform(seeds, INSTRUCTION)
        self.embeddings = context.embedder.encode([asked_text(row) for row in self.rows])
        self.raw_rewards = self._rewards_of(self.rows)
        self.pulls = np.zeros(len(seeds), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def _rewards_of(self, rows: Dataset) -> np.ndarray:
        """Rewards before normalisation: tokens of the instruction, or of its direct response."""
        if self._config["reward"] == "instruction_length" or not len(rows):
            return np.asarray(rows["num_tokens"], dtype=np.float64)
        answered = ask(rows, self._context.teacher, self._answering.request, "augment: respond for the reward")
        return np.asarray(answered["completion_tokens"], dtype=np.float64)

    def ask_rows(self, window: list[dict[str, Any]], number: int) -> Dataset:
        """Gives every document of a window its counterexamples and tags; all draws are made before anything is asked."""
        config, seed = self._config, self._context.random_seed
        draws, self.pulls = draw_window(
            normalise_rewards(self.raw_rewards),
            self.pulls,
            len(window),
            counterexamples=config["counterexamples"] if config["think_different"] else 0,
            exploration=config["exploration"],
            top_fraction=config["top_fraction"],
            policy=config["policy"],
            rng=np.random.default_rng(spread_seed(seed, "augment", "draws", number)),
        )
        rng = np.random.default_rng(spread_seed(seed, "augment", "tags", number))
        hands = assign_tags(tag_pool(self._context.config["tags"]), len(window), 1, rng)
        rows = []
        for document, drawn, (tags,) in zip(window, draws, hands, strict=True):
            rows.append(asked_row(document, tags, "augment", number, [self.rows[int(i)] for i in drawn]))
        return asked_rows(rows)

    def add(self, rows: Dataset, embeddings: np.ndarray) -> None:
        """Adds accepted instructions; only they are embedded and rewarded, the old ones never again."""
        if not len(rows):
            return
        self.rows = concatenate_datasets([self.rows, rows])
        self.embeddings = np.concatenate([self.embeddings, embeddings])
        self.raw_rewards = np.concatenate([self.raw_rewards, self._rewards_of(rows)])
        self.pulls = np.concatenate([self.pulls, np.zeros(len(rows), dtype=np.int64)])

    def cut(self, target_size: int, funnel: Funnel) -> Dataset:
        """Returns the first `target_size` rows with reward and pulls; the rest of the last window is surplus."""
        values = {**INSTRUCTION}
        table = {name: list(self.rows[name]) for name in values}
        table["reward"] = [float(reward) for reward in normalise_rewards(self.raw_rewards)]
        table["pulls"] = [int(pulls) for pulls in self.pulls]
        rows = conform(Dataset.from_dict(table, features=self.rows.features), INSTRUCTION)
        surplus = [
            None if i < target_size else ("surplus", f"beyond target_size={target_size}") for i in range(len(rows))
        ]
        return funnel.drop(rows, surplus, "limit")


def _prompt(context: Context) -> Prompt:
    prompts, config = context.config["prompts"], context.config["stages"]["augment"]
    if not config["think_different"]:
        # the ablation: the seed prompt again, without a word about counterexamples
        return Prompt("prompts.seed.instruction", prompts["seed"]["instruction"], prompts["seed"]["demonstrations"])
    chosen = prompts["augment"]
    return Prompt("prompts.augment.instruction", chosen["instruction"], chosen["demonstrations"])


def _record(number: int, asked: int, rows: Dataset, pool: Pool, reasons: Counter) -> dict[str, Any]:
    """The figures of one window."""
    return {
        "window": number,
        "asked": asked,
        "accepted": len(rows),
        "reasons": dict(sorted(reasons.items())),
        "mean_tokens": round(float(np.mean(rows["num_tokens"])), 2) if len(rows) else None,
        "pool": len(pool),
        "pulls": effective_spread(pool.pulls),
    }


def _say_how_it_ended(size: int, config: dict[str, Any], history: list[dict[str, Any]]) -> None:
    if size >= config["target_size"]:
        return
    asked = sum(record["asked"] for record in history)
    accepted = sum(record["accepted"] for record in history)
    logger.warning(
        "augment: the documents ran out at %d of target_size=%d (%d of %d asked were accepted): "
        "raise stages.augment.epochs (now %d) or give more documents",
        *(size, config["target_size"], accepted, asked, config["epochs"]),
    )
