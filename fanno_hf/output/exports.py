"""The final pairs as JSON lines, in the shapes that trainers read: `export/<format>.jsonl` in the run folder.

prompt_completion  ->  {"id": "66f2…", "prompt": "How do mosses drink?", "completion": "Through their leaves …"}
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fanno_hf.columns import PAIR, full_text
from fanno_hf.identity import file_sha256
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.pairs import messages

FORMATS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "messages": lambda pair: {"messages": messages(pair)},
    "alpaca": lambda pair: {name: pair[name] for name in ("instruction", "input", "output")},
    "prompt_completion": lambda pair: {"prompt": full_text(pair), "completion": pair["output"]},
    "sharegpt": lambda pair: {
        "conversations": [{"from": "human", "value": full_text(pair)}, {"from": "gpt", "value": pair["output"]}]
    },
}


def write_export(folder: RunFolder, format_: str) -> Path:
    """Writes the pairs in one format, notes its digest in the manifest, which the caller writes, and returns the file.

    Raises UserError where the run has no pairs.
    """
    rows = folder.stream_rows("default", PAIR)
    lines = [json.dumps({"id": row["id"], **FORMATS[format_](row)}, ensure_ascii=False) for row in rows]
    path = _file(folder, format_)
    folder.write(path.relative_to(folder.path), ("\n".join(lines) + "\n").encode("utf-8", "replace"))
    folder.manifest["stages"]["respond"].setdefault("exports", {})[format_] = file_sha256(path)
    return path


def renew_exports(folder: RunFolder) -> None:
    """Makes the exports of earlier pairs anew from those that the manifest names; where it names none, they go."""
    for format_ in FORMATS:
        path = _file(folder, format_)
        if not path.exists():
            continue
        if folder.manifest["stages"]["respond"]["pairs"]:
            write_export(folder, format_)
        else:
            path.unlink()


def _file(folder: RunFolder, format_: str) -> Path:
    return folder.path / "export" / f"{format_}.jsonl"
