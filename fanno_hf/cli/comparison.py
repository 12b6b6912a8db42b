"""The table at the end of `-m`: one line for each run, so that the effect of a setting can be read off.

| run     | passages | seeds | asked | accepted | pool | length | similarity | verb_noun_pairs | pulls | …
| full    |       38 |    14 |    26 |      46% |   24 |   14.2 |      0.695 |               4 |   0-5 | …
| no-tags |       38 |    11 |    38 |      42% |   24 |   14.0 |      0.741 |               6 |   0-9 | …
"""

import json
import sys
from collections.abc import Sequence
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
_OF_STUDENT = {
    "student_loss": ("loss_token", "{:.3f}"),
    "student_wins": ("weighted", "{:.1%}"),
    "student_grade": ("grade", "{:.2f}"),
}
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
            print(f"\n{compare(list(names))}\n")
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


def compare(runs: Sequence[str]) -> str:
    """Returns a Markdown table with a line for each run (as `run=` names it); what a run has not done is left empty.

    Columns about students are there if a run has evaluated one.
    """
    from fanno_hf.output.table import table

    figures = {run: _figures(run) for run in runs}
    names = [name for name in COLUMNS if name not in _OF_STUDENT or any(name in found for found in figures.values())]
    lines = [(Path(run).name, *(found.get(name, "") for name in names)) for run, found in figures.items()]
    legend = "\n".join(f"{name}: {COLUMNS[name]}" for name in names)
    return f"{table(('run', *names), lines)}\n\n{legend}"


def _figures(run: str) -> dict[str, Any]:
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
            return found | _of_student(path)
    except FannoError:
        return {}


def _of_student(path: Path) -> dict[str, str]:
    """Returns what the run's student reached: the first one in the table of stage=evaluate; none where it has none."""
    try:
        figures = json.loads((path / "evaluation" / "table.json").read_text(encoding="utf-8"))["figures"]
        line = next(line for name, line in figures.items() if (path / "students" / name).is_dir())
        found = {name: (line.get(figure, {}).get("value"), form) for name, (figure, form) in _OF_STUDENT.items()}
        return {name: form.format(value) for name, (value, form) in found.items() if value is not None}
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
