"""Pre-screening in parts: `shard=i/n` on as many machines as there are, then the same command without it.

    runs/demo/shards/0-of-2/  passages/…  rejected/passages/…   passages of documents 0, 2, 4, …, kept and rejected
                              journal.sqlite, embeddings/       verdicts and vectors that the merge need not pay for
                              run.json                          written last: the shard is complete

A shard does the work that needs one document at a time. It also asks for the verdicts and embeds the texts of what it would
keep on its own. The merge orders the passages of all shards, takes over their verdicts and vectors, and goes on as if it had
read the documents itself: its rows are those of a run without shards.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fanno_hf.columns import DOCUMENT, POSITION, REJECTION, SKETCH
from fanno_hf.errors import UserError
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.unread import read_unread
from fanno_hf.pipeline.services import Shard
from fanno_hf.settings import Settings
from fanno_hf.sources.document import Unread
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.rows import arrow_schema, conform, spill_batches

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

_COLUMNS = {**DOCUMENT, **POSITION}


def asked_shard(settings: Settings) -> Shard | None:
    """Returns the shard that `shard=` asks for. Raises UserError where there can be none."""
    shard, given = parse_shard(settings.shard), f"shard={settings.shard}"
    if shard and settings.stage != "prescreen":
        raise UserError(f"{given} is for stage=prescreen alone, not for stage={settings.stage}")
    if shard and settings.engine.name != "local":
        raise UserError(
            f"{given} shares the work by hand, and engine={settings.engine.name} does it all: leave one out"
        )
    return shard


def parse_shard(given: str | None) -> Shard | None:
    """Reads `shard=`: "0/4" is the first of four. Raises UserError for any other form."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", str(given))
    if not match or not int(match[1]) < int(match[2]):
        raise UserError(f"shard={given}: write i/n with i from 0 to n - 1, as in shard=0/4 for the first of four")
    return int(match[1]), int(match[2])


def shard_folder(run: Path, shard: Shard) -> Path:
    """Returns the folder of one shard of a run."""
    return Path(run, "shards", f"{shard[0]}-of-{shard[1]}")


def screen(documents: "Dataset", source: str, fingerprint: str, context: Context) -> StageOutput:
    """Does `screen_alone` for all documents, here or where the engine does it."""
    if context.engine:
        return context.engine.screen(documents, {"fingerprint": fingerprint, "source": source}, context)
    from fanno_hf.stages.prescreen import screen_alone

    return screen_alone(documents, context)


def do_shard(documents: "Dataset", source: str, fingerprint: str, context: Context, folder: RunFolder) -> None:
    """Does one shard, unless it is complete; `source` is the sha256 of all documents, those of other shards too."""
    marker = {"fingerprint": fingerprint, "source": source}
    if is_complete(folder, marker) and not context.settings.force:
        logger.info("%s: up to date (%d documents)", folder.path, len(documents))
        return
    from fanno_hf.stages.prescreen import ask_ahead, screen_alone

    alone = screen_alone(documents, context)
    ask_ahead(alone.kept, context)
    write_shard(folder, marker, alone)
    logger.info("%s: complete, %d passages of %d documents", folder.path, len(alone.kept), len(documents))


def write_shard(folder: RunFolder, marker: Mapping[str, Any], alone: StageOutput) -> None:
    """Writes what `screen_alone` gave for some documents, and last the marker that tells for which."""
    folder.manifest["shard"] = {
        **marker,
        "passages": folder.write_rows("passages", alone.kept),
        "rejected": folder.write_rows("rejected_passages", alone.rejected),
    }
    folder.write_manifest()


def is_complete(folder: RunFolder, marker: Mapping[str, Any]) -> bool:
    """Whether a shard's entry has the values of `marker` and its files are intact."""
    entry = folder.manifest.get("shard")
    return (
        entry is not None
        and all(entry.get(key) == value for key, value in marker.items())
        and folder.has_rows("passages", entry["passages"])
        and folder.has_rows("rejected_passages", entry["rejected"])
    )


def gathered(folders: Sequence[RunFolder], scratch: Path | None) -> StageOutput:
    """Returns what `screen_alone` would return for the documents of all shards, in the order of the documents."""
    from fanno_hf.steps.screening import PHASES

    kept = _joined(folders, "passages", {**_COLUMNS, **SKETCH}, scratch)
    rejected = _joined(folders, "rejected_passages", {**_COLUMNS, **REJECTION}, scratch)
    # the order of a run without shards: by the phase they left in, then by place
    phases = np.asarray([PHASES.index(phase) for phase in rejected["phase"]], dtype=np.int64)
    return StageOutput(
        kept.select(np.argsort(_positions(kept), kind="stable")),
        rejected.select(np.lexsort((_positions(rejected), phases))),
    )


def _joined(folders: Sequence[RunFolder], name: str, columns: Mapping[str, Any], scratch: Path | None) -> "Dataset":
    key = "passages" if name == "passages" else "rejected"
    filled = [folder for folder in folders if folder.manifest["shard"][key]]
    batches = chain.from_iterable(folder.stream_batches(name, columns) for folder in filled)
    # one file however many shards: each file would stay open
    return conform(spill_batches(batches, arrow_schema(columns), scratch).open(), columns)


class Shards:
    """The shards of a run, all of them complete; `source` is the sha256 of all documents.

    Raises UserError where one is missing, incomplete, in use, damaged, or made with other settings (`fingerprint`) or
    documents.
    """

    def __init__(self, run: Path, fingerprint: str):
        self._folders: list[RunFolder] = []
        for path in _find(run):
            folder = RunFolder(path)
            folder.close()
            _check(folder, fingerprint)
            self._folders.append(folder)
        self.source = self._folders[0].manifest["shard"]["source"]
        for folder in self._folders:
            if folder.manifest["shard"]["source"] != self.source:
                raise UserError(
                    f"{folder.path} was made from other documents than {self._folders[0].path}: all must read the "
                    "same ones in the same order (data.*). Repeat the shards that did not, or delete the folder shards"
                )

    def __str__(self) -> str:
        return f"{self._folders[0].path.parent} ({len(self._folders)} parts)"

    @staticmethod
    def exist(run: Path) -> bool:
        """Whether the run has any shard."""
        return any(Path(run, "shards").glob("*-of-*"))

    def unread(self) -> list[Unread]:
        """Returns the files that gave no text, which each shard has met."""
        return read_unread(self._folders[0].path)

    def gather(self, context: Context) -> StageOutput:
        """Takes over verdicts and vectors; returns what `screen_alone` would return for all documents."""
        for folder in self._folders:
            context.teacher.absorb(folder.path / "journal.sqlite")
            context.embedder.absorb(folder.path / "embeddings")
        return gathered(self._folders, context.scratch)


def _check(folder: RunFolder, fingerprint: str) -> None:
    """Raises UserError unless the shard is complete and was made with these settings."""
    again = (
        f"run it again, with shard={folder.path.name.replace('-of-', '/')}, or delete the folder {folder.path.parent}"
    )
    entry = folder.manifest.get("shard")
    if not entry:
        raise UserError(f"{folder.path} is not complete: {again}")
    if entry["fingerprint"] != fingerprint:
        raise UserError(f"{folder.path} was made with other settings than these: {again}")
    if not is_complete(folder, {}):
        raise UserError(f"{folder.path} is damaged: {again}")


def _find(run: Path) -> list[Path]:
    names = [re.fullmatch(r"(\d+)-of-(\d+)", path.name) for path in Path(run, "shards").glob("*-of-*")]
    shards = sorted((int(match[1]), int(match[2])) for match in names if match)
    count = shards[0][1]
    if any(shard[1] != count for shard in shards):
        raise UserError(
            f"{Path(run, 'shards')} has shards of different counts: delete those that do not belong together"
        )
    missing = sorted(set(range(count)) - {index for index, _ in shards})
    if missing:
        raise UserError(
            f"{Path(run, 'shards')} lacks shard {', '.join(map(str, missing))} of {count}: run it, with "
            f"shard={missing[0]}/{count}, or delete the folder to do without shards"
        )
    return [shard_folder(run, shard) for shard in shards]


def _positions(rows: "Dataset") -> np.ndarray:
    return np.asarray(rows["position"], dtype=np.int64)
