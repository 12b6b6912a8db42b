"""How far an asking phase is: a live bar on a terminal, a line every ten seconds in a log or a pipe.

seed: ask: 320 of 1,000 rows, 318 accepted, 128 in flight, 2,130 tokens/s, 3 sent again, 4 min left, 0.72 USD so far
seed: ask: 1,000 of 1,000 rows, 991 accepted, 512 embedded, 0 in flight, …      the teacher is through
"""

import logging
import sys
import threading
import time
from types import TracebackType

from tqdm import tqdm

from fanno_hf.costs import in_words
from fanno_hf.progress_bar import EVERY
from fanno_hf.teacher.service import Teacher
from fanno_hf.texts.duration import duration

logger = logging.getLogger(__name__)


class Progress:
    """Counts the rows of one phase; a context manager. `live` draws a bar; None does so where stderr is a terminal."""

    def __init__(self, desc: str, total: int, teacher: Teacher, live: bool | None = None):
        self._desc, self._total, self._teacher = desc, total, teacher
        self._rows = self._accepted = self._through = self._embedded = 0
        self._started = time.monotonic()
        self._usage, self._cost = teacher.usage, teacher.costs.tokens
        self._trouble = self._trouble_so_far()
        self._tokens = self._tokens_so_far()
        self._live = sys.stderr.isatty() if live is None else live
        self._bar: tqdm | None = None
        self._over, self._lock = threading.Event(), threading.Lock()

    def __enter__(self) -> "Progress":
        if self._live:
            self._bar = tqdm(total=self._total, desc=self._desc, unit=" rows", dynamic_ncols=True, leave=False)
        threading.Thread(target=self._report, name="progress", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._over.set()
        if self._bar is not None:
            self._bar.close()

    def advance(self, rows: int, accepted: int) -> None:
        """Counts rows that are through, and how many of them go on; from any thread."""
        with self._lock:
            self._rows += rows
            self._accepted += accepted
            if self._bar is not None:
                self._bar.set_postfix_str(self._figures() + self._cost_so_far(), refresh=False)
                self._bar.update(rows)

    def embedded(self, rows: int, accepted: int) -> None:
        """Counts rows for which nothing is left to do, and how many of them were embedded."""
        with self._lock:
            self._through += rows
            self._embedded += accepted

    def line(self) -> str:
        """Returns the state as one line."""
        return f"{self._desc}: {self._rows:,} of {self._total:,} rows, {self._figures()}, {self._time_left()}{self._cost_so_far()}"

    def _figures(self) -> str:
        rate = (self._tokens_so_far() - self._tokens) / max(time.monotonic() - self._started, 1e-9)
        trouble = {name: count - self._trouble[name] for name, count in self._trouble_so_far().items()}
        said = "".join(f", {count:,} {name}" for name, count in trouble.items() if count)
        embedded = f", {self._embedded:,} embedded" if self._rows == self._total and self._through else ""
        return (
            f"{self._accepted:,} accepted{embedded}, {self._teacher.in_flight} in flight, {rate:,.0f} tokens/s{said}"
        )

    def _cost_so_far(self) -> str:
        costs = self._teacher.costs
        cost = costs.of(costs.tokens - self._cost, time.monotonic() - self._started)
        return "" if cost is None else f", {in_words(cost, costs.currency)} so far"

    def _time_left(self) -> str:
        # when the teacher is through, embedding is what takes time
        done = self._through if self._rows == self._total else self._rows
        if not done:
            return "time left unknown"
        left = (time.monotonic() - self._started) * (self._total - done) / done
        return f"{duration(left)} left"

    def _trouble_so_far(self) -> dict[str, int]:
        usage = self._usage
        return {"sent again": self._teacher.resent, "refused": usage.refused, "failed": usage.failed}

    def _tokens_so_far(self) -> int:
        return self._usage.prompt_tokens + self._usage.completion_tokens

    def _report(self) -> None:
        """Lines where there is no bar; the bar's figures stay fresh while no row comes through."""
        while not self._over.wait(1.0 if self._bar is not None else EVERY):
            if self._bar is not None:
                self._bar.set_postfix_str(self._figures() + self._cost_so_far())
            else:
                logger.info("%s", self.line())
