"""The tables of a run, read: what comes out is what run.json names, with the declared types, or one sentence.

RunTables(runs/demo, run.json).stream_rows("seed", ["instruction"])  ->  {"instruction": "Why do mosses …"}, …
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fanno_hf.errors import UserError
from fanno_hf.identity import file_sha256
from fanno_hf.output.values import columns_of
from fanno_hf.pipeline.plan import TABLES, stages_before
from fanno_hf.steps.rows import arrow_schema, conform, spill_batches

if TYPE_CHECKING:
    from datasets import Dataset

_FILE = "train-00000-of-00001.parquet"
_NAMED = {table.name: table for table in TABLES}


class RunTables:
    """The tables of a run folder.

    Args:
        manifest: its run.json.

    Attributes:
        scratch: folder for rows at work; None reads them into memory.
    """

    scratch: Path | None = None

    def __init__(self, path: Path, manifest: dict[str, Any]):
        self.path, self.manifest = path, manifest

    def read_rows(
        self, config: str, columns: Mapping[str, Any] | None = None, scratch: Path | None = None
    ) -> "Dataset":
        """Reads a config's rows into `scratch` (None: the run's own).

        Args:
            config: "default" (the final pairs), a stage, or a stage after "rejected_" or "history_".
            columns: names and types of what is read; None reads every column as it is.

        Raises:
            UserError: the file is missing, is not the one that run.json names, or has values that no run has.
        """
        with self._opened(config) as (file, schema):
            # a closed folder has no scratch: its rows are read into memory
            scratch = scratch or (self.scratch if self.scratch and self.scratch.exists() else None)
            rows = spill_batches(self._batches(config, file), schema, scratch).open()
        return conform(rows, columns) if columns else rows

    def stream_batches(self, config: str, columns: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yields the rows of a config with these columns, nulls for one that it lacks; raises as `read_rows` does."""
        schema = arrow_schema(columns)
        with self._opened(config) as (file, _):
            for batch in self._batches(config, file, [name for name in columns if name in file.schema_arrow.names]):
                arrays = [
                    batch[field.name] if field.name in batch.schema.names else pa.nulls(len(batch), field.type)
                    for field in schema
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def stream_rows(self, config: str, columns: Iterable[str], every: int = 1) -> Iterator[dict[str, Any]]:
        """Yields the rows of a config, like `read_rows` but without importing `datasets`; raises as it does.

        Args:
            columns: names of what is read; where the file lacks one, its values are None.
            every: n yields the first row and every n-th after it.
        """
        with self._opened(config) as (file, _):
            lacking = {name: None for name in columns if name not in file.schema_arrow.names}
            first = 0
            for batch in self._batches(config, file, [name for name in columns if name not in lacking]):
                with self._explained(config):
                    rows = batch.to_pylist()[-first % every :: every]
                yield from ({**row, **lacking} for row in rows)
                first += batch.num_rows

    @contextmanager
    def _opened(self, config: str) -> Iterator[tuple[pq.ParquetFile, pa.Schema]]:
        """Opens the file of a config, once it is known to be the right one; yields it and the schema of its rows."""
        with self._explained(config):
            self._check_digest(config)
            file = pq.ParquetFile(self._file(config))
        with file:
            with self._explained(config):
                schema = columns_of(config).schema(file)
            yield file, schema

    def _batches(
        self, config: str, file: pq.ParquetFile, names: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yields the rows of a file. What goes wrong where they are written to is not the fault of the table."""
        with self._explained(config):
            yield from columns_of(config).batches(file, names)

    @contextmanager
    def _explained(self, config: str) -> Iterator[None]:
        """Says in one sentence what is wrong with the file of a config, or with a value in it."""
        path = self._file(config)
        try:
            yield
        except FileNotFoundError as error:
            raise UserError(f"{path} is missing: run stage={_stage(config)} first, or stage=all") from error
        except (OSError, pa.ArrowException) as error:
            words = " ".join(str(error).split())[:200]
            raise UserError(f"{path} cannot be read ({words}): {_again(config)}") from error

    def _check_digest(self, config: str) -> None:
        if config not in _NAMED:
            return  # of a shard, which has a check of its own
        table, path, again = _NAMED[config], self._file(config), _again(config)
        entries = self.manifest["stages"]
        named = entries.get(table.stage, {}).get(table.key)
        before = [entries.get(name, {}) for name in (*stages_before(table.stage), table.stage)]
        if named is None and (stopped := next(filter(None, (entry.get("stopped") for entry in before)), None)):
            raise UserError(f"{path.parent} has no rows that are this run's. {stopped}")
        if table.stage in self.manifest.get("stale", {}):
            raise UserError(f"{path} was made from rows that are gone: run stage={table.stage} again")
        if named is None and path.exists():
            raise UserError(f"{path} is not named by {self.path / 'run.json'}, so it may be unfinished: {again}")
        if file_sha256(path) != named:
            raise UserError(
                f"{path} is not the file that {self.path / 'run.json'} names, so it is damaged or was changed: {again}"
            )

    def _file(self, config: str) -> Path:
        folder = "data" if config == "default" else re.sub("^(rejected|history)_", r"\1/", config)
        return self.path / folder / _FILE

    def has_rows(self, config: str, sha256: str | None) -> bool:
        """Whether the config's file has this digest; None: whether there is no file."""
        path = self._file(config)
        return (file_sha256(path) if path.exists() else None) == sha256


def _again(config: str) -> str:
    return f"run stage={_stage(config)} again, or put the file back"


def _stage(config: str) -> str:
    return "respond" if config == "default" else config.rpartition("_")[2]
