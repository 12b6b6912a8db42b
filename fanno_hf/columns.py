"""What a row holds at each stage: the one place where columns and their types are declared.

document  {"document_id": "5a0c4f…", "text": "Mosses have no roots …", "source": "notes.txt", "num_tokens": 57, …}
"""

from collections.abc import Mapping
from typing import Any

from datasets import Features, List, Value

VERDICTS = List({"name": Value("string"), "probability": Value("float32")})

DOCUMENT = {
    "document_id": Value("string"),
    "text": Value("string"),
    "source": Value("string"),
    "num_tokens": Value("int32"),
    "community": Value("int32"),
    "verdicts": VERDICTS,
}
POSITION = {"position": Value("int64")}
"""A document's place in its source, from 0, while it is pre-screened: what puts the shards of a run in order."""

INSTRUCTION = {
    "instruction_id": Value("string"),
    "document_id": Value("string"),
    "instruction": Value("string"),
    "input": Value("string"),
    "num_tokens": Value("int32"),
    "task_type": Value("string"),
    "characteristic": Value("string"),
    "style": Value("string"),
    "origin": Value("string"),
    "round": Value("int32"),
    "counterexamples": List(Value("string")),
    "reward": Value("float32"),
    "pulls": Value("int32"),
    "verdicts": VERDICTS,
    "prompt_digest": Value("string"),
    "teacher": Value("string"),
}
RESPONSE = {
    **INSTRUCTION,
    "source": Value("string"),
    "passages": List(Value("string")),
    "passage_scores": List(Value("float32")),
    "response": Value("string"),
    "finish_reason": Value("string"),
    "response_tokens": Value("int32"),
    "response_prompt_digest": Value("string"),
}
PAIR = {
    "id": Value("string"),
    "messages": List({"role": Value("string"), "content": Value("string")}),
    "instruction": Value("string"),
    "input": Value("string"),
    "output": Value("string"),
    **{
        name: RESPONSE[name]
        for name in (
            *("document_id", "source", "task_type", "characteristic", "style", "origin", "round", "counterexamples"),
            *("reward", "pulls", "passages", "passage_scores", "prompt_digest", "response_prompt_digest", "teacher"),
        )
    },
}
_SPREAD = {name: Value("float32") for name in ("mean", "q1", "median", "q3")}
WINDOW = {
    "window": Value("int32"),
    "asked": Value("int32"),
    "accepted": Value("int32"),
    "pool": Value("int32"),
    "reasons": List({"reason": Value("string"), "count": Value("int32")}),
    "instruction_tokens": _SPREAD,
    "response_tokens": _SPREAD,
    "verb_noun_pairs": Value("int32"),
    "nearest_similarity": Value("float32"),
    "mean_similarity": Value("float32"),
    "pulls": List({"pulls": Value("int32"), "instructions": Value("int32")}),
    "least_pulled": Value("float32"),
    "prompt_tokens": Value("int64"),
    "completion_tokens": Value("int64"),
}
"""The figures of one window of augment; window 0 are the seeds."""
ROUND = {
    "window": Value("int32"),
    "responses": Value("int32"),
    "response_tokens": _SPREAD,
}
"""The figures of the responses to one window's instructions."""
OUTCOME = {"phase": Value("string"), "reason": Value("string"), "detail": Value("string")}
"""Why a row leaves, and where; nulls for one that goes on."""
REJECTION = {**OUTCOME, "completion": Value("string")}


def features(columns: Mapping[str, Any]) -> Features:
    """Returns columns as a schema."""
    return Features(dict(columns))
