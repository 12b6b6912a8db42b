"""Parquet files."""

import io
from collections.abc import Iterator
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.run_files import check_table

_BATCH, _BATCH_BYTES = 1_000, 16 << 20


def read_parquet(file: Opened, options: Options) -> Iterator[Row]:
    """Yields each row as an object of its columns, with its number; a table of a run must be the one that its run.json names.

    Bytes, as of pictures, are no text, and left out unless `options` name their column.
    """
    if file.path is not None:
        check_table(file.path)
    try:
        with pq.ParquetFile(file.plain_path or io.BytesIO(file.content())) as table:
            columns = options.columns or [leaf.path for leaf in table.schema if not _is_bytes(leaf)]
            if not columns:
                raise Unreadable("no_text", " has columns of bytes alone, and bytes are no text")
            rows = chain.from_iterable(map(_values, table.iter_batches(_batch(table), columns=columns)))
            for number, row in enumerate(rows, start=1):
                yield Row(row, str(number))
    # the last five are what Python makes of values that no date or time has, and of a damaged head
    except (pa.ArrowException, ValueError, OverflowError, LookupError, TypeError, SystemError) as error:
        raise Unreadable(
            "damaged", f" is not a readable parquet file: {' '.join(str(error).split())[:300]}"
        ) from error


def _is_bytes(leaf: pq.ColumnSchema) -> bool:
    return leaf.physical_type.endswith("BYTE_ARRAY") and leaf.logical_type.type == "NONE"


def _batch(table: pq.ParquetFile) -> int:
    """Returns how many rows are in memory at a time."""
    metadata = table.metadata
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    return max(1, min(_BATCH, _BATCH_BYTES * metadata.num_rows // max(size, 1)))


def _values(batch: pa.RecordBatch) -> list[dict]:
    batch.validate(full=True)  # else a damaged place of a text is read as if it were one
    return batch.to_pylist()
