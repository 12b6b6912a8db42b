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
        from datasets import Dataset

        return Dataset(self.source) if isinstance(self.source, pa.Table) else Dataset.from_file(str(self.source))


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


def map_rows(
    dataset: "Dataset", function: Callable, columns: Mapping[str, Any], desc: str, *, keep: bool = True, **how: Any
) -> "Dataset":
    """Maps rows to new columns, whose types are declared, so that they do not depend on the values.

    Args:
        keep: whether the old columns stay.
        how: further arguments of `Dataset.map`; without them `function` gets single rows.
    """
    schema = features({**(dataset.features if keep else {}), **columns})
    if not len(dataset):
        return empty(schema)
    return dataset.map(
        function,
        features=schema,
        remove_columns=None if keep else dataset.column_names,
        desc=desc,
        new_fingerprint=fingerprint(dataset, desc),
        **how,
    )


def map_batches(
    dataset: "Dataset", function: Callable[[dict[str, list]], dict[str, list]], columns: Mapping[str, Any], desc: str
) -> "Dataset":
    """Maps batches of rows; each batch is replaced by the rows that the function returns, however many."""
    return map_rows(dataset, function, columns, desc, keep=False, batched=True, batch_size=BATCH)


def with_columns(
    dataset: "Dataset", values: Mapping[str, Sequence[Any]], columns: Mapping[str, Any], desc: str
) -> "Dataset":
    """Returns the rows with more columns, given as one value for each row; columns of the same name are replaced."""

    def of(_: list, rows: list[int]) -> dict[str, list]:
        return {name: [given[row] for row in rows] for name, given in values.items()}

    first = dataset.column_names[:1]
    return map_rows(dataset, of, columns, desc, input_columns=first, with_indices=True, batched=True, batch_size=BATCH)


def empty(schema: Mapping[str, Any]) -> "Dataset":
    """Returns a data set of this schema without rows."""
    from datasets import Dataset

    return Dataset.from_dict({name: [] for name in schema}, features=features(schema))


def conform(dataset: "Dataset", columns: Mapping[str, Any]) -> "Dataset":
    """Returns the rows with exactly these columns, in this order; a missing column is filled with nulls."""
    missing = {name: type_ for name, type_ in columns.items() if name not in dataset.column_names}
    if missing and len(dataset):
        dataset = with_columns(dataset, dict.fromkeys(missing, [None] * len(dataset)), missing, "conform")
    if not len(dataset):
        return empty(columns)
    dataset, schema = dataset.select_columns(list(columns)), features(columns)
    return dataset if dataset.features == schema else dataset.cast(schema)
