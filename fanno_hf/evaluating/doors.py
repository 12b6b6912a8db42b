"""Who is asked, through the run's journal: each model, and the judge; what it cost is said when a door closes.

with doors.open("student", backend) as teacher:      # "evaluate: student: 60 requests answered, 3,120 + 9,840 tokens"
    answer_all(teacher, …)
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from fanno_hf.costs import Costs
from fanno_hf.output.usage import usage_in_words
from fanno_hf.pipeline.services import build, journal_file
from fanno_hf.settings import Price, Settings
from fanno_hf.teacher.base import Backend
from fanno_hf.teacher.budget import Budget
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.service import Teacher

logger = logging.getLogger(__name__)


class Doors:
    """Opens services one after the other; they share the journal and the budget.

    Args:
        folder: of the run; it has the journal, unless `journal` names a file.
    """

    def __init__(self, settings: Settings, folder: Path):
        self._settings, self._folder = settings, folder
        self._budget = Budget(**settings.budget.model_dump())

    @contextmanager
    def open(self, name: str, backend: Backend, price: Price | None = None) -> Iterator[Teacher]:
        """Opens a service. A backend that does not know its model is asked for it at once.

        Raises what `Teacher` raises.
        """
        price = price or Price()
        journal = Journal(journal_file(self._settings, self._folder))
        teacher, started = Teacher(backend, journal, self._budget, costs=Costs(price)), time.monotonic()
        try:
            yield teacher
        finally:
            used = asdict(teacher.take_usage())
            cost = teacher.costs.of(teacher.costs.tokens, time.monotonic() - started)
            teacher.close()
            if used["requests"] or used["from_journal"] or used["failed"]:
                logger.info(
                    "evaluate: %s: %s", name, usage_in_words({**used, "cost": cost, "price": price.model_dump()})
                )

    @contextmanager
    def judge(self) -> Iterator[Teacher]:
        """Opens the judge: judge=, or the teacher where that is `teacher`."""
        config = self._settings.resolved
        is_other = bool(config["judge"]["_target_"])
        key = "judge" if is_other else "teacher"
        price = self._settings.judge.price if is_other else self._settings.teacher.price
        with self.open("the judge", build(key, config[key]), price) as teacher:
            yield teacher
