"""Documents become passages, each for itself, in several processes: those that are kept, and those that rules object to.

screened(documents, context)  ->  passages with the columns of DOCUMENT and SKETCH, rejected rows by phase, then by place
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanno_hf.columns import DOCUMENT, OUTCOME, POSITION, REJECTION, SKETCH
from fanno_hf.cores import cores
from fanno_hf.steps.context import Context
from fanno_hf.steps.processes import map_tables
from fanno_hf.steps.rows import conform, map_batches
from fanno_hf.steps.screening import CUT, PASSAGE, PHASES, SCREENED, Screening, sketches

if TYPE_CHECKING:
    from datasets import Dataset

KEPT = {**PASSAGE, **SKETCH}


def screened(documents: "Dataset", context: Context, judged: bool = True) -> tuple["Dataset", "Dataset"]:
    """Screens documents (columns of RAW_DOCUMENT), each for itself, in as many processes as `processes` says.

    Args:
        judged: see `Screening`.

    Returns the passages (columns of KEPT) and the rejected rows (of DOCUMENT, POSITION and REJECTION).
    """
    from datasets import concatenate_datasets

    settings = context.settings
    screening = Screening(settings.prescreen, context.counter, judged)
    # a process that an engine has connected must not be forked
    processes = 1 if context.engine else settings.processes or cores()
    cut = map_tables(documents, screening.cut, CUT, "prescreen: passages", processes)
    # of one large document the passages are spread, too
    rows = map_tables(cut, screening.judge, SCREENED, "prescreen: rules", processes)
    phases = rows.data["phase"]
    left = [rows.select(_places(pc.equal(phases, phase))) for phase in PHASES]
    rejected = [conform(part, {**DOCUMENT, **POSITION, **REJECTION}) for part in left]
    kept = rows.select(_places(pc.is_null(phases))).remove_columns(list(OUTCOME))
    return _sketched(kept, context), concatenate_datasets(rejected)


def _places(found: pa.ChunkedArray) -> np.ndarray:
    """Returns the rows of which something is true."""
    return np.flatnonzero(pc.fill_null(found, False).to_numpy())


def _sketched(passages: "Dataset", context: Context) -> "Dataset":
    """Returns passages with the columns of SKETCH. The library that makes them uses all cores by itself, in threads that no
    forked process has."""
    near, seed = context.settings.prescreen.near_duplicates, context.random_seed
    return map_batches(passages, lambda rows: {**rows, **sketches(rows["text"], near, seed)}, KEPT)
