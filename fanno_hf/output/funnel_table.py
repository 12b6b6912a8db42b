"""The funnel of a run as a table."""

from collections.abc import Mapping
from typing import Any

from fanno_hf.pipeline.plan import STAGES


def funnel_table(manifest: Mapping[str, Any]) -> str:
    """Returns the funnel as a Markdown table: rows in, kept, and why the others left."""
    lines = [("stage", "in", "kept", "rejected"), ("---", "---:", "---:", "---")]
    for stage in STAGES:
        if entry := manifest["stages"].get(stage):
            reasons = ", ".join(f"{reason} {count}" for reason, count in entry["rejected"].items()) or "none"
            lines.append((stage, str(entry["rows_in"]), str(entry["kept"]), reasons))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    rows = []
    for name, rows_in, kept, reasons in lines:
        rows.append(f"| {name:{widths[0]}} | {rows_in:>{widths[1]}} | {kept:>{widths[2]}} | {reasons} |")
    return "\n".join(rows)
