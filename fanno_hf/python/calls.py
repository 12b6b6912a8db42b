"""What one calls: `fanno_hf.run`, `fanno_hf.open`, `fanno_hf.doctor` and `fanno_hf.estimate`.

fanno_hf.run(["Mosses have no roots …", …], "run=mosses", "stages.seed.combinations=2")    ->  Run in runs/mosses
"""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import UserError
from fanno_hf.output.place import run_folder
from fanno_hf.pipeline.plan import TASKS
from fanno_hf.python.asked import Asked
from fanno_hf.python.manners import at_work, told_in_words
from fanno_hf.python.result import Run

if TYPE_CHECKING:
    from fanno_hf.commands.doctor import Diagnosis
    from fanno_hf.commands.estimate import Projections
    from fanno_hf.settings import Settings

logger = logging.getLogger(__name__)

_LEAVES_FILES = ("report", "export", "train", "evaluate", "publish")  # tasks whose result is in the run folder
_OTHERS = {"doctor": "call fanno_hf.doctor()", "estimate": "call fanno_hf.estimate()"}


def run(documents: Any = None, *overrides: Any, recipe: str | os.PathLike | None = None) -> Run:
    """Does what `python -m fanno_hf` does. A stage that is up to date is skipped, and one that was stopped goes on.

    Args:
        documents: a `Dataset`, an `IterableDataset`, a list of texts, or the path of a file, a folder or a glob; None takes
            what the configuration names, which is the sample that comes along.
        overrides: as on the command line ("run=my-run", "stage=seed"), or mappings, nested or dotted.
        recipe: name of a recipe in recipes/ (as `-cd recipes -cn NAME`), or path of its file.

    Returns:
        The run, whose tables are data sets.

    Raises:
        UserError: something asked for cannot be; the sentence that the command line prints.
        FannoError: the run failed; what was done is kept.
    """
    asked = Asked(documents, overrides, recipe)
    with told_in_words(asked.debug):
        settings = asked.settings()
        with at_work(settings):
            _do(settings)
        return Run(run_folder(settings.run), asked)


def open(folder: str | os.PathLike) -> Run:  # noqa: A001
    """Returns a run that exists: its folder, or its name as in `run=`. Raises UserError where it is none."""
    if not isinstance(folder, str | os.PathLike):
        raise UserError(f"fanno_hf.open({folder!r:.60}): give the name of a run, or its folder")
    path = Path(folder).expanduser()
    if isinstance(folder, str) and not (path / "run.json").is_file():
        path = run_folder(folder)
    found = Run(path)
    found.check()
    return found


def doctor(*overrides: Any, recipe: str | os.PathLike | None = None) -> "Diagnosis":
    """Asks the teacher a few questions: is it ready for this run? Returns what was found, `ready` and `findings`.

    Raises UserError for a mistake in what is asked for. A server that is not there is no error but a finding.
    """
    asked = Asked(None, overrides, recipe)
    with told_in_words(asked.debug):
        settings = asked.settings("stage=doctor")
        from fanno_hf.commands.doctor import diagnose

        with at_work(settings):
            return diagnose(settings, logger.debug)


def estimate(documents: Any = None, *overrides: Any, recipe: str | os.PathLike | None = None) -> "Projections":
    """Sends a few passages through every stage; returns what a run would take: `total`, and `stages` one by one.

    The arguments are those of `run`. Raises UserError or FannoError as it does.
    """
    asked = Asked(documents, overrides, recipe)
    with told_in_words(asked.debug):
        settings = asked.settings("stage=estimate")
        from fanno_hf.commands.estimate import project

        with at_work(settings):
            return project(settings)


def _do(settings: "Settings") -> None:
    """Does the stages or the task that is asked for; what tasks say goes to the log."""
    from fanno_hf.pipeline.tasks import do_task

    stage = settings.stage
    if stage in TASKS:
        if stage not in _LEAVES_FILES:
            instead = _OTHERS.get(stage, f"run python -m fanno_hf stage={stage}")
            raise UserError(f"stage={stage} leaves no run to return: {instead}")
        tasks = [stage]
    else:
        from fanno_hf.pipeline.run import execute

        execute(settings)
        tasks = settings.then if stage == "all" else []
    for task in tasks:
        logger.info("%s", do_task(task, settings))
