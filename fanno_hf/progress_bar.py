"""How far a long computation is: a bar on a terminal, a line every ten seconds in a log or a pipe.

embed: 4,096 of 15,625 texts, 12 min left
"""

import logging
import sys
import time
from types import TracebackType

from tqdm import tqdm

from fanno_hf.texts.duration import duration

logger = logging.getLogger(__name__)

EVERY = 10.0  # seconds between two lines in a log: what takes less gives none


class ProgressBar:
    """Counts what is done; a context manager.

    Args:
        desc: what is done, in a word or two.
        total: how much there is of it.
        unit: what is counted, as in "texts".
        shown: False draws nothing and says nothing.
    """

    def __init__(self, desc: str, total: int, unit: str, shown: bool = True):
        self._desc, self._total, self._unit = desc, total, unit
        live = shown and sys.stderr.isatty()
        self._in_log = shown and not live
        self._bar = tqdm(desc=desc, total=total, unit=f" {unit}", dynamic_ncols=True, leave=False, disable=not live)
        self._done, self._started = 0, time.monotonic()
        self._said = self._started

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._bar.close()

    def update(self, count: int = 1) -> None:
        """Counts what is done since the last time."""
        self._done += count
        self._bar.update(count)
        now = time.monotonic()
        if self._in_log and now - self._said >= EVERY and self._done < self._total:
            self._said = now
            left = (now - self._started) * (self._total - self._done) / max(1, self._done)
            done = f"{self._done:,} of {self._total:,} {self._unit}"
            logger.info("%s: %s, %s left", self._desc, done, duration(left))
