"""What `stage=` may ask for besides the stages: a task is checked for the run that it reads, and done."""

from fanno_hf.errors import UserError
from fanno_hf.output.place import run_folder
from fanno_hf.pipeline.plan import TASKS, load
from fanno_hf.settings import Diff, Settings


def do_task(name: str, settings: Settings) -> str:
    """Does a task and returns what it says.

    Raises UserError where it reads a run that does not exist: a mistyped name must not create a folder.
    """
    if name == "diff":
        _check_sides(settings.diff)
    elif TASKS[name].reads_run and not is_run(settings.run):
        raise UserError(
            f"stage={name} needs a run, and {run_folder(settings.run)} is not one: run stage=all first, or give another run="
        )
    return str(load(TASKS[name].function)(settings))


def _check_sides(sides: Diff) -> None:
    given = {"diff.a": sides.a, "diff.b": sides.b}
    for key, value in given.items():
        if not value:
            raise UserError(f"{key} is missing: give two runs, as in stage=diff diff.a=demo diff.b=me/fanno@demo")
    if run_folder(sides.a).resolve() == run_folder(sides.b).resolve():
        raise UserError(f"diff.a={sides.a} and diff.b={sides.b} are the same run: give two")
    for key, value in given.items():
        if not is_run(value) and "@" not in value and value.count("/") != 1:
            raise UserError(
                f"{key}={value}: {run_folder(value)} is not a run, and {value} is not a revision on the Hub (as in me/fanno@demo)"
            )


def is_run(run: str) -> bool:
    """Whether `run=` names a run that has begun."""
    return (run_folder(run) / "run.json").is_file()
