"""Stage 2b: from documents and a pool of instructions to more of them, unlike those before ("think different").

document + 3 counterexamples picked by UCB  ->  an instruction unlike them  ->  filters  ->  the pool grows

    lag=0   draw 1, ask 1, end 1, draw 2, ask 2, end 2, …         the paper: the server waits while a window ends
    lag=2   draw 1 2 3, ask 1 2 3, end 1, draw 4, end 2, draw 5   window k knows what k - 1 - lag windows taught
"""

import logging
import threading
from collections.abc import Callable
from functools import partial

from datasets import Dataset

from fanno_hf.augmenting.history import History
from fanno_hf.augmenting.pool import InstructionPool
from fanno_hf.augmenting.windows import Window, Windows
from fanno_hf.columns import INSTRUCTION
from fanno_hf.instructing.ask import SURPLUS, Instructor, count_removed
from fanno_hf.instructing.distinct import keep_distinct
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.overlap import overlapped
from fanno_hf.steps.progress import Progress

logger = logging.getLogger(__name__)


def augment(documents: Dataset, seeds: Dataset, context: Context) -> StageOutput:
    """Grows the pool of instructions to `target_size`, by windows of which `lag + 1` are asked at the same time.

    Returns the pool: the seeds (at least one) first, then each window's accepted instructions, with rewards and pulls; exactly
    `target_size` rows unless the documents ran out. Its history has one row for each window.
    """
    settings, embedder = context.settings.augment, context.embedder
    funnel = Funnel("augment", INSTRUCTION)
    pool = InstructionPool(seeds, context, documents)
    history = History(pool, context.settings.parser)
    instructor = Instructor("augment", context)
    windows = Windows(documents, pool, context)
    over = threading.Event()

    def next_task() -> Callable[[], Window] | None:
        window = windows.draw()
        return None if window is None else partial(window.ask, instructor, lambda: not over.is_set())

    with Progress("augment", max(0, settings.target_size - len(pool)), context.teacher) as progress:
        for window in overlapped(next_task, settings.lag):
            rows, embeddings = keep_distinct(
                window.rows, window.funnel, embedder, settings, pool.embeddings, pool.rows["instruction"]
            )
            rows = instructor.finished(rows)
            before, learned = len(pool), pool.add(rows, embeddings, window.draws)
            windows.end(window, len(rows))
            history.add(window, rows, learned)
            funnel.absorb(window.funnel)
            progress.advance(min(len(pool), settings.target_size) - before, len(rows))
            logger.info(f"augment: window {window.number} kept {len(rows)} of {window.size}; the pool has {len(pool)}")
            if len(pool) >= settings.target_size:
                over.set()
                break
    instructor.undecided.check()
    unasked = windows.running
    for window in unasked:
        pool.undo(window.draws)
        history.add_unasked(window.number)
        funnel.drop(window.asked, [SURPLUS] * window.size, "limit")

    windows.say_how_it_ended()
    kept, table = _cut(pool, settings.target_size, funnel), history.table()
    notes = {"windows": len(table) - 1, "asked": sum(table["asked"]), "not_asked": sum(w.size for w in unasked)}
    notes["failed_rewards"] = pool.failed_rewards
    rejected = funnel.rejected()
    return StageOutput(kept, rejected, table, notes | count_removed("augment", kept, rejected))


def _cut(pool: InstructionPool, target_size: int, funnel: Funnel) -> Dataset:
    """Returns the first `target_size` rows; what the last window gave beyond is surplus, the last of its rows first."""
    rows = pool.finished()
    surplus = [None if i < target_size else ("surplus", f"beyond target_size={target_size}") for i in range(len(rows))]
    return funnel.drop(rows, surplus, "limit")
