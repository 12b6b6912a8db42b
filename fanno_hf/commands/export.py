"""`stage=export`: the final pairs as JSON lines, in the shape that a trainer reads.

prompt_completion  ->  {"id": "66f2…", "prompt": "How do mosses drink?", "completion": "Through their leaves …"}
"""

import json
from collections.abc import Callable, Mapping
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
    shaped, name = FORMATS[settings.export.format], Path("export", f"{settings.export.format}.jsonl")
    with closing(RunFolder(run_folder(settings.run))) as folder:
        rows = folder.stream_rows("default", PAIR)
        lines = [json.dumps({"id": row["id"], **shaped(row)}, ensure_ascii=False) for row in rows]
        folder.write(name, ("\n".join(lines) + "\n").encode("utf-8", "replace"))
        return f"wrote {folder.path / name}"


FORMATS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "messages": lambda pair: {"messages": messages(pair)},
    "alpaca": lambda pair: {name: pair[name] for name in ("instruction", "input", "output")},
    "prompt_completion": lambda pair: {"prompt": full_text(pair), "completion": pair["output"]},
    "sharegpt": lambda pair: {
        "conversations": [{"from": "human", "value": full_text(pair)}, {"from": "gpt", "value": pair["output"]}]
    },
}
