"""Rows while a stage works on them. With a folder for them they are on disk, so that any number fits into memory.

spill(documents, columns, run/.scratch).open()  ->  a memory-mapped Dataset; each `map` writes its result beside it

`datasets` is imported only where rows are opened, since importing it is slow and a run that is up to date opens none.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from fanno_hf.identity import digest

if TYPE_CHECKING:
    from datasets import Dataset, Features

BATCH = 1_000
"""Rows that are in memory at a time."""


@dataclass(frozen=True)
class Spilled:
    """Rows that are written but not opened yet."""

    source: Path | pa.Table  # the Arrow file, or the table where there was no folder for one
    count: int

    def open(self) -> "Dataset":
        """Returns the rows, memory-mapped where they are in a file."""
        from datasets.table import MemoryMappedTable

        return opened(
            self.source if isinstance(self.source, pa.Table) else MemoryMappedTable.from_file(str(self.source))
        )


def opened(table: Any) -> "Dataset":
    """Returns an Arrow table as a data set, under a fingerprint of its own: `datasets` would pickle the table to make one."""
    from datasets import Dataset

    return Dataset(table, fingerprint=uuid4().hex[:16])


def spill(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Any], folder: Path | None) -> Spilled:
    """Writes rows with these columns (see `fanno_hf.columns`) to a file in `folder` as they come; None: to memory."""
    schema = arrow_schema(columns)
    iterator = iter(rows)
    batches = iter(lambda: list(islice(iterator, BATCH)), [])
    return spill_batches((pa.RecordBatch.from_pylist(batch, schema) for batch in batches), schema, folder)


def spill_batches(batches: Iterator[pa.RecordBatch], schema: pa.Schema, folder: Path | None) -> Spilled:
    """Writes Arrow batches of this schema to a file in `folder`; None keeps them in memory."""
    if folder is None:
        table = pa.Table.from_batches(batches, schema)
        return Spilled(table, table.num_rows)
    count = 0
    with (
        tempfile.NamedTemporaryFile(dir=folder, suffix=".arrow", delete=False) as file,
        pa.ipc.new_stream(file, schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return Spilled(Path(file.name), count)


def arrow_schema(columns: Mapping[str, Any]) -> pa.Schema:
    """Returns columns (see `fanno_hf.columns`) as an Arrow schema."""
    return pa.schema([(name, _arrow_type(type_)) for name, type_ in columns.items()])


def _arrow_type(type_: Any) -> pa.DataType:
    if isinstance(type_, list):
        return pa.list_(_arrow_type(type_[0]))
    if isinstance(type_, dict):
        return pa.struct([(name, _arrow_type(item)) for name, item in type_.items()])
    return pa.type_for_alias(type_)


def features(columns: Mapping[str, Any]) -> "Features":
    """Returns columns (see `fanno_hf.columns`) as a schema; features of `datasets` are taken as they are."""
    from datasets import Features

    return Features({name: _feature(type_) for name, type_ in columns.items()})


def _feature(type_: Any) -> Any:
    from datasets import List, Value

    if isinstance(type_, str):
        return Value(type_)
    if isinstance(type_, list):
        return List(_feature(type_[0]))
    return {name: _feature(item) for name, item in type_.items()} if isinstance(type_, dict) else type_


def fingerprint(dataset: "Dataset", *what: Any) -> str:
    """Returns a fingerprint for the result of a map. Without one, `datasets` pickles the mapped function to make its own,
    and with it the teacher, its locks and its sockets."""
    return digest([dataset._fingerprint, *what])[:16]


def with_columns(dataset: "Dataset", values: Mapping[str, Sequence[Any]], columns: Mapping[str, Any]) -> "Dataset":
    """Returns the rows with more columns, given as one value for each row; columns of the same name are replaced."""

    def of(rows: pa.Table, start: int) -> dict[str, Sequence]:
        return {name: given[start : start + rows.num_rows] for name, given in values.items()}

    return _mapped(dataset, of, columns, keep=True)


def _mapped(
    dataset: "Dataset",
    function: Callable[[pa.Table, int], Mapping[str, Sequence]],
    columns: Mapping[str, Any],
    keep: bool,
) -> "Dataset":
    """Maps batches of rows to new columns, by `Dataset.map` over Arrow: rows as Python objects take it twice as long.

    Args:
        function: gets a batch and the place of its first row.
    """
    types = features({**(dataset.features if keep else {}), **columns})
    if not len(dataset):
        return empty(types)
    schema = types.arrow_schema

    def of(rows: pa.Table, places: list[int]) -> pa.Table:
        new = function(rows, places[0])
        return pa.table([_array(new.get(field.name), rows, field) for field in schema], schema=schema)

    if len(dataset) <= BATCH:  # as `map` does it, without the twenty milliseconds that this takes around it
        return opened(of(_rows(dataset.data, dataset._indices, 0, len(dataset)), [0]))
    mapped = dataset.with_format("arrow").map(
        of,
        with_indices=True,
        batched=True,
        batch_size=BATCH,
        remove_columns=dataset.column_names,
        features=types,
        load_from_cache_file=False,
        new_fingerprint=fingerprint(dataset, *columns),
    )
    return mapped.with_format(None)


def _array(values: Sequence | None, rows: pa.Table, field: pa.Field) -> pa.Array:
    """Returns the values of a field, of the rows themselves where none are given."""
    if values is not None:
        return pa.array(values, field.type)
    return pa.concat_arrays(rows[field.name].chunks).cast(field.type)


def batches(dataset: "Dataset", names: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
    """Yields (place of the first row, rows with these columns), BATCH rows at a time."""
    table = dataset.data.select(names)
    for start in range(0, len(dataset), BATCH):
        yield start, _rows(table, dataset._indices, start, min(BATCH, len(dataset) - start))


def _rows(table: pa.Table, indices: pa.Table | None, start: int, length: int) -> pa.Table:
    """Returns so many rows; `datasets` reads the selected ones one by one, which here are mostly neighbours."""
    if indices is None:
        return table.fast_slice(start, length)
    places = indices.fast_slice(start, length).column(0).to_numpy()
    neighbours = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
    return pa.concat_tables([table.fast_slice(int(one[0]), len(one)) for one in neighbours])


def column(dataset: "Dataset", name: str) -> Iterator[Any]:
    """Yields the values of a column, as `dataset[name]` does, which copies the schema of all columns three times for it."""
    for _, rows in batches(dataset, [name]):
        yield from rows.column(0).to_pylist()


def table_of(columns: Mapping[str, Sequence[Any]], types: Mapping[str, Any]) -> "Dataset":
    """Returns columns of values, with declared types (see `fanno_hf.columns`), as a data set in memory."""
    schema = features(types).arrow_schema
    return opened(pa.table([pa.array(columns[name], schema.field(name).type) for name in types], schema))


def empty(schema: Mapping[str, Any]) -> "Dataset":
    """Returns a data set of this schema without rows."""
    return table_of({name: [] for name in schema}, schema)


def conform(dataset: "Dataset", columns: Mapping[str, Any]) -> "Dataset":
    """Returns the rows with exactly these columns, in this order; a missing column is filled with nulls."""
    missing = [name for name in columns if name not in dataset.column_names]
    if not missing and len(dataset):
        rows = dataset if dataset.column_names == list(columns) else dataset.select_columns(list(columns))
        if rows.features == features(columns):
            return rows
    return _mapped(dataset, lambda rows, _: {name: [None] * rows.num_rows for name in missing}, columns, keep=False)
