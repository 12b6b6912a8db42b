"""The loss curve of a student, as a table (loss.csv) and a picture (loss.png)."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fanno_hf.report.style import MUTED, OURS, blank, rendered, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

TABLE, PICTURE = "loss.csv", "loss.png"
_COLUMNS = ("step", "epoch", "loss", "learning_rate", "grad_norm", "num_tokens", "mean_token_accuracy")
_SMOOTHED_FROM = 20  # points from which a running mean helps the eye


def write_curve(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Writes both files; `history`: a mapping a point, as transformers logs it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    (folder / TABLE).write_text(text.getvalue(), encoding="utf-8")
    figure = rendered("loss", "Loss", "", "", lambda: _paint(history))
    (folder / PICTURE).write_bytes(figure.png)


def _paint(history: Sequence[Mapping[str, float]]) -> "Canvas":
    steps, losses = [entry["step"] for entry in history], [entry["loss"] for entry in history]
    canvas = blank()
    axes = canvas.add_subplot()
    is_long = len(steps) >= _SMOOTHED_FROM
    axes.plot(
        steps,
        losses,
        color=MUTED if is_long else OURS,
        linewidth=0.8 if is_long else 1.8,
        marker=None if is_long else "o",
        markersize=3.5,
    )
    if is_long:
        axes.plot(steps, _smoothed(losses), color=OURS, linewidth=2)
    axes.set_xlabel("step")
    axes.set_ylabel("loss of an answer's token")
    axes.xaxis.set_major_formatter(lambda value, _: short(value))
    axes.set_xlim(left=0)
    return canvas


def _smoothed(values: Sequence[float], weight: float = 0.1) -> list[float]:
    """Returns the exponential running mean, without the pull of its first value."""
    found, mean, total = [], 0.0, 0.0
    for value in values:
        mean, total = mean + weight * (value - mean), total + weight * (1 - total)
        found.append(mean / total)
    return found
