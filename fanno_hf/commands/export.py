"""`stage=export`: the final pairs as JSON lines, in the shape that a trainer reads.

prompt_completion  ->  {"id": "66f2…", "prompt": "How do mosses drink?", "completion": "Through their leaves …"}
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from fanno_hf.columns import PAIR, full_text
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.pairs import messages
from fanno_hf.output.place import run_folder
from fanno_hf.settings import Settings


def export(settings: Settings) -> str:
    """Writes the final pairs as JSON lines and says where; raises UserError where there are none."""
    format_ = settings.export.format
    with closing(RunFolder(run_folder(settings.run))) as folder:
        name = Path("export", f"{format_}.jsonl")
        folder.write(name, to_json_lines(folder.stream_rows("default", PAIR), format_))
        return f"wrote {folder.path / name}"


FORMATS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "messages": lambda pair: {"messages": messages(pair)},
    "alpaca": lambda pair: {name: pair[name] for name in ("instruction", "input", "output")},
    "prompt_completion": lambda pair: {"prompt": full_text(pair), "completion": pair["output"]},
    "sharegpt": lambda pair: {
        "conversations": [{"from": "human", "value": full_text(pair)}, {"from": "gpt", "value": pair["output"]}]
    },
}


def to_json_lines(rows: Iterable[Mapping[str, Any]], format_: str) -> bytes:
    """Returns the pairs as JSON lines in one of FORMATS."""
    lines = [json.dumps({"id": row["id"], **FORMATS[format_](row)}, ensure_ascii=False) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")
