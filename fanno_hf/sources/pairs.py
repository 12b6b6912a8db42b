"""Pairs of instruction and response from anywhere: a run, files, a data set on the Hub, in the shapes people use.

{"instruction": "…", "input": "", "output": "…"}      Alpaca
{"prompt": "…", "completion": "…"}                    and "response", "question"/"answer", …
{"messages": [{"role": "user", "content": "…"}, …]}   the first user turn and the answer to it; also "conversations"
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fanno_hf.errors import UserError
from fanno_hf.sources.named import reference_rows
from fanno_hf.texts.fit import clean

Pair = dict[str, str]

_INSTRUCTIONS = ("instruction", "prompt", "question", "problem")
_RESPONSES = ("output", "response", "completion", "answer", "solution")
_TURNS = ("messages", "conversations", "conversation")
_USERS, _ASSISTANTS = ("user", "human", "prompter"), ("assistant", "gpt", "model")


def each_pair(entry: str | Mapping[str, Any], key: str) -> Iterator[Pair]:
    """Yields the pairs {instruction, input, response} of a data set, in its order; rows that are none are left out.

    Args:
        entry: a run (its name or folder), a file, a folder, a glob, or a data set on the Hub.
        key: of the configuration, for errors.

    Raises:
        UserError: it cannot be read, or no row of it is a pair.
    """
    columns, is_empty = "", True
    for _, row in reference_rows(_of_run(entry), key, "train"):
        columns = columns or ", ".join(row if isinstance(row, Mapping) else [type(row).__name__])
        if (pair := as_pair(row)) is not None:
            is_empty = False
            yield pair
    if is_empty:
        raise UserError(
            f"{key}={entry}: no row is a pair of instruction and response; it has: {columns or 'no row'}. "
            f"Known: {', '.join((*_INSTRUCTIONS, *_TURNS))}"
        )


def draw_pairs(pairs: Iterable[Pair], most: int | None, entropy: Sequence[int]) -> tuple[list[Pair], int]:
    """Draws at most `most` pairs (reservoir sampling, Vitter's algorithm R); None takes all. `entropy`: of numpy's generator.

    Returns them in their order, and how many there are.
    """
    rng, count = np.random.default_rng(entropy), 0
    kept: list[tuple[int, Pair]] = []
    for count, pair in enumerate(pairs, 1):
        if most is None or len(kept) < most:
            kept.append((count, pair))
        elif (place := int(rng.integers(count))) < most:
            kept[place] = (count, pair)
    return [pair for _, pair in sorted(kept, key=lambda item: item[0])], count


def _of_run(entry: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
    """Replaces a run folder by the folder of its final pairs."""
    path = Path(entry).expanduser() if isinstance(entry, str) else None
    if path and not path.exists() and (Path("runs", entry) / "run.json").is_file():
        path = Path("runs", entry)
    return str(path / "data") if path and (path / "run.json").is_file() else entry


def as_pair(row: Any) -> Pair | None:
    """Returns instruction, input and response of a row in any of the known shapes; None if it has no instruction."""
    if not isinstance(row, Mapping):
        return None
    if turns := next((row[name] for name in _TURNS if isinstance(row.get(name), list)), None):
        return _from_turns(turns)
    instruction = _first(row, _INSTRUCTIONS)
    if isinstance(instruction, list) and (found := _from_turns(instruction)):  # a prompt of chat turns
        instruction = found["instruction"]
    if not isinstance(instruction, str) or not instruction.strip():
        return None
    return {
        "instruction": _text(instruction),
        "input": _text(row.get("input")),
        "response": _text(_first(row, _RESPONSES)),
    }


def _first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[name] for name in names if row.get(name)), None)


def _text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[-1], Mapping):
        value = value[-1].get("content", value[-1].get("value"))
    return clean(value) if isinstance(value, str) else ""


def _from_turns(turns: Sequence[Any]) -> Pair | None:
    said = [
        (turn.get("role", turn.get("from")), _text(turn.get("content", turn.get("value"))))
        for turn in turns
        if isinstance(turn, Mapping)
    ]
    asked = next((place for place, (role, text) in enumerate(said) if role in _USERS and text.strip()), None)
    if asked is None:
        return None
    answer = next((text for role, text in said[asked:] if role in _ASSISTANTS), "")
    return {"instruction": said[asked][1], "input": "", "response": answer}


def name_of(entry: str | Mapping[str, Any]) -> str:
    """Returns a name for the data set: that on the Hub, or the last part of its path."""
    value = entry if isinstance(entry, str) else entry.get("name") or entry.get("path") or ""
    return value if value.count("/") == 1 and not value.startswith((".", "/", "~")) else Path(value).name
