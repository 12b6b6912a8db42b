"""Benchmarks by lm-evaluation-harness, as a library; its results are kept as they are.

    find_tasks(["leaderboard"], None)  ->  [Task("arc_challenge", 25), Task("hellaswag", 10), …]
    run_task(Task("gsm8k", 5), model, …)["results"]["gsm8k"]  ->  {"exact_match,strict-match": 0.31, …}

No code that a data set brings is run, and no task that runs what a model writes.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import FannoError, UserError, did_you_mean
from fanno_hf.identity import digest, file_sha256
from fanno_hf.texts.fit import fit_to_show

if TYPE_CHECKING:
    from fanno_hf.students.language_model import LanguageModel

KEY = "evaluate.tasks"
LEADERBOARD = "leaderboard"
# task -> examples that a model sees first, and the metric: as the Open LLM Leaderboard of 2023 had them
_LEADERBOARD = {
    "arc_challenge": (25, "acc_norm"),
    "hellaswag": (10, "acc_norm"),
    "mmlu": (5, "acc"),
    "truthfulqa_mc2": (0, "acc"),
    "winogrande": (5, "acc"),
    "gsm8k": (5, "exact_match"),
}
_METRICS = ("acc_norm", "acc", "exact_match", "f1")  # the first that a task has is shown
_DEVIATIONS = 1.96  # standard errors on each side of a 95 % interval


@dataclass(frozen=True)
class Task:
    """One benchmark."""

    name: str
    examples: int | None = None  # shown to the model first; None: as many as the task says
    metric: str | None = None  # None: the first that is known
    folder: str | None = None  # of tasks of one's own
    files: str = ""  # digest of the files in that folder

    def to_json(self) -> dict[str, Any]:
        """Returns what decides its result, for a digest: where the folder is does not."""
        return {**asdict(self), "folder": None, "version": _version()}


def find_tasks(names: Sequence[str], folder: str | None) -> list[Task]:
    """Returns the tasks of these names. Raises UserError where the harness is not installed, or does not know one."""
    known = _known(names, folder)
    files = _digest(folder)
    found: dict[str, Task] = {}
    for name in names:
        if name == LEADERBOARD and name not in known.own:
            found |= {task: Task(task, *how) for task, how in _LEADERBOARD.items()}
        elif name in known.all:
            found[name] = Task(name, folder=folder, files=files)
        else:
            raise UserError(
                f"{KEY}={name} is no task of lm-evaluation-harness{did_you_mean(name, [LEADERBOARD, *known.all]) or '.'} "
                "`lm-eval ls tasks` lists them; evaluate.tasks_folder adds your own"
            )
    if not found:
        raise UserError(f"{KEY}=[] names no task: give one at least, as in '{KEY}=[{LEADERBOARD}]'")
    return list(found.values())


@dataclass(frozen=True)
class _Known:
    own: Sequence[str]  # tasks of the user's folder
    all: Sequence[str]


def _known(names: Sequence[str], folder: str | None) -> _Known:
    """Returns the names of tasks; the thousands that come with the harness are read only where they are needed."""
    _library()
    if folder and not Path(folder).expanduser().is_dir():
        raise UserError(f"evaluate.tasks_folder={folder} is no folder: give one that holds tasks as YAML")
    own = _manager(folder, with_all=False).all_tasks if folder else []
    is_enough = all(name in own or name == LEADERBOARD for name in names)
    return _Known(own, own if is_enough else _manager(folder, with_all=True).all_tasks)


def _manager(folder: str | None, *, with_all: bool) -> Any:
    from lm_eval.tasks import TaskManager

    path = str(Path(folder).expanduser()) if folder else None
    try:
        return TaskManager(include_path=path, include_defaults=with_all)
    except Exception as error:  # whatever a broken task makes it raise
        raise UserError(f"evaluate.tasks_folder={folder} cannot be read: {_words(error)}") from error


def _library() -> Any:
    """Imports the harness. Raises UserError where it is not installed."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import lm_eval
    except ModuleNotFoundError as error:
        raise UserError(
            f"evaluate.measures: benchmarks need {error.name}, not installed here: run `pip install lm-eval`"
        ) from error
    return lm_eval


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("lm_eval")
    except metadata.PackageNotFoundError:
        return ""


def _digest(folder: str | None) -> str:
    path = Path(folder).expanduser() if folder else None
    files = (
        sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts) if path else []
    )
    return digest([[file.relative_to(path).as_posix(), file_sha256(file)] for file in files])[:16] if files else ""


def run_task(task: Task, loaded: "LanguageModel", batch_size: int, most: int | None) -> dict[str, Any]:
    """Runs one task on a model and returns what the harness returns, JSON-able.

    Raises FannoError where the harness fails, its data cannot be reached for example.
    """
    library = _library()
    from lm_eval.models.huggingface import HFLM

    manager = _manager(task.folder, with_all=not task.folder or task.name not in _known([task.name], task.folder).own)
    try:
        wrapped = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size)
        found = library.simple_evaluate(
            model=wrapped,
            tasks=[task.name],
            num_fewshot=task.examples,
            limit=most,
            task_manager=manager,
            log_samples=False,
            bootstrap_iters=1000,
            confirm_run_unsafe_code=False,
        )
    except Exception as error:  # whatever a task, its data or the network make it raise
        raise FannoError(f"{KEY}={task.name} fails in lm-evaluation-harness: {_words(error)}") from error
    return jsonable(found)


def jsonable(value: Any) -> Any:
    """Returns a value of the harness as JSON has it; what JSON has no name for becomes text, as the harness itself writes it."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [jsonable(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        return jsonable(value.item())
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def figure_of(task: Task, found: Mapping[str, Any]) -> tuple[float | None, tuple[float, float] | None]:
    """Returns the metric of a task that is shown, and its 95 % interval by the harness's standard error."""
    results = {**found.get("groups", {}), **found.get("results", {})}.get(task.name, {})
    values = {key: value for key, value in results.items() if isinstance(value, int | float) and "," in key}
    metrics = (task.metric,) if task.metric else _METRICS
    key = next((key for metric in metrics for key in values if key.split(",")[0] == metric), None)
    key = key or next((key for key in values if not key.split(",")[0].endswith("_stderr")), None)
    if key is None:
        return None, None
    metric, _, rest = key.partition(",")
    error = values.get(f"{metric}_stderr,{rest}")
    value = float(values[key])
    spread = _DEVIATIONS * error if error is not None else None
    return value, None if spread is None else (max(0.0, value - spread), min(1.0, value + spread))


def _words(error: BaseException) -> str:
    return fit_to_show(str(error) or type(error).__name__, limit=200)
