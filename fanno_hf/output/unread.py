"""The table of files that gave no text: prescreen/unread.parquet, beside the passages of those that did.

{"file": "scan.pdf", "reason": "no_text_layer", "detail": "has no text layer: …"}
"""

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fanno_hf.output.folder import RunFolder
from fanno_hf.sources.document import Unread

FILE = Path("prescreen", "unread.parquet")
_SCHEMA = pa.schema([(name, pa.string()) for name in ("file", "reason", "detail")])


def write_unread(folder: RunFolder, unread: Sequence[Unread]) -> None:
    """Writes the table; where every file gave text there is none, nor an older one."""
    if not unread:
        (folder.path / FILE).unlink(missing_ok=True)
        return
    rows = [{"file": one.file, "reason": one.reason, "detail": one.detail.lstrip(" ,:")} for one in unread]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), sink)
    folder.write(FILE, sink.getvalue())


def read_unread(run: Path) -> list[Unread]:
    """Returns what the table says; nothing where there is none."""
    if not (run / FILE).is_file():
        return []
    return [Unread(**row) for row in pq.read_table(run / FILE, schema=_SCHEMA).to_pylist()]
