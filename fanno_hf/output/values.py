"""What the values of a table may be: the types of `fanno_hf.columns`, and no null where no run has one.

seed.instruction null  ->  "seed has a row without instruction"

A digest tells that a file is the one that was written; these checks tell that what somebody else wrote is a run's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fanno_hf.columns import FILLED, PAIR, REJECTION, ROUND, WINDOW
from fanno_hf.pipeline.plan import STAGES
from fanno_hf.steps.rows import BATCH, arrow_schema

_FILLED_PAIR = ("id", "messages", "instruction", "output", "document_id")
_HISTORY = {"augment": WINDOW, "respond": ROUND}


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are declared; others may stand beside them and are read as they are."""

    config: str
    types: Mapping[str, pa.DataType]
    filled: Sequence[str] = ()  # those without nulls

    def schema(self, file: pq.ParquetFile) -> pa.Schema:
        """Returns the columns of a file with the declared types, without what a writer noted about them; a declared one that
        it lacks is the last, and null."""
        types = {field.name: field.type for field in file.schema_arrow}
        return pa.schema(
            list(({name: self.types.get(name, type_) for name, type_ in types.items()} | self.types).items())
        )

    def batches(self, file: pq.ParquetFile, names: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yields the rows of a file, with the columns `names` (None: all) and the declared types.

        Raises ArrowInvalid, in words: a column that is never empty is missing or has a null, a value has another type,
        or a text is no UTF-8.
        """
        for name in self.filled:
            if name not in file.schema_arrow.names:
                raise pa.ArrowInvalid(f"{self.config} has no column {name}")
        schema = self.schema(file)
        for batch in file.iter_batches(BATCH, columns=names):
            batch.validate(full=True)
            for name in self.filled:
                if name in batch.schema.names and batch.column(name).null_count:
                    raise pa.ArrowInvalid(f"{self.config} has a row without {name}")
            wanted = schema if names is None else pa.schema([schema.field(name) for name in names])
            yield pa.RecordBatch.from_arrays([self._as_declared(batch, field) for field in wanted], schema=wanted)

    def _as_declared(self, batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
        if field.name not in batch.schema.names:
            return pa.nulls(len(batch), field.type)
        array = batch.column(field.name)
        if field.name not in self.types:
            return array
        if array.type != field.type:
            array = array.cast(field.type)
        if fault := _fault(array):
            raise pa.ArrowInvalid(f"{self.config}.{field.name} has {fault}")
        return array


def columns_of(config: str) -> Columns:
    """Returns what is declared of the table that a config names; nothing of the parts of a shard."""
    before, _, stage = config.rpartition("_")
    if config == "default":
        return Columns(config, _types(PAIR), _FILLED_PAIR)
    if stage not in STAGES:
        return Columns(config, {})
    if before == "history":
        return Columns(config, _types(_HISTORY.get(stage, {})), ("window",))
    columns = STAGES[stage].columns
    if before == "rejected":
        return Columns(config, _types({**columns, **REJECTION}), ("phase", "reason"))
    return Columns(config, _types(columns), [name for name in FILLED if name in columns])


def _types(columns: Mapping[str, Any]) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in arrow_schema(columns)}


def _fault(array: pa.Array) -> str | None:
    """Returns what no run has in a column: a null within a list or record, a number that is none."""
    if pa.types.is_floating(array.type):
        return None if pc.all(pc.is_finite(array)).as_py() in (True, None) else "a number that is none"
    if pa.types.is_list(array.type):
        items = array.flatten()
        return "a null within a list" if items.null_count else _fault(items)
    if pa.types.is_struct(array.type):
        whole = array.drop_null()  # a record as a whole may be null, and the numbers in it
        for field, part in zip(array.type, whole.flatten(), strict=True):
            if part.null_count and not pa.types.is_floating(field.type):
                return f"a null for {field.name}"
            if fault := _fault(part):
                return fault
    return None
