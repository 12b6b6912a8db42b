"""A completion as the journal keeps it: its JSON, and a checksum that ties it to its key.

pack(key, Completion("Why do mosses …"))  ->  ('{"text":"Why do mosses …",…}', b"\\x8f…")
unpack(key, record, checksum)             ->  the completion; None where a bit of it, or its key, is another one
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanno_hf.teacher.base import Completion
from fanno_hf.texts.fit import clean

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Alternatives = list[tuple[str, Annotated[float, Field(le=1e-3)]]]  # log-probabilities, -inf among them


class _Record(BaseModel):
    """The type and range of each value; see `Completion`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: _Count
    completion_tokens: _Count
    top_logprobs: _Alternatives | None
    answers: list[_Alternatives] | None = None
    cached_tokens: _Count = 0
    thinking_tokens: _Count = 0
    estimated: bool = False
    is_full: bool = False
    shortened: bool = False
    discarded: tuple[_Count, _Count, _Count, _Count] = (0, 0, 0, 0)


def pack(key: bytes, completion: Completion) -> tuple[str, bytes]:
    """Returns the record of a completion, and its checksum under this key."""
    # SQLite would refuse a lone surrogate
    record = clean(json.dumps(completion.to_json(), ensure_ascii=False, separators=(",", ":")))
    return record, checksum(key, record.encode("utf-8"))


def unpack(key: Any, record: Any, kept: Any) -> Completion | None:
    """Returns the completion of a record, whatever a damaged file gives; None unless checksum, types and ranges are right."""
    if not isinstance(key, bytes) or not isinstance(record, bytes) or kept != checksum(key, record):
        return None
    return parse(record)


def parse(record: Any) -> Completion | None:
    """Returns the completion of a record that has no checksum; None unless its types and ranges are right."""
    try:
        return Completion.from_json(_Record.model_validate_json(record).model_dump())
    except ValidationError:
        return None


def checksum(key: bytes, record: bytes) -> bytes:
    """Returns 16 bytes that another record, or the same one under another key, does not have."""
    return hashlib.sha256(key + record).digest()[:16]
