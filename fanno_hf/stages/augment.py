"""Stage 2b: from documents and a pool of instructions to more of them, unlike those before ("think different").

document + 3 counterexamples picked by UCB  ->  an instruction unlike them  ->  filters  ->  the pool grows

    lag=0   draw 1, ask 1, end 1, draw 2, ask 2, end 2, …         the paper: the server waits while a window ends
    lag=2   draw 1 2 3, ask 1 2 3, end 1, draw 4, end 2, draw 5   window k knows what k - 1 - lag windows taught
"""

import logging
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from datasets import Dataset

from fanno_hf.bandit import least_pulled_share
from fanno_hf.columns import INSTRUCTION
from fanno_hf.identity import spread_seed
from fanno_hf.prompts import Prompt
from fanno_hf.steps.asking import SPENT
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.history import History
from fanno_hf.steps.instructing import SURPLUS, Instructor, asked_row, asked_rows
from fanno_hf.steps.instruction_pool import InstructionPool
from fanno_hf.steps.overlap import overlapped
from fanno_hf.steps.progress import Progress
from fanno_hf.tags import assign_tags, tag_pool

logger = logging.getLogger(__name__)

_MARGIN = 1.1
"""The last window asks for a little more than it is expected to need: another one would cost more than the surplus."""


def augment(documents: Dataset, seeds: Dataset, context: Context) -> StageOutput:
    """Grows the pool of instructions to `target_size`, by windows of which `lag + 1` are asked at the same time.

    Args:
        documents: the pre-screened passages.
        seeds: the seed instructions, at least one.
        context: configuration `stages.augment`, `prompts.augment`, `prompts.instruction`, `tags`, `rules`; services.

    Returns:
        The pool: seeds first, then each window's accepted instructions, with rewards and pulls; exactly `target_size`
        rows unless the documents ran out. Its history has one row for each window.
    """
    config = context.config["stages"]["augment"]
    funnel = Funnel("augment", INSTRUCTION)
    pool = InstructionPool(seeds, context)
    history = History(pool)
    instructor = Instructor("augment", context, _prompt(context))
    windows = Windows(documents, pool, context)
    over = threading.Event()

    def next_task() -> Callable[[], "Window"] | None:
        window = windows.draw()
        return window and (lambda: window.ask(instructor, lambda: not over.is_set()))

    with Progress("augment", max(0, config["target_size"] - len(pool)), context.teacher) as progress:
        for window in overlapped(next_task, config["lag"]):
            rows, embeddings = instructor.keep_distinct(window.rows, window.funnel, pool.embeddings, pool.texts())
            rows = instructor.finished(rows)
            before, learned = len(pool), pool.add(rows, embeddings, window.draws)
            windows.end(window, len(rows))
            history.add(window, rows, learned)
            funnel.absorb(window.funnel)
            progress.advance(min(len(pool), config["target_size"]) - before, len(rows))
            kept = (len(rows), window.size, len(pool))
            logger.info("augment: window %d kept %d of %d; the pool has %d", window.number, *kept)
            if len(pool) >= config["target_size"]:
                over.set()
                break
    for window in windows.not_needed():
        pool.undo(window.draws)
        history.add_unasked(window.number, window.size)
        funnel.drop(window.asked, [SURPLUS] * window.size, "limit")

    windows.say_how_it_ended()
    kept, table = _cut(pool, config["target_size"], funnel), history.table()
    return StageOutput(kept, funnel.rejected(), table, {"windows": len(table) - 1, "asked": sum(table["asked"])})


@dataclass(eq=False)
class Window:
    """Documents that are asked about at the same time, each with the counterexamples that were drawn for it.

    Attributes:
        number: from 1 on.
        draws: int64, shape (documents, counterexamples), rows of the pool.
        least_pulled: share of the draws among the least pulled.
        asked: the rows that ask.
        funnel: gets the rows that are dropped.
        rows: what is left of them once they are asked.
        spent: tokens of all their requests.
    """

    number: int
    draws: np.ndarray
    least_pulled: float
    asked: Dataset
    funnel: Funnel
    rows: Dataset | None = None
    spent: dict[str, int] | None = None

    @property
    def size(self) -> int:
        """Documents in it."""
        return len(self.asked)

    def ask(self, instructor: Instructor, wanted: Callable[[], bool]) -> "Window":
        """Asks the teacher; in a thread of its own."""
        answered = instructor.ask(self.asked, lambda *_: None, wanted)
        self.spent = {name: sum(answered[name]) for name in SPENT}
        self.rows = self.funnel.sift(answered)
        return self


class Windows:
    """Draws windows from the documents: each document once an epoch, in shuffled order.

    A window has `window` documents; fewer where the target is near, as far as the share accepted so far tells, and none
    while those that are being asked seem to be enough.

    Args:
        documents: the pre-screened passages.
        pool: what counterexamples are drawn from.
        context: configuration and services.
    """

    def __init__(self, documents: Dataset, pool: InstructionPool, context: Context):
        self._config, self._context = context.config["stages"]["augment"], context
        self._documents, self._pool = documents, pool
        self._order = self._shuffled()
        self._tags = tag_pool(context.config["tags"])
        self._running: list[Window] = []
        self._count = self._asked = self._accepted = 0

    def _shuffled(self) -> Iterator[int]:
        for epoch in range(self._config["epochs"]):
            rng = np.random.default_rng(spread_seed(self._context.random_seed, "augment", "order", epoch))
            yield from rng.permutation(len(self._documents)).tolist()

    def draw(self) -> Window | None:
        """Returns the next window; None where none is needed now, or no document is left."""
        places = list(islice(self._order, self._size()))
        if not places:
            return None
        self._count += 1
        before = self._pool.pulls
        draws = self._pool.draw(len(places), self._count)
        rng = np.random.default_rng(spread_seed(self._context.random_seed, "augment", "tags", self._count))
        hands = assign_tags(self._tags, len(places), 1, rng)
        rows = [
            asked_row(self._documents[place], tags, "augment", self._count, self._pool.shown(draw))
            for place, draw, (tags,) in zip(places, draws, hands, strict=True)
        ]
        share = least_pulled_share(draws, before)
        self._running.append(Window(self._count, draws, share, asked_rows(rows), Funnel("augment", INSTRUCTION)))
        return self._running[-1]

    def _size(self) -> int:
        missing = self._config["target_size"] - len(self._pool)
        share = (self._accepted + 1) / (self._asked + 1)
        missing -= share * sum(window.size for window in self._running)
        return min(self._config["window"], math.ceil(_MARGIN * missing / share)) if missing > 0 else 0

    def end(self, window: Window, accepted: int) -> None:
        """Learns how much of a window was accepted."""
        self._running.remove(window)
        self._asked += window.size
        self._accepted += accepted

    def not_needed(self) -> list[Window]:
        """The windows that were drawn and are not waited for."""
        return self._running

    def say_how_it_ended(self) -> None:
        """Warns where the documents ran out, with the yield."""
        size, config = len(self._pool), self._config
        if size < config["target_size"]:
            logger.warning(
                "augment: the documents ran out at %d of target_size=%d: all %d were visited %d times, %d of %d asked "
                "were accepted (%.0f %%). Raise stages.augment.epochs or give more documents",
                *(size, config["target_size"], len(self._documents), config["epochs"], self._accepted, self._asked),
                100 * self._accepted / max(1, self._asked),
            )


def _prompt(context: Context) -> Prompt:
    prompts, config = context.config["prompts"], context.config["stages"]["augment"]
    if not config["think_different"]:
        # the ablation: the seed prompt again, without a word about counterexamples
        return Prompt("prompts.seed.instruction", prompts["seed"]["instruction"], prompts["seed"]["demonstrations"])
    chosen = prompts["augment"]
    return Prompt("prompts.augment.instruction", chosen["instruction"], chosen["demonstrations"])


def _cut(pool: InstructionPool, target_size: int, funnel: Funnel) -> Dataset:
    """Returns the first `target_size` rows; what the last window gave beyond is surplus, the last of its rows first."""
    rows = pool.finished()
    surplus = [None if i < target_size else ("surplus", f"beyond target_size={target_size}") for i in range(len(rows))]
    return funnel.drop(rows, surplus, "limit")
