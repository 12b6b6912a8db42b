"""What `stage=` may ask for, in one line each, and the mistakes that are noticed before anything is imported."""

from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.output.place import run_folder
from fanno_hf.pipeline.plan import STAGES, TASKS

LINES = {
    "all": "the four stages below, one after the other; one that is up to date is skipped",
    "prescreen": "cuts documents into passages, drops poor, repeated and private ones",
    "seed": "asks the teacher for a first instruction about each passage",
    "augment": "asks for more, each unlike earlier ones that a bandit picked, up to a target",
    "respond": "asks for the responses, from the passage and others like it",
    "export": "writes the pairs as JSON lines (export.format)",
    "report": "writes report.html: figures, metrics, rows to browse",
    "publish": "pushes a run to the Hub (hub.repo_id)",
    "diff": "compares two runs (diff.a=… diff.b=…), here or on the Hub",
    "doctor": "asks the teacher a few questions: is it ready for this run?",
    "estimate": "sends a few passages through every stage, projects time and tokens",
}
_READ_A_RUN = ("export", "report", "publish")


def check_stage(stage: Any) -> None:
    """Raises UserError unless there is such a stage or task."""
    known = ("all", *STAGES, *TASKS)
    if stage not in known:
        raise UserError(f"stage={stage} is unknown{did_you_mean(str(stage), known) or '.'} Known: {', '.join(known)}")


def check_run(task: str, run: str) -> None:
    """Raises UserError where a task reads a run and there is none: a mistyped name must not make a folder."""
    path = Path(run_folder(run)).expanduser()
    if task in _READ_A_RUN and not (path / "run.json").exists():
        raise UserError(f"stage={task} needs a run, and {path} is none: run stage=all first, or give another run=")
