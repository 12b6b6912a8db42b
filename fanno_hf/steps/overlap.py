"""Several parts of a stage at the same time: while the teacher works on some, others are parsed, embedded and compared.

parts 1 2 3 4 5   ->   1 2 3 at the teacher; 1 is done: `embed(1)` here, 4 starts; 2 is done (3 was before): `embed(2)`, 5 starts

What is done with a part comes in the order of the parts, whichever is answered first: results never depend on arrival.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from datasets import Dataset, concatenate_datasets

from fanno_hf.steps.asking import Counted
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.progress import Progress
from fanno_hf.teacher.service import Teacher

T = TypeVar("T")

# Rows of a part, and rows at work: some times the slots of a few servers, so that no slot waits for the slowest row of
# a part. A stage has at most so many parts: each holds files open while its rows are on disk.
PART, AT_WORK, MOST_PARTS = 128, 4_096, 64


def overlapped(next_task: Callable[[], Callable[[], T] | None], ahead: int) -> Iterator[T]:
    """Runs tasks in threads and yields their results in the order of the tasks.

    Args:
        next_task: gives the next one, None while (or because) there is none. It is asked first for `ahead + 1` tasks,
            and again whenever a result has been dealt with: task k is made when result k - 1 - ahead was.
        ahead: tasks that run besides the one whose result comes next.

    Raises:
        Exception: of the first task, in their order, that fails. What still runs then is not waited for: it ends with
            its teacher. When the caller stops asking for results, it is.
    """
    running: deque = deque()
    executor = ThreadPoolExecutor(ahead + 1, thread_name_prefix="part")
    try:
        while True:
            while len(running) <= ahead and (task := next_task()) is not None:
                running.append(executor.submit(task))
            if not running:
                return
            yield running.popleft().result()
    except GeneratorExit:
        wait(running)  # what was sent is paid for; whoever stops asking tells the tasks to end soon
        raise
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def in_parts(
    rows: Dataset,
    work: Callable[[Dataset, Funnel, Counted], Dataset],
    embed: Callable[[Dataset], object],
    desc: str,
    funnel: Funnel,
    teacher: Teacher,
) -> Dataset:
    """Does the asking of a stage part by part, and returns the kept rows of all parts, in order.

    Args:
        rows: all of them; their number alone decides what the parts are.
        work: asks the teacher about a part, in a thread of its own, and returns the rows that are kept; it is given a
            funnel for the others, and what counts the rows for the progress.
        embed: does what needs no teacher with the kept rows of each part, one after the other, in their order.
    """
    size = max(PART, -(-len(rows) // MOST_PARTS))
    starts = iter(range(0, len(rows), size) or [0])
    kept = []
    with Progress(desc, len(rows), teacher) as progress:

        def next_task() -> Callable[[], tuple[int, Dataset, Funnel]] | None:
            if (start := next(starts, None)) is None:
                return None
            part, dropped = rows.select(range(start, min(start + size, len(rows)))), funnel.like()
            return lambda: (len(part), work(part, dropped, progress.advance), dropped)

        for count, done, dropped in overlapped(next_task, max(1, AT_WORK // size - 1)):
            funnel.absorb(dropped)
            embed(done)
            progress.embedded(count, len(done))
            kept.append(done)
    return concatenate_datasets(kept) if len(kept) > 1 else kept[0]
