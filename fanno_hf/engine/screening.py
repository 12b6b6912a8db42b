"""Pre-screening on Ray: contiguous parts of the documents, each a task, and the run folder keeps what each gave.

    runs/demo/parts/0-of-40/   passages/…  rejected/passages/…   of documents 0 to 999, and run.json, written last

The driver reads the documents once, hands each part to a task, and writes what comes back, in whatever order it comes. A part that is
written is not done again, whoever is killed. Ray repeats tasks whose process or node is lost.
"""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.engine import work
from fanno_hf.engine.cluster import Cluster, in_tasks
from fanno_hf.identity import digest
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.shards import gathered, is_complete, write_shard
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.progress import Progress
from fanno_hf.steps.rows import opened

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

logger = logging.getLogger(__name__)

PARTS = "parts"


@dataclass(frozen=True)
class _Part:
    """Some documents that follow one another."""

    folder: RunFolder  # closed
    start: int
    stop: int

    def __str__(self) -> str:
        return f"documents {self.start:,} to {self.stop - 1:,}"


def screen_on_ray(
    documents: "Dataset", marker: Mapping[str, Any], run: Path, context: Context, cluster: Cluster
) -> StageOutput:
    """Returns what `screen_alone` returns for all documents.

    Args:
        documents: columns of RAW_DOCUMENT.
        marker: tells for which settings and documents a part was made.

    Raises:
        FannoError: a task's process was lost each time. UserError: the first that a task raises.
    """
    rows = cluster.settings.rows
    starts = range(0, len(documents), rows)
    folder = Path(run, PARTS)
    parts = [
        _Part(_closed(folder / f"{number}-of-{len(starts)}"), start, min(start + rows, len(documents)))
        for number, start in enumerate(starts)
    ]
    marker = {**marker, "rows": rows}
    missing = [part for part in parts if context.settings.force or not is_complete(part.folder, marker)]
    if missing and len(missing) < len(parts):
        logger.info("prescreen: %d of %d parts are done", len(parts) - len(missing), len(parts))
    if missing:
        _ = cluster.ray  # before the clock of the progress
    with Progress("prescreen: rules", len(documents), context.teacher) as progress:
        progress.advance(len(documents) - sum(part.stop - part.start for part in missing), 0)
        for part, alone in _screened(missing, documents, context, cluster) if missing else ():
            write_shard(part.folder, marker, alone)
            progress.advance(part.stop - part.start, len(alone.kept))
    return gathered([part.folder for part in parts], context.scratch)


def forget_parts(run: Path) -> None:
    """Deletes what was kept for a run that is killed: its pre-screening is written, by whichever engine."""
    shutil.rmtree(run / PARTS, ignore_errors=True)


def _closed(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.close()
    return folder


def _screened(
    parts: Sequence[_Part], documents: "Dataset", context: Context, cluster: Cluster
) -> Iterator[tuple[_Part, StageOutput]]:
    """Yields what each part gave, as it comes."""
    given = (json.dumps(context.settings.resolved, sort_keys=True), context.benchmarks)
    name = digest([given[0], context.benchmarks.digest if context.benchmarks else None])
    shared = [cluster.ray.put(given)]  # in a list: read once a process, not once a task
    calls = ((part, (name, shared, _table(documents, part))) for part in parts)
    advice = (
        ": give it more memory or fewer documents (engine.rows), then run the same command again; what is done is kept"
    )
    done = in_tasks(cluster, work.screen_documents, calls, lambda part: f"the process with {part}", advice)
    for part, (kept, rejected) in done:
        yield part, StageOutput(opened(kept), opened(rejected))


def _table(documents: "Dataset", part: _Part) -> "pa.Table":
    return documents.with_format("arrow")[part.start : part.stop]
