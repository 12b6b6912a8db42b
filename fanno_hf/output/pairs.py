"""The final data set: a conversation of two turns for each response, with its lineage.

respond row  ->  {"id": …, "messages": [{"role": "user", …}, {"role": "assistant", …}], "instruction": …, "output": …, …}
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fanno_hf.columns import PAIR, full_text
from fanno_hf.identity import content_id
from fanno_hf.steps.rows import table_of

if TYPE_CHECKING:
    from datasets import Dataset


def pairs(responses: "Dataset") -> "Dataset":
    """Returns the final data set (columns of PAIR) from the rows of the respond stage."""
    table: dict[str, list] = {name: [] for name in PAIR}
    for row in responses:
        pair = {**row, "output": row["response"], "id": content_id(row["instruction"], row["input"], row["response"])}
        pair["messages"] = messages(pair)
        for name, values in table.items():
            values.append(pair[name])
    return table_of(table, PAIR)


def messages(pair: Mapping[str, Any]) -> list[dict[str, str]]:
    """Returns a pair as two turns, user and assistant."""
    return [{"role": "user", "content": full_text(pair)}, {"role": "assistant", "content": pair["output"]}]
