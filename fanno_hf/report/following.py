"""How much each instruction tells a small model about its answer: IFD and loss of the pairs, for `report.model`.

{"instruction": "How do mosses drink?", …}  ->  ifd 0.52, answer_loss 1.93   (see students/losses.py)

An IFD near 1 says that the instruction is of no help with its answer, one near 0 that it gives it away. Selecting by it is what the
paper behind it does; the figures of a model of another size are others.
"""

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fanno_hf.output.folder import RunFolder
from fanno_hf.report.shown import Row, drawn
from fanno_hf.settings import Report
from fanno_hf.steps.rows import arrow_schema

logger = logging.getLogger(__name__)

SCORES = "scores.parquet"
"""The file of the figures, beside the report: one row a pair."""
_COLUMNS = {
    "instruction_id": "string",
    "ifd": "float64",
    "answer_loss": "float64",
    "answer_loss_alone": "float64",
    "answer_tokens": "int64",
    "model": "string",
}


def add_following(rows: Sequence[Row], chosen: Report, random_seed: int, folder: RunFolder) -> dict[str, Any] | None:
    """Measures at most `report.model_rows` rows with a response, adds `ifd` and `answer_loss` to them, and writes SCORES.

    Returns the figures for metrics.json; None, and no SCORES, where no model is chosen, or nothing is answered yet. Raises UserError as
    `language_model.load` does.
    """
    if chosen.model is None or not rows or "response" not in rows[0]:
        (folder.path / SCORES).unlink(missing_ok=True)  # of an earlier report, whose figures may be of other pairs
        return None
    from fanno_hf.students.language_model import load
    from fanno_hf.students.losses import ifd

    places = drawn(len(rows), chosen.model_rows, random_seed, "model")
    loaded = load(chosen.model, "report.model")
    logger.info("report: measuring %d pairs by %s", len(places), loaded.identity)
    pairs = [{name: rows[place][name] for name in ("instruction", "input", "response")} for place in places]
    found = ifd(pairs, loaded, batch_size=8)
    table = []
    for at, place in enumerate(places):
        figures = (found.ifd[at], found.conditioned[at], found.alone[at])
        measured = [None if np.isnan(figure) else round(float(figure), 6) for figure in figures]
        rows[place] |= {"ifd": measured[0], "answer_loss": measured[1]}
        values = (rows[place]["instruction_id"], *measured, int(found.tokens[at]), loaded.identity)
        table.append(dict(zip(_COLUMNS, values, strict=True)))
    _write(table, folder)
    return {
        "model": loaded.identity,
        "measured": int(np.isfinite(found.ifd).sum()),
        "too_long": found.too_long,
        "ifd": _quartiles(found.ifd),
        "answer_loss": _quartiles(found.conditioned),
    }


def _write(table: list[dict[str, Any]], folder: RunFolder) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(table, arrow_schema(_COLUMNS)), buffer)
    folder.write(Path(SCORES), buffer.getvalue())


def _quartiles(values: np.ndarray) -> dict[str, float | None]:
    known = values[np.isfinite(values)]
    points = {"q1": 0.25, "median": 0.5, "q3": 0.75}
    found = {name: round(float(np.quantile(known, at)), 4) if len(known) else None for name, at in points.items()}
    return {"mean": round(float(known.mean()), 4) if len(known) else None, **found}
