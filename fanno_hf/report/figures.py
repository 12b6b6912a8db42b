"""The figures of a report: those of the paper, and those that show whether a run worked as intended.

draw(ours, other, verbs=…, history=…, passages=…, costs=…)  ->  [Figure("verb_noun_growth", …, png=b"…"), …]

Every figure is always returned; one that cannot be drawn holds a sentence that says why.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fanno_hf.report import charts, style
from fanno_hf.report.measured import Measured
from fanno_hf.report.metrics import cumulative_pairs, top_verbs
from fanno_hf.report.passages import Passages
from fanno_hf.report.stages import StageFigures
from fanno_hf.report.style import Figure, clean, short
from fanno_hf.report.wheel import wheel
from fanno_hf.texts.duration import duration
from fanno_hf.texts.segment import words
from fanno_hf.texts.verbs import MISSING, VerbNouns

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_Content = tuple[str, str, Callable[[], "Canvas"]]  # caption, words for who cannot see it, what paints it
_ONE_ROUND = "There is one round only, so nothing grows: do stage=augment for more."


def draw(
    ours: Measured,
    other: Measured | None = None,
    *,
    verbs: VerbNouns | None = None,
    history: Sequence[Mapping[str, Any]] | None = None,
    passages: Passages | None = None,
    stages: Sequence[StageFigures] = (),
    currency: str = "USD",
) -> list[Figure]:
    """Draws every figure: eight, always the same names in the same order. Raises UserError if matplotlib is not installed.

    Args:
        verbs: the verb and noun of each instruction of `ours`; None where no parser is installed.
        history: rows of the history of augment (`columns.WINDOW`), by window.
    """
    style.check_installed()
    contents = {  # (name, title) -> what is drawn, or the sentence that stands in its place
        ("verb_noun_growth", "Verb-noun pairs, by iteration"): _growth(ours, verbs),
        ("instruction_length_growth", "Length of instructions, by iteration"): _length_growth(ours),
        ("instruction_lengths", "Lengths of instructions"): _lengths(ours, other),
        ("verb_noun_wheel", "What the instructions ask for"): _wheel(verbs),
        ("quality_complexity", "Quality against complexity"): _quality(ours, other),
        ("passage_map", "Map of the passages"): _map(passages),
        ("pulls", "How often an instruction was a counterexample"): _pulls(history),
        ("tokens_and_time", "Tokens and time, by stage"): _costs(stages, currency),
    }
    return [
        Figure(*names, "", "", note=content) if isinstance(content, str) else style.rendered(*names, *content)
        for names, content in contents.items()
    ]


def _rows(data: Measured) -> str:
    count = len(data.instructions)
    return f"{count:,} rows" if count == data.of else f"{count:,} of {data.of:,} rows, drawn at random"


def _growth(ours: Measured, verbs: VerbNouns | None) -> str | _Content:
    if verbs is None:
        return MISSING
    if ours.rounds is None or len(np.unique(ours.rounds)) < 2:
        return _ONE_ROUND
    pairs = cumulative_pairs(ours.rounds, verbs)
    first, last = pairs[min(pairs)], pairs[max(pairs)]
    caption = (
        "Distinct pairs of root verb and direct object in all instructions up to a window of augment; 0 are the seeds. "
        f"{_rows(ours)}{_parsed(verbs)}{_skipped(verbs)}."
    )
    alt = f"Line: distinct verb-noun pairs grow from {first:,} to {last:,} over {len(pairs)} rounds."
    return caption, alt, lambda: charts.growth(pairs)


def _parsed(verbs: VerbNouns) -> str:
    drawn = f", of which {verbs.of:,} were drawn at random and" if verbs.of < len(verbs.pairs) else ","
    return f"{drawn} parsed by {clean(verbs.parser, 60)}"


def _skipped(verbs: VerbNouns) -> str:
    return f"; {verbs.skipped:,} in other languages than English are left out" if verbs.skipped else ""


def _length_growth(ours: Measured) -> str | _Content:
    windows = () if ours.rounds is None else np.unique(ours.rounds)
    if len(windows) < 2:
        return _ONE_ROUND
    quartiles = np.array([np.quantile(ours.instruction_tokens[ours.rounds == w], (0.25, 0.5, 0.75)) for w in windows])
    caption = (
        "Tokens of the instructions of each window of augment: the median, and a band from the first to the third "
        f"quartile; 0 are the seeds. The dashed line is the median of window {windows[0]}; where the band climbs away from "
        f"it, instructions outdo one another. In words: {_in_words(ours, windows[0])}, {_in_words(ours, windows[-1])}. "
        f"{_rows(ours)}."
    )
    alt = (
        f"Line with band: the median length goes from {quartiles[0, 1]:.0f} tokens in round {windows[0]} to "
        f"{quartiles[-1, 1]:.0f} in round {windows[-1]}."
    )
    return caption, alt, lambda: charts.length_growth(windows, quartiles)


def _in_words(ours: Measured, window: int) -> str:
    counts = [len(words(text)) for text, of in zip(ours.instructions, ours.rounds, strict=True) if of == window]
    return f"median {np.median(counts):.0f} and mean {np.mean(counts):.1f} in window {window}"


def _lengths(ours: Measured, other: Measured | None) -> str | _Content:
    if not ours.instructions:
        return "There is no row to draw."
    sets = [data for data in (ours, other) if data is not None and data.instructions]
    medians = ", ".join(f"{clean(data.name)} {np.median(data.instruction_tokens):.0f}" for data in sets)
    rows = "; ".join(f"{clean(data.name)}: {_rows(data)}" for data in sets)
    caption = f"Share of instructions by length in tokens; the longest 0.5 % stand in the last bar. {rows}."
    alt = f"Histogram of instruction lengths; median tokens: {medians}."
    return caption, alt, lambda: charts.lengths(sets)


def _wheel(verbs: VerbNouns | None) -> str | _Content:
    if verbs is None:
        return MISSING
    top = top_verbs(verbs.pairs)
    if not top:
        return f"None of {verbs.of:,} instructions has a root verb with a direct object{_skipped(verbs)}."
    shown = sum(count for _, _, nouns in top for _, count in nouns)
    caption = (
        f"The {len(top)} most frequent root verbs (inside) with their 4 most frequent direct objects at most (outside): "
        f"{shown:,} of {verbs.of:,} instructions{_parsed(verbs)}{_skipped(verbs)}."
    )
    often = Counter({(verb, noun): count for verb, _, nouns in top for noun, count in nouns}).most_common(5)
    alt = "Wheel of verbs and nouns; most frequent: " + ", ".join(
        f"{clean(verb)} {clean(noun)} ({count:,})" for (verb, noun), count in often
    )
    return caption, alt + ".", lambda: wheel(top)


def _quality(ours: Measured, other: Measured | None) -> str | _Content:
    if np.isnan(ours.quality).all():
        return "No row was judged: the verdicts on instructions were switched off or gave no probabilities."
    sets = [data for data in (ours, other) if data is not None and not np.isnan(data.quality).all()]
    judged = "; ".join(f"{clean(d.name)}: {(~np.isnan(d.quality)).sum():,} of {len(d.quality):,} rows" for d in sets)
    unjudged = f"; {clean(other.name)}: none" if other is not None and len(sets) == 1 else ""
    caption = (
        "Complexity is the length of the instruction in tokens, quality 1 minus the mean probability of the fault "
        f"verdicts. The stronger the colour, the more rows; dashed lines are medians. Judged: {judged}{unjudged}."
    )
    alt = "Density of quality against tokens; medians: " + "; ".join(
        f"{clean(d.name)} quality {np.nanmedian(d.quality):.2f} at "
        f"{np.median(d.instruction_tokens[~np.isnan(d.quality)]):.0f} tokens"
        for d in sets
    )
    return caption, alt + ".", lambda: charts.quality(sets)


def _map(passages: Passages | None) -> str | _Content:
    if passages is None or not len(passages.coordinates):
        return "There are no embeddings of passages to draw."
    count, members = len(passages.coordinates), int(np.sum(passages.members))
    sample = "" if count == passages.of else f", {count:,} of {passages.of:,} drawn at random"
    caption = (
        "Representatives of the communities of passages, similar ones near one another; the area of a dot grows with "
        f"the passages it stands for{sample}. Distances between far groups mean little."
    )
    alt = f"Scatter of {count:,} representatives that stand for {members:,} passages."
    return caption, alt, lambda: charts.passage_map(passages)


def _pulls(history: Sequence[Mapping[str, Any]] | None) -> str | _Content:
    last = history[-1]["pulls"] if history else None
    if not last or not any(entry["pulls"] for entry in last):
        return "No instruction was drawn as a counterexample: augment has not run, or has no history."
    pulls = {int(entry["pulls"]): int(entry["instructions"]) for entry in last}
    caption = (
        "Left: instructions of the pool by pulls, after the last window. Right: by window, the share of the "
        "counterexamples that had as few pulls as any; near 1 the bandit goes round in turn and rewards decide nothing."
    )
    alt = f"Histogram of pulls, from {min(pulls)} to {max(pulls)}"
    shares = [(int(row["window"]), row["least_pulled"]) for row in history]
    shares = [(window, float(share)) for window, share in shares if share is not None and np.isfinite(share)]
    alt += f"; share of the least pulled in the last window {shares[-1][1]:.2f}." if shares else "."
    return caption, alt, lambda: charts.pulls(pulls, shares)


def _costs(stages: Sequence[StageFigures], currency: str) -> str | _Content:
    if not stages:
        return "No stage has written down its tokens and its time."
    tokens = sum(stage.prompt_tokens + stage.completion_tokens for stage in stages)
    seconds = sum(stage.seconds for stage in stages)
    known = [stage.cost for stage in stages if stage.cost is not None]
    money = f", {sum(known):,.2f} {clean(currency)}" if known else ""
    caption = f"Tokens that were sent and received, and wall time: {tokens:,} tokens in {duration(seconds)}{money}."
    alt = "Bars: " + "; ".join(
        f"{clean(s.name)} {short(s.prompt_tokens)} prompt and {short(s.completion_tokens)} completion tokens, "
        f"{duration(s.seconds)}"
        for s in stages
    )
    return caption, alt + ".", lambda: charts.costs(stages, currency)
