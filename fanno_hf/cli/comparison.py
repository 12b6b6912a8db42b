"""The table at the end of `-m`: one line for each run, so that the effect of a setting can be read off.

| run     | passages | seeds | asked | accepted | pool | length | similarity | verb_noun_pairs | pulls | …
| full    |       38 |    14 |    26 |      46% |   24 |   14.2 |      0.695 |               4 |   0-5 | …
| no-tags |       38 |    11 |    38 |      42% |   24 |   14.0 |      0.741 |               6 |   0-9 | …
"""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from fanno_hf.columns import WINDOW
from fanno_hf.errors import FannoError
from fanno_hf.output.place import run_folder

if TYPE_CHECKING:
    from fanno_hf.output.folder import RunFolder

COLUMNS = {
    "passages": "kept by prescreen",
    "seeds": "seed instructions",
    "asked": "documents asked about in augment",
    "accepted": "share of them that gave an instruction",
    "pool": "instructions in the end",
    "length": "mean tokens of an instruction",
    "similarity": "mean similarity of a new instruction to the nearest before it",
    "verb_noun_pairs": "distinct pairs of verb and noun among the instructions; empty without spaCy",
    "pulls": "least and most often drawn instruction",
    "pairs": "instruction-response pairs",
    "response": "mean tokens of a response",
    "student_loss": "loss a token of the student's on people's answers (stage=evaluate)",
    "student_wins": "the student's weighted win rate over the reference",
    "student_grade": "the student's mean grade",
    "requests": "answered in all stages, by the teacher or the journal",
    "tokens": "of the teacher in augment, prompts and completions, for each accepted instruction",
}
_OF_STUDENT = {  # column -> measure, figure, form
    "student_loss": ("loss", "loss_token", "{:.3f}"),
    "student_wins": ("judged", "weighted", "{:.1%}"),
    "student_grade": ("graded", "grade", "{:.2f}"),
}
_MEASURED_WITH = "measured_with"
_KEPT = {"passages": "prescreen", "seeds": "seed", "pool": "augment", "pairs": "respond"}


class Comparison(Callback):
    """Hydra's callback: remembers the runs of a sweep and prints the table when it is over."""

    def __init__(self):
        self._ended: list[tuple[str, int]] = []

    def on_job_end(self, config: DictConfig, job_return: Any, **_: Any) -> None:
        """Remembers a run and how it ended."""
        self._ended.append((str(job_return.cfg.run), job_return.return_value or 0))

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Prints the table; leaves with the exit code of the first run that failed."""
        try:
            names = dict.fromkeys(run for run, _ in self._ended)
            print(f"\n{compare(list(names), {run for run, code in self._ended if code})}\n")
            if len(names) < len(self._ended):
                print(
                    "Several runs wrote to one folder; only the last is kept: give each its own run=", file=sys.stderr
                )
            for run, code in self._ended:
                if code:
                    print(f"run={run} ended with exit code {code}; its message is above", file=sys.stderr)
        finally:
            # Hydra turns any other error of a callback into a warning
            sys.exit(next((code for _, code in self._ended if code), 0))


def compare(runs: Sequence[str], failed: Collection[str] = ()) -> str:
    """Returns a Markdown table with a line for each run (as `run=` names it); what a run has not done is left empty.

    Columns about students are there if a run has evaluated one; of a run that `failed`, its student may be an earlier one's and is
    left out.
    """
    from fanno_hf.output.table import table

    figures = {run: _figures(run, with_student=run not in failed) for run in runs}
    names = [name for name in COLUMNS if name not in _OF_STUDENT or any(name in found for found in figures.values())]
    lines = [(Path(run).name, *(found.get(name, "") for name in names)) for run, found in figures.items()]
    legend = "\n".join(f"{name}: {COLUMNS[name]}{_caution(name, list(figures.values()))}" for name in names)
    return f"{table(('run', *names), lines)}\n\n{legend}"


def _caution(name: str, figures: Sequence[Mapping[str, Any]]) -> str:
    """Returns a word where a figure was not measured with the same in every run that has it."""
    measure = _OF_STUDENT.get(name, ("",))[0]
    withs = {found[_MEASURED_WITH].get(measure) for found in figures if name in found and measure}
    return (
        "; NOT TO BE COMPARED: data, judge or settings of the measure differ between these runs"
        if len(withs) > 1
        else ""
    )


def _figures(run: str, *, with_student: bool) -> dict[str, Any]:
    """Returns the cells of a run; none where it has not begun or cannot be read."""
    from fanno_hf.output.folder import RunFolder

    try:
        path = run_folder(run)
        if not (path / "run.json").exists():
            return {}
        with closing(RunFolder(path)) as folder:
            stages = folder.manifest["stages"]
            found: dict[str, Any] = {name: stages[stage]["kept"] for name, stage in _KEPT.items() if stage in stages}
            found["requests"] = f"{sum(entry['requests'] + entry['from_journal'] for entry in stages.values()):,}"
            if "augment" in stages:
                found |= _of_pool(folder)
            if stages.get("respond", {}).get("kept"):
                responses = folder.stream_rows("respond", ["response_tokens"])
                found["response"] = f"{fmean(row['response_tokens'] for row in responses):.1f}"
            return found | (_of_student(folder) if with_student else {})
    except FannoError:
        return {}


def _of_student(folder: "RunFolder") -> dict[str, Any]:
    """Returns what the run's student reached: the first one in the table of stage=evaluate; none where it has none, or where
    pairs or student were made again since.
    """
    from fanno_hf.training.current import is_current, made_of

    path = folder.path
    try:
        numbers = json.loads((path / "evaluation" / "table.json").read_text(encoding="utf-8"))
        name = next(name for name in numbers["figures"] if (path / "students" / name).is_dir())
        student, line = path / "students" / name, numbers["figures"][name]
        evaluated = next(model.get("made_of", "") for model in numbers["models"] if model["name"] == name)
        if evaluated != made_of(student) or not is_current(student, folder):
            return {}
        values = {
            column: (line.get(figure, {}).get("value"), form) for column, (_, figure, form) in _OF_STUDENT.items()
        }
        found = {column: form.format(value) for column, (value, form) in values.items() if value is not None}
        return found | {_MEASURED_WITH: dict(numbers[_MEASURED_WITH])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError):
        return {}


def _of_pool(folder: "RunFolder") -> dict[str, Any]:
    rows = list(folder.stream_rows("augment", ["num_tokens", "pulls"]))
    pulls = [row["pulls"] for row in rows]
    windows = list(folder.stream_rows("history_augment", WINDOW))
    new = windows[1:]  # the first are the seeds
    asked, accepted = (sum(window[name] for window in new) for name in ("asked", "accepted"))
    alike = sum(window["nearest_similarity"] * window["accepted"] for window in new if window["accepted"])
    pairs = windows[-1]["verb_noun_pairs"]
    tokens = sum(window["prompt_tokens"] + window["completion_tokens"] for window in windows)
    return {
        "asked": asked,
        "accepted": f"{accepted / asked:.0%}" if asked else "",
        "length": f"{fmean(row['num_tokens'] for row in rows):.1f}",
        "similarity": f"{alike / accepted:.3f}" if accepted else "",
        "verb_noun_pairs": "" if pairs is None else pairs,
        "pulls": f"{min(pulls)}-{max(pulls)}",
        "tokens": f"{tokens / accepted:,.0f}" if accepted else "",
    }
