"""Files that are tables of a run: run.json, above them, has the digest of each.

runs/old/prescreen/train-00000-of-00001.parquet  ->  stages.prescreen.output of runs/old/run.json
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fanno_hf.checksum import CHANGED, is_changed
from fanno_hf.errors import UserError
from fanno_hf.exact_json import parse_exactly
from fanno_hf.identity import file_sha256

_STAGES = ("prescreen", "seed", "augment", "respond")
_DIGESTS = {
    **{stage: (stage, "output") for stage in _STAGES},
    **{f"rejected/{stage}": (stage, "output_rejected") for stage in _STAGES},
    **{f"history/{stage}": (stage, "output_history") for stage in _STAGES},
    "data": ("respond", "pairs"),
}
"""Folder of a table -> the stage that makes it, and the key of its digest in the stage's entry of run.json."""


def check_table(path: Path) -> None:
    """Raises UserError where a file is a table of a run and not the one that its run.json names; other files pass."""
    for depth, folder in ((1, path.parent.name), (2, f"{path.parent.parent.name}/{path.parent.name}")):
        run = path.parents[min(depth, len(path.parents) - 1)]
        if folder in _DIGESTS and (run / "run.json").is_file():
            _check(path, run / "run.json", *_DIGESTS[folder])


def check_config(run: Path, config: str | None) -> None:
    """Does the same for what `load_dataset(run, config)` reads."""
    name = "data" if config in (None, "default") else config.replace("rejected_", "rejected/", 1)
    for path in sorted((run / name.replace("history_", "history/", 1)).glob("*.parquet")):
        check_table(path)


def _check(path: Path, run_json: Path, stage: str, key: str) -> None:
    try:
        manifest = parse_exactly(run_json.read_bytes())
    except OSError as error:
        raise UserError(f"{run_json} cannot be read ({error.strerror}): check its permissions") from error
    except ValueError as error:
        raise UserError(f"{run_json} is damaged ({error}): restore it, or take the rows from elsewhere") from error
    stages = _get(manifest, "stages")
    if not isinstance(stages, Mapping) or "format" not in manifest or manifest.get("shared") is True:
        return  # not a run of ours; or one as the Hub has it, whose files the Hub wrote
    if is_changed(stages.get(stage)):
        raise UserError(
            f"{run_json} has been changed since fanno_hf wrote it ({stage} {CHANGED}): restore it, or take the rows from "
            "elsewhere"
        )
    named = _get(stages.get(stage), key)
    try:
        is_whole = named == file_sha256(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    if not is_whole:
        raise UserError(
            f"{path} is not the file that its run.json names, so it is damaged, changed or not finished: run its "
            f"stage={stage} again, or put the file back"
        )


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None
