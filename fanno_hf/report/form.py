"""What form instructions and responses have: shares and words, by stage, by window of augment, and of another data set.

augment: 32 rows  ->  one sentence 97%, questions 41%, with input 12%, …, mean words 31, median words 29

Questions, sentences, paragraphs and words are those of the instruction; its input counts for code and lists.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from fanno_hf.columns import full_text
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import tables_of
from fanno_hf.report.page import Table
from fanno_hf.report.shown import drawn
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.settings import Report
from fanno_hf.texts import form
from fanno_hf.texts.segment import words

Row = Mapping[str, Any]
Rows = tuple[
    Sequence[Row], int
]  # rows with instruction, input and perhaps response, and the number they were drawn from
Has = Callable[[str], bool]
Numbers = dict[str, float]

_PARTS_OF_AUGMENT = 8  # so many groups of windows can be read at one glance
_COLUMNS = ("instruction", "input", "round", "response")


def form_tables(
    folder: RunFolder, chosen: Report, random_seed: int, other: tuple[str, Rows] | None = None
) -> list[Table]:
    """Returns the table of instructions and that of responses, as far as the run has them.

    Args:
        other: name of another data set, and some of its pairs {instruction, input, response}.
    """
    stages = _stages(folder, chosen.rows, random_seed)
    patterns = compile_patterns("report.code", chosen.code)

    def has_code(text: str) -> bool:
        return any(pattern.search(text) for pattern in patterns)

    tables = []
    if stages:
        tables.append(_table("instructions", stages, "augment", other, partial(_instruction, has_code)))
    if "respond" in stages:
        answered = other if other and any(row["response"] for row in other[1][0]) else None
        responses = {"respond": stages["respond"]}
        tables.append(_table("responses", responses, "respond", answered, partial(_response, has_code)))
    return tables


def _stages(folder: RunFolder, most: int, random_seed: int) -> dict[str, Rows]:
    """Reads at most `most` rows of each stage that makes instructions or responses: of the last one those on the page."""
    names, found = {table.name for table in tables_of(folder.manifest)}, {}
    for stage in ("seed", "augment", "respond"):
        if stage in names:
            table = folder.read_rows(stage)
            table = table.select_columns([name for name in _COLUMNS if name in table.column_names])
            found[stage] = table.select(drawn(len(table), most, random_seed, "rows")).to_list(), len(table)
    return found


def window_groups(rounds: Sequence[int]) -> list[tuple[str, list[int]]]:
    """Returns (name, places) of the seeds, round 0, and of at most 8 groups of windows in succession.

    >>> window_groups([0, 0, 1, 3])
    [('seeds', [0, 1]), ('window 1', [2]), ('window 3', [3])]
    """
    windows = sorted(set(rounds) - {0})
    parts = [part.tolist() for part in np.array_split(windows, _PARTS_OF_AUGMENT) if len(part)]
    named = [(f"window {part[0]}" if len(part) == 1 else f"windows {part[0]} to {part[-1]}", part) for part in parts]
    return [
        (name, [place for place, window in enumerate(rounds) if part[0] <= window <= part[-1]])
        for name, part in ([("seeds", [0])] if 0 in rounds else []) + named
    ]


def _instruction(has_code: Has, row: Row) -> Numbers:
    text, whole = row["instruction"], full_text(row)
    return {
        "one_sentence": form.is_one_sentence(text),
        "questions": form.is_question(text),
        "several_paragraphs": form.paragraphs(text) > 1,
        "with_input": bool(row["input"]),
        "with_code": has_code(whole),
        "with_list": form.has_list(whole),
        "words": len(words(text)),
    }


def _response(has_code: Has, row: Row) -> Numbers:
    text = row["response"]
    return {
        "one_word": form.is_one_word(text),
        "one_sentence": form.is_one_sentence(text),
        "one_line": form.is_one_line(text),
        "with_code": has_code(text),
        "with_list": form.has_list(text),
        "with_table": form.has_table(text),
        "words": len(words(text)),
    }


def _table(
    name: str,
    stages: Mapping[str, Rows],
    windowed: str,
    other: tuple[str, Rows] | None,
    measure: Callable[[Row], Numbers],
) -> Table:
    """Returns the table of stages and another data set, and below it the windows of the stage `windowed`."""
    found = {stage: [measure(row) for row in rows] for stage, (rows, _) in stages.items()}
    lines = [(stage, _summary(found[stage]), of) for stage, (_, of) in stages.items()]
    last, ours, _ = lines[-1]
    if other:
        beside, (rows, of) = other
        lines.append((beside, _summary([measure(row) for row in rows]), of))
    groups = window_groups([row["round"] for row in stages[windowed][0]]) if windowed in stages else []
    windows = [(group, _summary([found[windowed][at] for at in places]), len(places)) for group, places in groups]
    return Table(
        name=name,
        title=f"Form of the {name}",
        lead=_counts(f"{ours['rows']:,} {name} of {last}", ours) + _growth(windows),
        head=(name, *(key.replace("_", " ") for key in ours)),
        bodies=[[(line, _cells(numbers, of)) for line, numbers, of in part] for part in (lines, windows) if part],
        numbers=[{"name": line, **numbers} for line, numbers, _ in lines + windows],
    )


def _summary(found: Sequence[Numbers]) -> Numbers:
    """Returns number of rows, share of each flag, mean and median of the words."""
    columns = {key: np.array([numbers[key] for numbers in found], dtype=np.float64) for key in found[0]}
    lengths = columns.pop("words")
    shares = {key: round(float(flags.mean()), 4) for key, flags in columns.items()}
    middle = {"mean_words": round(float(lengths.mean()), 2), "median_words": float(np.median(lengths))}
    return {"rows": len(found), **shares, **middle}


def _counts(rows: str, numbers: Numbers) -> str:
    """Returns the flags of a group in words: "32 instructions of augment: one sentence 31, questions 20, …"."""
    counts = [
        f"{key.replace('_', ' ')} {round(share * numbers['rows']):,}"
        for key, share in numbers.items()
        if key != "rows" and not key.endswith("_words")
    ]
    return f"{rows}: {', '.join(counts)}."


def _growth(windows: Sequence[tuple[str, Numbers, int]]) -> str:
    """Returns how the length goes from the first windows to the last."""
    if len(windows) < 2:
        return ""
    ends = [f"{numbers['median_words']:g} words ({name})" for name, numbers, _ in (windows[0], windows[-1])]
    return f" The median length goes from {ends[0]} to {ends[1]}."


def _cells(numbers: Numbers, of: int) -> list[str]:
    """Returns the texts of a line; `of`: the number of rows that these were drawn from."""
    count = numbers["rows"]
    cells = [f"{count:,}" if of == count else f"{count:,} of {of:,}"]
    for key, value in list(numbers.items())[1:]:
        cells.append(f"{value:,.1f}".removesuffix(".0") if key.endswith("_words") else percent(value))
    return cells


def percent(share: float) -> str:
    """Returns a share as a whole percentage; only all is 100%, and only none is 0%.

    >>> [percent(share) for share in (0, 0.002, 0.97, 0.999, 1)]
    ['0%', '<1%', '97%', '>99%', '100%']
    """
    return "<1%" if 0 < share < 0.005 else ">99%" if 0.995 < share < 1 else f"{share:.0%}"
