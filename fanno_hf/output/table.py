"""Tables as Markdown, for the terminal, the log and the card; a cell is one line without control characters.

| stage | in | kept | rejected
| seed  | 49 |   30 | missing_input 12, refers_to_document 7
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fanno_hf.output.markdown import printable
from fanno_hf.pipeline.plan import STAGES


def table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """Returns a Markdown table, or "" where there are no lines.

    Numbers are aligned right and text left. A column holds numbers if every filled cell of it begins with a digit or a
    minus; the first column is always text.
    """
    if not lines:
        return ""
    columns = list(zip(*([printable(cell) for cell in line] for line in (head, *lines)), strict=True))
    numeric = [place > 0 and all(map(_is_number, cells[1:])) for place, cells in enumerate(columns)]
    widths = [max(3, *map(len, cells)) for cells in columns]
    if not numeric[-1]:
        widths[-1] = 3  # its cells may be long, and nothing follows that they would have to align
    rows = [
        " | ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(cells, widths, numeric, strict=True))
        for cells in zip(*columns, strict=True)
    ]
    rule = " | ".join("-" * (w - 1) + (":" if n else "-") for w, n in zip(widths, numeric, strict=True))
    return "\n".join(f"| {row} |" for row in (rows[0], rule, *rows[1:]))


def _is_number(cell: str) -> bool:
    return not cell or cell.lstrip("-")[:1].isdigit()


def funnel_table(manifest: Mapping[str, Any], written: Callable[[str], str] = str) -> str:
    """Returns the funnel of a run (its run.json): for each stage the rows in, the rows kept, and why the others left.

    `written` makes of a reason what stands in the table.
    """
    lines = []
    for stage in STAGES:
        if entry := manifest["stages"].get(stage):
            reasons = ", ".join(f"{written(reason)} {count}" for reason, count in entry["rejected"].items()) or "none"
            lines.append((stage, entry["rows_in"], entry["kept"], reasons))
    return table(("stage", "in", "kept", "rejected"), lines)
