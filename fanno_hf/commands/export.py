"""The final data set, and other shapes of it.

response row  ->  {"id": …, "messages": [{"role": "user", …}, {"role": "assistant", …}], "instruction": …, "output": …, …}
exported      ->  {"prompt": "How do mosses drink?", "completion": "Through their leaves …"}
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset

from fanno_hf.columns import PAIR
from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.identity import content_id
from fanno_hf.instructing.ask import asked_text
from fanno_hf.output.folder import RunFolder, run_folder
from fanno_hf.steps.rows import features


def export(config: Mapping[str, Any]) -> str:
    """`stage=export`: writes the final pairs as JSON lines and says where.

    Raises:
        UserError: there are none, or the format is unknown.
    """
    format_ = config["export"]["format"]
    folder = RunFolder(run_folder(config["run"]))
    try:
        name = Path("export", f"{format_}.jsonl")
        folder.write(name, to_json_lines(folder.read_rows("default", PAIR), format_))
        return f"wrote {folder.path / name}"
    finally:
        folder.close()


def pairs(responses: Dataset) -> Dataset:
    """Returns the final data set (columns of PAIR) from the rows of the respond stage."""
    table: dict[str, list] = {name: [] for name in PAIR}
    for row in responses:
        pair = {**row, "output": row["response"], "id": content_id(row["instruction"], row["input"], row["response"])}
        pair["messages"] = _messages(pair)
        for name, values in table.items():
            values.append(pair[name])
    return Dataset.from_dict(table, features=features(PAIR))


def _messages(pair: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked_text(pair)}, {"role": "assistant", "content": pair["output"]}]


FORMATS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "messages": lambda pair: {"messages": _messages(pair)},
    "alpaca": lambda pair: {name: pair[name] for name in ("instruction", "input", "output")},
    "prompt_completion": lambda pair: {"prompt": asked_text(pair), "completion": pair["output"]},
    "sharegpt": lambda pair: {
        "conversations": [
            {"from": "human", "value": asked_text(pair)},
            {"from": "gpt", "value": pair["output"]},
        ]
    },
}


def to_json_lines(rows: Dataset, format_: str) -> bytes:
    """Returns the pairs as JSON lines in one of FORMATS.

    Raises:
        UserError: there is no such format.
    """
    if format_ not in FORMATS:
        raise UserError(
            f"export.format={format_} is unknown{did_you_mean(format_, FORMATS) or '.'} Known: {', '.join(FORMATS)}"
        )
    shape = FORMATS[format_]
    lines = [json.dumps({"id": row["id"], **shape(row)}, ensure_ascii=False) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")
