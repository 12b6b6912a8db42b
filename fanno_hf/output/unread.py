"""The table of files that gave no text: prescreen/unread.parquet, beside the passages of those that did.

{"file": "scan.pdf", "reason": "no_text_layer", "detail": "has no text layer: …"}
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    rows = [{"file": one.file, "reason": one.reason, "detail": _words(one)} for one in unread]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), sink)
    folder.write(FILE, sink.getvalue())


def _words(unread: Unread) -> str:
    """Returns its detail without what joins it to the name of the file."""
    return unread.detail.lstrip(" ,:")


def renew_unread(folder: RunFolder, entry: dict[str, Any], unread: Sequence[Unread]) -> bool:
    """Mends table and entry where other files give no text than when the stage was done; tells whether that is so."""
    if read_unread(folder.path) == [replace(one, detail=_words(one)) for one in unread]:
        return False
    write_unread(folder, unread)
    entry.pop("unread", None)
    entry.update(unread_counts(unread))
    return True


def unread_counts(unread: Sequence[Unread]) -> dict[str, Any]:
    """Returns what an entry of run.json says of them: how many, by reason; nothing where there are none."""
    return {"unread": dict(Counter(one.reason for one in unread).most_common())} if unread else {}


def read_unread(run: Path) -> list[Unread]:
    """Returns what the table says; nothing where there is none."""
    if not (run / FILE).is_file():
        return []
    return [Unread(**row) for row in pq.read_table(run / FILE, schema=_SCHEMA).to_pylist()]
