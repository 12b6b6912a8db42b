"""The files that stage=report left in a run folder; those of a report about other rows do not count."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fanno_hf.output.card import render_card
from fanno_hf.output.folder import RunFolder

METRICS = Path("metrics.json")
PAGE = Path("report.html")
FIGURES = Path("figures")


def shown_rows(manifest: Mapping[str, Any]) -> dict[str, str | None]:
    """Returns the digest of each stage's rows: what a report was made from."""
    return {stage: entry["output"] for stage, entry in manifest["stages"].items()}


def _metrics(folder: RunFolder) -> dict[str, Any]:
    """Returns metrics.json; empty where there is none, or where it is about other rows."""
    try:
        metrics = json.loads((folder.path / METRICS).read_text(encoding="utf-8"))
        return metrics if metrics["rows_of"] == shown_rows(folder.manifest) else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def figures_of(folder: RunFolder) -> list[dict[str, str]]:
    """Returns name, alt and caption of each figure of the report."""
    named = _metrics(folder).get("figures")
    whole = [f for f in named if _is_figure(f)] if isinstance(named, list) else []
    return [figure for figure in whole if (folder.path / FIGURES / f"{figure['name']}.png").is_file()]


def _is_figure(value: Any) -> bool:
    """Whether a figure of metrics.json has what a card shows, and a name without a path."""
    texts = [value.get(key) for key in ("name", "alt", "caption")] if isinstance(value, Mapping) else [None]
    return all(isinstance(text, str) for text in texts) and re.fullmatch(r"[\w-]+", texts[0]) is not None


def report_files(folder: RunFolder) -> dict[str, Path]:
    """Returns page, metrics and figures by their name in the repository."""
    names = [METRICS, PAGE, *(FIGURES / f"{figure['name']}.png" for figure in figures_of(folder))]
    found = {name.as_posix(): folder.path / name for name in names} if _metrics(folder) else {}
    return {name: path for name, path in found.items() if path.is_file()}


def write_card(folder: RunFolder, license_: str | None) -> None:
    """Writes README.md, from which `load_dataset` knows every config of the folder; `license_` is `hub.license`."""
    name = folder.path.resolve().name
    card = render_card(folder.manifest, name, license_=license_, figures=figures_of(folder))
    folder.write(Path("README.md"), card.encode("utf-8", "replace"))
