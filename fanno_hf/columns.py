"""What a row holds at each stage: the one place where columns and their types are declared.

document  {"document_id": "5a0c4f…", "text": "Mosses have no roots …", "source": "notes.txt", "num_tokens": 57, …}

A type is Arrow's name for it; `[type]` is a list, a dict a record. `steps/rows.py` makes a schema of them.
"""

from collections.abc import Mapping
from typing import Any

VERDICTS = [{"name": "string", "probability": "float32"}]

DOCUMENT = {
    "document_id": "string",
    "text": "string",
    "source": "string",
    "title": "string",
    "heading": "string",
    "num_tokens": "int32",
    "masked": "int32",
    "community": "int32",
    "verdicts": VERDICTS,
}
POSITION = {"position": "int64"}
"""A document's place in its source, from 0, while it is pre-screened: what puts the shards of a run in order."""

SKETCH = {"exact_key": "binary", "band_keys": "binary", "shingles": "int32", "signature": "binary"}
"""What passages are compared by: see `texts.near_duplicates`."""

RAW_DOCUMENT = {
    "text": "string",
    "source": "string",
    "title": "string",
    "places": [{"start": "int32", "name": "string"}],
    **POSITION,
}
"""A document as it comes in, before it is cut: a place such as "page 12" holds from its start, in characters, to the next one."""

INSTRUCTION = {
    "instruction_id": "string",
    "document_id": "string",
    "instruction": "string",
    "input": "string",
    "num_tokens": "int32",
    "task_type": "string",
    "task_type_asked": "string",
    "characteristic": "string",
    "style": "string",
    "origin": "string",
    "round": "int32",
    "counterexamples": ["string"],
    "reward": "float32",
    "pulls": "int32",
    "verdicts": VERDICTS,
    "characters_removed": "int32",
    "removed": ["string"],
    "prompt_digest": "string",
    "teacher": "string",
}
RESPONSE = {
    **INSTRUCTION,
    "source": "string",
    "passages": ["string"],
    "passage_scores": ["float32"],
    "response": "string",
    "finish_reason": "string",
    "response_tokens": "int32",
    "response_verdicts": VERDICTS,
    "response_prompt_digest": "string",
}
FILLED = (
    *("document_id", "text", "source", "instruction_id", "instruction", "input", "num_tokens", "task_type", "origin"),
    *("round", "response"),
)
"""Columns that no kept row has a null in, at any stage."""
PAIR = {
    "id": "string",
    "messages": [{"role": "string", "content": "string"}],
    "instruction": "string",
    "input": "string",
    "output": "string",
    **{
        name: RESPONSE[name]
        for name in (
            *("document_id", "source", "task_type", "characteristic", "style", "origin", "round", "counterexamples"),
            *("reward", "pulls", "passages", "passage_scores", "prompt_digest", "response_prompt_digest", "teacher"),
        )
    },
}
_SPREAD = dict.fromkeys(("mean", "q1", "median", "q3"), "float32")
WINDOW = {
    "window": "int32",
    "asked": "int32",
    "accepted": "int32",
    "pool": "int32",
    "reasons": [{"reason": "string", "count": "int32"}],
    "instruction_tokens": _SPREAD,
    "response_tokens": _SPREAD,
    "verb_noun_pairs": "int32",
    "nearest_similarity": "float32",
    "mean_similarity": "float32",
    "pulls": [{"pulls": "int32", "instructions": "int32"}],
    "least_pulled": "float32",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
}
"""The figures of one window of augment; window 0 are the seeds."""
ROUND = {"window": "int32", "responses": "int32", "response_tokens": _SPREAD}
"""The figures of the responses to one window's instructions."""
Reason = tuple[str, str]
"""Why a row leaves: a snake_case name for counting, and a few words for a person."""
OUTCOME = {"phase": "string", "reason": "string", "detail": "string"}
"""Why a row leaves, and where; nulls for one that goes on."""
REJECTION = {**OUTCOME, "completion": "string"}


def full_text(row: Mapping[str, Any]) -> str:
    """Returns instruction and input of a row as one text: what is embedded, and what the teacher is asked to answer."""
    return f"{row['instruction']}\n\n{row['input']}" if row["input"] else row["instruction"]
