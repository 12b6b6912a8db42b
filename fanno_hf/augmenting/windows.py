"""Windows: documents that are asked about at the same time, and how large the next one is.

target 10,000, pool 9,400, 700 accepted of 1,000 asked so far, one window of 256 at work
    ->  600 - 0.7 x 256 = 421 are missing  ->  the next window asks for min(256, 1.1 x 421 / 0.7) = 256
"""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from datasets import Dataset

from fanno_hf.augmenting.pool import InstructionPool
from fanno_hf.bandit import least_pulled_share
from fanno_hf.columns import INSTRUCTION
from fanno_hf.identity import spread_seed
from fanno_hf.instructing.ask import Instructor, row_to_ask, rows_to_ask
from fanno_hf.instructing.tags import assign_tags, tag_pool
from fanno_hf.steps.asking import SPENT
from fanno_hf.steps.context import Context
from fanno_hf.steps.funnel import TEACHER, Funnel

logger = logging.getLogger(__name__)

_MARGIN = 1.1
"""The last window asks for a little more than it is expected to need: another one would cost more than the surplus."""


@dataclass(eq=False)
class Window:
    """Documents that are asked about at the same time, each with the counterexamples that were drawn for it."""

    number: int  # from 1 on
    draws: np.ndarray  # int64, shape (documents, counterexamples), rows of the pool
    least_pulled: float  # share of the draws among the least pulled
    asked: Dataset  # the rows that ask
    funnel: Funnel  # gets the rows that are dropped
    rows: Dataset | None = None  # what is left of them once they are asked
    spent: dict[str, int] | None = None  # tokens of all their requests

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
    """

    def __init__(self, documents: Dataset, pool: InstructionPool, context: Context):
        self._settings, self._random_seed = context.settings.augment, context.random_seed
        self._documents, self._pool = documents, pool
        self._epochs = self._shuffled()
        self._epoch: Iterator[int] = iter(())
        self._tags = tag_pool(context.settings.resolved["tags"])
        self.running: list[Window] = []  # drawn and not ended
        self._count = self._asked = self._accepted = self._spent = 0
        self._lost = 0  # asked, without an answer of the teacher

    def _shuffled(self) -> Iterator[Iterator[int]]:
        for epoch in range(self._settings.epochs):
            rng = np.random.default_rng(spread_seed(self._random_seed, "augment", "order", epoch))
            yield iter(rng.permutation(len(self._documents)).tolist())

    def _next_documents(self) -> list[int]:
        """Takes the documents of a window, all of one epoch: in a window nothing tells two visits apart."""
        if not (size := self._size()) or self._is_over_budget():
            return []
        while not (places := list(islice(self._epoch, size))):
            if (epoch := next(self._epochs, None)) is None:
                return []
            self._epoch = epoch
        return places

    def draw(self) -> Window | None:
        """Returns the next window; None where none is needed now, or no document is left."""
        if not (places := self._next_documents()):
            return None
        self._count += 1
        before = self._pool.pulls
        draws = self._pool.draw(len(places), self._count)
        rng = np.random.default_rng(spread_seed(self._random_seed, "augment", "tags", self._count))
        hands = assign_tags(self._tags, len(places), 1, rng)
        # read together: a row at a time takes a hundred times as long
        documents, shown = self._documents.select(places).to_list(), self._pool.rows.select(draws.ravel()).to_list()
        each = draws.shape[1]
        rows = [
            row_to_ask(document, tags, "augment", self._count, shown[place * each : (place + 1) * each])
            for place, (document, (tags,)) in enumerate(zip(documents, hands, strict=True))
        ]
        share = least_pulled_share(draws, before)
        self.running.append(Window(self._count, draws, share, rows_to_ask(rows), Funnel("augment", INSTRUCTION)))
        return self.running[-1]

    def _size(self) -> int:
        missing = self._settings.target_size - len(self._pool)
        share = (self._accepted + 1) / (self._asked + 1)
        missing -= share * sum(window.size for window in self.running)
        return min(self._settings.window, math.ceil(_MARGIN * missing / share)) if missing > 0 else 0

    def _is_over_budget(self) -> bool:
        return self._settings.token_budget is not None and self._spent >= self._settings.token_budget

    def end(self, window: Window, accepted: int) -> None:
        """Learns how much of a window was accepted, and what it cost."""
        self.running.remove(window)
        self._spent += sum(window.spent.values())
        self._asked += window.size
        self._lost += sum(window.funnel.reasons[reason] for reason in TEACHER)
        self._accepted += accepted

    def say_how_it_ended(self) -> None:
        """Warns where the documents ran out, with the yield; not where none was to be asked about."""
        size, settings = len(self._pool), self._settings
        if not settings.epochs:
            return
        if size < settings.target_size and self._is_over_budget():
            logger.warning(
                f"augment: stages.augment.token_budget={settings.token_budget} is spent at {size} of "
                f"target_size={settings.target_size}: {self._accepted} of {self._asked} asked were accepted. Raise it to go on"
            )
        elif size < settings.target_size:
            logger.warning(
                f"augment: the documents ran out at {size} of target_size={settings.target_size}: all "
                f"{len(self._documents)} were visited {settings.epochs} times, {self._accepted} of {self._asked} asked "
                f"were accepted ({100 * self._accepted / max(1, self._asked):.0f} %). {self._advice()}"
            )

    def _advice(self) -> str:
        if 2 * self._lost >= self._asked > 0:  # the documents are not to blame
            return f"The teacher gave no answer to {self._lost} of them: stage=doctor shows more"
        return "Raise stages.augment.epochs or give more documents"
