"""The end of `-m`: one table of all its runs, so that what each setting did is seen side by side.

| run     | passages | seeds | asked | accepted | pool | length | similarity | verb_noun_pairs | pulls | …
| full    |       38 |    14 |    26 |      46% |   24 |   14.2 |      0.695 |               4 |   0-5 | …
| no-tags |       38 |    11 |    38 |      42% |   24 |   14.0 |      0.741 |               6 |   0-9 | …
"""

import sys
from collections.abc import Mapping, Sequence
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
    "requests": "answered in all stages, by the teacher or the journal",
    "tokens": "of the teacher in augment, prompts and completions, for each accepted instruction",
}


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
            names = [run for run, _ in self._ended]
            print(f"\n{compare(list(dict.fromkeys(names)))}\n")
            if len(set(names)) < len(names):
                print(
                    "Several runs had one folder and only the last is there: give each its own run=", file=sys.stderr
                )
            for run, code in self._ended:
                if code:
                    print(f"run={run} ended with exit code {code}; see what it said above", file=sys.stderr)
        finally:
            # Hydra turns any other error of a callback into a warning
            sys.exit(next((code for _, code in self._ended if code), 0))


def compare(runs: Sequence[str]) -> str:
    """Returns a Markdown table with a line for each run (as `run=` names it); what a run has not done is left empty."""
    lines = [("run", *COLUMNS), ("---", *("---:" for _ in COLUMNS))]
    for run in runs:
        figures = _figures(run)
        lines.append((Path(run).name, *(figures.get(name, "") for name in COLUMNS)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = [[cell.rjust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        row[0] = line[0].ljust(widths[0])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return table + "\n\n" + "\n".join(f"{name}: {meaning}" for name, meaning in COLUMNS.items())


def _figures(run: str) -> dict[str, str]:
    from fanno_hf.output.folder import RunFolder

    try:
        path = Path(run_folder(run))
        if not (path / "run.json").exists():
            return {}
        folder = RunFolder(path)
    except FannoError:
        return {}
    try:
        stages = folder.manifest["stages"]
        found = _of_stages(stages)
        if "augment" in stages:
            found |= _of_pool(folder)
        if "respond" in stages:
            tokens = [row["response_tokens"] for row in folder.stream_rows("respond", ["response_tokens"])]
            found |= {"pairs": f"{len(tokens)}", "response": f"{fmean(tokens):.1f}"}
        return found
    except FannoError:
        return {}
    finally:
        folder.close()


def _of_stages(stages: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: str(stages[stage]["kept"]) for name, stage in _KEPT.items() if stage in stages}
    requests = sum(entry["requests"] + entry["from_journal"] for entry in stages.values())
    return {**kept, "requests": f"{requests:,}"}


_KEPT = {"passages": "prescreen", "seeds": "seed", "pool": "augment"}


def _of_pool(folder: "RunFolder") -> dict[str, str]:
    rows = list(folder.stream_rows("augment", ["num_tokens", "pulls"]))
    pulls = [row["pulls"] for row in rows]
    windows = list(folder.stream_rows("history_augment", WINDOW))
    new = windows[1:]  # the first are the seeds
    asked, accepted = (sum(window[name] for window in new) for name in ("asked", "accepted"))
    alike = [w["nearest_similarity"] * w["accepted"] for w in new if w["accepted"]]
    pairs = windows[-1]["verb_noun_pairs"]
    tokens = sum(window["prompt_tokens"] + window["completion_tokens"] for window in windows)
    return {
        "asked": str(asked),
        "accepted": f"{accepted / asked:.0%}" if asked else "",
        "length": f"{fmean(row['num_tokens'] for row in rows):.1f}",
        "similarity": f"{sum(alike) / accepted:.3f}" if accepted else "",
        "verb_noun_pairs": "" if pairs is None else str(pairs),
        "pulls": f"{min(pulls)}-{max(pulls)}",
        "tokens": f"{tokens / accepted:,.0f}" if accepted else "",
    }
