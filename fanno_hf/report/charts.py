"""The charts with axes and the map: each function takes numbers and returns a canvas. `figures` adds title, caption and notes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fanno_hf.report.measured import Measured
from fanno_hf.report.passages import Passages
from fanno_hf.report.stages import StageFigures
from fanno_hf.report.style import GROUND, INK, MUTED, OTHER, OURS, beside, blank, clean, short, whole_numbers
from fanno_hf.texts.duration import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_FEW = 300  # up to so many rows each is drawn as a point
_BARS = 40
_MAP = 5.0  # inches, the height of the map
_LABELS = 5
_LARGEST = 60  # members; larger dots are not drawn


def growth(pairs: Mapping[int, int]) -> "Canvas":
    """Draws distinct verb-noun pairs against windows."""
    canvas = blank()
    axes = canvas.add_subplot(xlabel="window (0: seeds)", ylabel="distinct verb-noun pairs")
    windows, counts = list(pairs), list(pairs.values())
    _line(axes, windows, counts)
    beside(axes, f"{counts[-1]:,}", (windows[-1], counts[-1]), (0, 7), ha="right")
    axes.set_ylim(0, 1.12 * max(counts) or 1)
    whole_numbers(axes.xaxis, axes.yaxis)
    return canvas


def length_growth(windows: np.ndarray, quartiles: np.ndarray) -> "Canvas":
    """Draws the median of lengths with a band; `quartiles` has shape (n_windows, 3): q1, median, q3 in tokens."""
    canvas = blank()
    axes = canvas.add_subplot(xlabel="window (0: seeds)", ylabel="tokens of an instruction")
    low, middle, high = quartiles.T
    axes.fill_between(windows, low, high, color=OURS, alpha=0.25, lw=0)
    _line(axes, windows, middle)
    axes.axhline(middle[0], color=INK, lw=1, ls=(0, (4, 3)))
    said = f"median: first {middle[0]:.0f}, last {middle[-1]:.0f}; middle half of the last {low[-1]:.0f} to {high[-1]:.0f}"
    axes.text(1, 1, said, transform=axes.transAxes, ha="right", va="top")
    axes.set_ylim(0, 1.2 * high.max() or 1)
    whole_numbers(axes.xaxis, axes.yaxis)
    return canvas


def _line(axes: "Axes", windows: Sequence[int] | np.ndarray, values: Sequence[float] | np.ndarray) -> None:
    axes.plot(windows, values, color=OURS, lw=2, marker="o", ms=4 if len(windows) < 40 else 0)


def _bins(most: int) -> np.ndarray:
    """Returns the bounds of about 40 bins, each of as many whole numbers, from 0 to at least `most`."""
    step = -(-(most + 1) // _BARS)
    return np.arange(0, most + 1 + step, step) - 0.5


def lengths(sets: Sequence[Measured]) -> "Canvas":
    """Draws the lengths of one or two sets of instructions, as shares, over the same bins."""
    canvas = blank()
    axes = canvas.add_subplot(xlabel="tokens of an instruction", ylabel="share of instructions")
    bins = _bins(max(1, *(int(np.quantile(data.instruction_tokens, 0.995)) for data in sets)))
    highest = 0.0
    looks = {"color": OURS, "fill": True, "alpha": 0.75}, {"color": OTHER, "lw": 2}
    for data, look in zip(sets, looks, strict=False):
        counts, _ = np.histogram(np.minimum(data.instruction_tokens, bins[-1] - 0.5), bins)
        shares = counts / len(data.instruction_tokens)
        highest = max(highest, shares.max())
        label = f"{clean(data.name)}, median {np.median(data.instruction_tokens):.0f}"
        axes.stairs(shares, bins, label=label, **look)
    legend = axes.legend(loc="upper right", borderaxespad=0)
    for text in legend.get_texts():
        text.set_parse_math(False)
    axes.set_ylim(0, highest * (1 + 0.09 * (1 + len(sets))))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    whole_numbers(axes.xaxis)
    return canvas


def quality(sets: Sequence[Measured]) -> "Canvas":
    """Draws quality against tokens, one panel for each set, on the same axes."""
    canvas = blank()
    panels = canvas.subplots(1, len(sets), sharex=True, sharey=True, squeeze=False)[0]
    judged = [~np.isnan(data.quality) for data in sets]
    tokens = [data.instruction_tokens[rows] for data, rows in zip(sets, judged, strict=True)]
    values = [data.quality[rows] for data, rows in zip(sets, judged, strict=True)]
    right = 1.05 * max(max(1.0, float(np.quantile(found, 0.995))) for found in tokens)
    bottom = min(0.9, *(float(np.quantile(found, 0.005)) for found in values))
    bottom -= 0.06 * (1 - bottom)
    limits = (0.0, right, bottom, 1 + 0.04 * (1 - bottom))
    for axes, data, x, y, colour in zip(panels, sets, tokens, values, (OURS, OTHER), strict=False):
        _cloud(axes, x, y, colour, limits)
        if len(x) > 2:
            _medians(axes, x, y, limits)
        axes.set_title(clean(data.name), fontsize=10.5, loc="left", parse_math=False)
        axes.set(xlim=limits[:2], ylim=limits[2:])
        whole_numbers(axes.xaxis)
    panels[0].set_ylabel("quality")
    canvas.supxlabel("complexity: tokens of the instruction", fontsize=10.5)
    return canvas


def _cloud(axes: "Axes", x: np.ndarray, y: np.ndarray, colour: str, limits: tuple[float, ...]) -> None:
    if len(x) <= _FEW:
        axes.scatter(x, y, s=24, color=colour, alpha=0.75, lw=0)
        return
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    shades = LinearSegmentedColormap.from_list("shades", [to_rgba(colour, 0.18), to_rgba(colour, 1)])
    axes.hexbin(x, y, gridsize=(26, 18), extent=limits, bins="log", mincnt=1, cmap=shades, lw=0.1, rasterized=True)


def _medians(axes: "Axes", x: np.ndarray, y: np.ndarray, limits: tuple[float, ...]) -> None:
    across, up = float(np.median(x)), float(np.median(y))
    axes.axvline(across, color=INK, lw=1, ls=(0, (4, 3)))
    axes.axhline(up, color=INK, lw=1, ls=(0, (4, 3)))
    shift, to = (4, "left") if across < limits[1] / 2 else (-4, "right")
    beside(axes, f"{across:.0f} tokens", (across, limits[2]), (shift, 4), ha=to)
    low = (up - limits[2]) < 0.15 * (limits[3] - limits[2])
    lift, edge = (3, "bottom") if low else (-4, "top")
    beside(axes, f"{up:.2f}", (limits[1], up), (-3, lift), ha="right", va=edge)


def pulls(counts: Mapping[int, int], shares: Sequence[tuple[int, float]]) -> "Canvas":
    """Draws instructions by pulls, and by window the share of the least pulled, if known."""
    canvas = blank()
    left, *rest = canvas.subplots(1, 2 if shares else 1, squeeze=False)[0]
    bins = _bins(max(counts))
    heights, _ = np.histogram(list(counts), bins, weights=list(counts.values()))
    left.bar((bins[:-1] + bins[1:]) / 2, heights, width=0.85 * np.diff(bins), color=OURS)
    left.set(xlabel="pulls", ylabel="instructions")
    left.grid(axis="x", visible=False)
    whole_numbers(left.xaxis, left.yaxis)
    for axes in rest:
        windows, values = zip(*shares, strict=True)
        _line(axes, windows, values)
        axes.set(xlabel="window", ylabel="share of least pulled", ylim=(-0.02, 1.05))
        whole_numbers(axes.xaxis)
    return canvas


def costs(stages: Sequence[StageFigures], currency: str) -> "Canvas":
    """Draws tokens and wall time of each stage as bars, from the top down."""
    canvas = blank(min(4.0, 1.6 + 0.5 * len(stages)))
    left, right = canvas.subplots(1, 2, sharey=True)
    places = np.arange(len(stages))
    asked = np.array([stage.prompt_tokens for stage in stages], dtype=np.float64)
    answered = np.array([stage.completion_tokens for stage in stages], dtype=np.float64)
    seconds = np.array([stage.seconds for stage in stages], dtype=np.float64)
    left.barh(places, asked, height=0.6, color=OURS, label="prompt")
    left.barh(places, answered, left=asked, height=0.6, color=OTHER, label="completion")
    right.barh(places, seconds, height=0.6, color=MUTED)
    canvas.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    _bar_labels(left, asked + answered, [short(total) for total in asked + answered])
    money = ["" if stage.cost is None else f"\n{stage.cost:,.2f} {clean(currency, 8)}" for stage in stages]
    _bar_labels(right, seconds, [duration(value) + paid for value, paid in zip(seconds, money, strict=True)])
    left.set_yticks(places, [clean(stage.name, 14) for stage in stages], parse_math=False)
    left.set(xlabel="tokens", ylim=(len(stages) - 0.5, -0.5))
    right.set(xlabel="wall time")
    return canvas


def _bar_labels(axes: "Axes", lengths: np.ndarray, texts: Sequence[str]) -> None:
    for place, (length, text) in enumerate(zip(lengths, texts, strict=True)):
        beside(axes, text, (length, place), (4, 0), va="center", size=9.5, parse_math=False)
    axes.set_xlim(0, 1.5 * max(1e-9, lengths.max()))
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)


def passage_map(passages: Passages) -> "Canvas":
    """Draws one dot for each representative, its area growing with its members, the largest ones named."""
    canvas = blank(_MAP)
    axes = canvas.add_subplot()
    axes.set_axis_off()
    members = np.maximum(np.asarray(passages.members, dtype=np.float64), 1)
    areas = np.clip(6000 / len(members), 7, 40) * np.minimum(members, _LARGEST)
    order = np.argsort(-members, kind="stable")
    x, y = passages.coordinates[order].T
    axes.scatter(x, y, s=areas[order], color=OURS, alpha=0.65, lw=0, rasterized=len(x) > 300)
    axes.margins(0.08)
    named: list[int] = []
    for row in order:
        place = passages.coordinates[row]
        if len(named) < _LABELS and all(abs(place[1] - passages.coordinates[other][1]) > 0.16 for other in named):
            named.append(row)
            _label(axes, place, np.sqrt(areas[row]) / 2, f"{clean(passages.labels[row])} ({members[row]:.0f})")
    return canvas


def _label(axes: "Axes", place: np.ndarray, radius: float, text: str) -> None:
    """Writes a text beside a dot of `radius` points, to the side that has more room."""
    side, to = (1, "left") if place[0] < 0 else (-1, "right")
    ground = {"facecolor": GROUND, "alpha": 0.7, "lw": 0, "pad": 1}
    beside(axes, text, place, (side * (radius + 3), 0), ha=to, va="center", size=9.5, bbox=ground, parse_math=False)
