"""Documents become passages, each for itself, in several processes: those that are kept, and those that rules object to.

screened(documents, context)  ->  passages with the columns of DOCUMENT and SKETCH, rejected rows by phase, then by place
"""

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from fanno_hf.columns import DOCUMENT, POSITION, REJECTION, SKETCH
from fanno_hf.cores import process_count
from fanno_hf.steps.context import Context
from fanno_hf.steps.processes import map_tables
from fanno_hf.steps.rows import column, conform, with_columns
from fanno_hf.steps.screening import PASSAGE, PHASES, SCREENED, Screening
from fanno_hf.texts.places import name_passages

if TYPE_CHECKING:
    from datasets import Dataset

KEPT = {**PASSAGE, **SKETCH}
_REJECTED = {**DOCUMENT, **POSITION, **REJECTION}


def screened(documents: "Dataset", context: Context, judged: bool = True) -> tuple["Dataset", "Dataset"]:
    """Screens documents (columns of RAW_DOCUMENT), each for itself, in as many processes as `processes` says.

    Args:
        judged: see `Screening`.

    Returns the passages (columns of KEPT) and the rejected rows (of DOCUMENT, POSITION and REJECTION).
    """
    settings = context.settings
    contamination = context.contamination if context.benchmarks and judged else None
    if contamination:
        contamination("")  # reads the benchmarks, before there are several processes
    screening = Screening(
        settings.prescreen, context.counter, context.random_seed, judged=judged, contamination=contamination
    )
    # a process that an engine has connected must not be forked
    processes = 1 if context.engine else process_count(settings.processes)
    rows = map_tables(documents, screening.screen, SCREENED, "prescreen: documents", processes)
    starts = np.array(list(column(rows, "start")), dtype=float)
    if not np.isnan(starts).all():
        rows = _with_sections_cut(rows, np.flatnonzero(~np.isnan(starts)), screening, processes)
    phases = np.array(list(column(rows, "phase")), dtype=object)
    rejected = np.concatenate([np.flatnonzero(phases == phase) for phase in PHASES])
    kept = rows.select(np.flatnonzero(phases == None)).select_columns(list(KEPT))  # noqa: E711
    return kept, conform(rows.select(rejected), _REJECTED)


def _with_sections_cut(rows: "Dataset", sections: np.ndarray, screening: Screening, processes: int) -> "Dataset":
    """Returns the rows with passages in the place of sections, which are spread over the processes."""
    from datasets import concatenate_datasets

    mine = rows.select(sections)
    about = {name: list(column(mine, name)) for name in ("position", "source", "places")}
    documents = {position: rest for position, *rest in zip(*about.values(), strict=True)}
    cut = map_tables(mine, screening.screen_sections, SCREENED, "prescreen: sections of large documents", processes)
    starts: dict[int, list[int]] = defaultdict(list)
    for position, start in zip(column(cut, "position"), column(cut, "start"), strict=True):
        starts[position].append(start)
    names: list[str] = []
    for position, found in starts.items():  # the passages of a document follow one another
        source, places = documents[position]
        names += name_passages(source, found, places)
    cut = with_columns(cut, {"source": names}, {"source": SCREENED["source"]})
    others = rows.select(np.setdiff1d(np.arange(len(rows)), sections))
    both = concatenate_datasets([others, cut])
    order = np.argsort(np.fromiter(column(both, "position"), dtype=np.int64), kind="stable")
    return both.select(order)
