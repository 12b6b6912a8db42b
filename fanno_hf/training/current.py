"""Whether a finished student is still that of its run: pairs, or the student itself, may have been made again since.

is_current(runs/demo/students/student, RunFolder(runs/demo))  ->  False after stage=all with other settings
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fanno_hf.errors import FannoError
from fanno_hf.identity import digest, spread_seed
from fanno_hf.output.folder import RunFolder
from fanno_hf.sources.pairs import Pair, draw_pairs
from fanno_hf.training.folder import RECORD
from fanno_hf.training.lessons import sha256_of


def made_of(student: Path) -> str:
    """Returns what differs where a student was trained otherwise; "" where nothing says how it was made."""
    record = _record(student)
    return digest([record["plan"], record.get("files")])[:16] if "plan" in record else ""


def is_current(student: Path, run: RunFolder) -> bool:
    """Whether a student was trained on the pairs that its run has now, or on others than the run's."""
    try:
        plan = _record(student)["plan"]
        name, most, seed, pairs = plan["train"]["data"], plan["train"]["max_rows"], plan["random_seed"], plan["pairs"]
    except (KeyError, TypeError):
        return True  # made elsewhere
    if name != run.path.name or not (run.path / "run.json").is_file():
        return True
    try:
        found, _ = draw_pairs(_answered(run), most, spread_seed(seed, "train", "rows"))
    except FannoError:  # the run has no pairs now, or damaged ones
        return False
    return sha256_of(found) == pairs


def _answered(run: RunFolder) -> Iterator[Pair]:
    for row in run.stream_rows("default", ["instruction", "input", "output"]):
        if row["output"].strip():
            yield {"instruction": row["instruction"], "input": row["input"], "response": row["output"]}


def _record(student: Path) -> dict[str, Any]:
    try:
        found = json.loads((student / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
