"""The run folder: a data set repository on disk, in which a file has its final name only when it is complete.

    runs/demo/  seed/train-00000-of-00001.parquet   rejected/seed/…   data/…   run.json   journal.sqlite   README.md
                embeddings/   .scratch/ (while a process works on it)

`load_dataset("runs/demo", "seed")` reads it, here and (pushed as it is) on the Hub.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from fanno_hf.checksum import seal
from fanno_hf.errors import FannoError, UserError
from fanno_hf.identity import file_sha256
from fanno_hf.output.manifest import FORMAT, fault_in, read_manifest
from fanno_hf.output.place import disk_error
from fanno_hf.output.tables import RunTables
from fanno_hf.whole_files import whole_file

if TYPE_CHECKING:
    from datasets import Dataset

_ROW_GROUP = 10_000


class RunFolder(RunTables):
    """Reads and writes one run; a folder that is missing is created.

    Raises UserError where the folder cannot be written, is in use, or was made by another version.
    """

    def __init__(self, path: str | Path):
        super().__init__(Path(path).expanduser(), {})
        self.scratch = self.path / ".scratch"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path / ".lock", timeout=0)
            self._lock.acquire()
        except Timeout as error:
            raise UserError(f"{self.path} is in use by another process: wait for it, or give another run=") from error
        except OSError as error:
            raise disk_error(self.path, error) from error
        try:
            self._clear_scratch()  # what a killed process left
            self.scratch.mkdir(exist_ok=True)
            self.manifest = read_run_json(self.path)
        except OSError as error:
            self.close()
            raise disk_error(self.scratch, error) from error
        except FannoError:
            self.close()
            raise

    def close(self) -> None:
        """Deletes the rows at work and releases the lock."""
        self._clear_scratch()
        self._lock.release()

    def _clear_scratch(self) -> None:
        if self.scratch.is_symlink():  # which rmtree leaves as it is: the rows at work would lie where it leads
            self.scratch.unlink()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def write_manifest(self) -> None:
        """Writes run.json, each entry with its checksum.

        Raises FannoError where nothing could read it again: the one that is there stays, and with it the run.
        """
        seal(self.manifest)
        content = (json.dumps(self.manifest, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        if fault := fault_in(content):
            raise FannoError(
                f"{self.path / 'run.json'} is left as it was, for nothing could read the new one ({fault}): correct the "
                "setting that this comes from, or report it"
            )
        self.write(Path("run.json"), content)

    def write(self, name: Path, content: bytes) -> None:
        """Writes a file beside its final name, flushes it to the disk and renames it."""
        with self._beside(self.path / name) as file:
            file.write(content)

    @contextmanager
    def _beside(self, path: Path) -> Iterator[BinaryIO]:
        """Opens a file for writing; it gets its final name only when it is complete and on the disk."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as file:
                yield file
        except OSError as error:
            raise disk_error(path, error) from error

    def write_rows(self, config: str, rows: "Dataset | None") -> str | None:
        """Writes a config's rows as parquet and returns the file's sha256; equal rows give equal bytes.

        `rejected_seed` goes to rejected/seed, `history_augment` to history/augment. A config without rows has no file,
        since `load_dataset` cannot read an empty one.
        """
        path = self._file(config)
        if rows is None or not len(rows):
            path.unlink(missing_ok=True)
            return None
        with self._beside(path) as file:
            _write_parquet(rows, file)
        return file_sha256(path)


def _write_parquet(rows: "Dataset", file: BinaryIO) -> None:
    """Writes parquet as `Dataset.to_parquet` does, but without the fingerprint, which differs between equal rows; one
    group of rows is in memory at a time."""
    from datasets import Features

    schema = Features(rows.features).arrow_schema.with_metadata(
        {"huggingface": json.dumps({"info": {"features": Features(rows.features).to_dict()}})}
    )
    with pq.ParquetWriter(file, schema, use_content_defined_chunking=True, write_page_index=True) as writer:
        for table in rows.with_format("arrow").iter(_ROW_GROUP):
            # where a page ends depends on the pieces that a table is in, too
            writer.write_table(table.combine_chunks().replace_schema_metadata(schema.metadata))


def read_run_json(folder: Path) -> dict[str, Any]:
    """Returns the run.json of a folder, or that of a run which has done nothing yet; raises UserError where it is damaged,
    was changed, or is that of another version."""
    path = folder / "run.json"
    if not path.exists():
        return {"format": FORMAT, "stages": {}}
    manifest, fault = read_manifest(path, path, ", or give another run=")
    if not manifest:
        raise UserError(f"{path} is not a run of fanno_hf: move it away or give another run= ({fault})")
    if fault:
        raise UserError(f"{path} has been changed since fanno_hf wrote it ({fault}): restore it, or give another run=")
    return manifest
