"""Pairs of instruction and response from anywhere: a run, files, a data set on the Hub, in the shapes people use.

{"instruction": "…", "input": "", "output": "…"}      Alpaca
{"prompt": "…", "completion": "…"}                    and "response", "question"/"answer", …; of turns the question that is answered
{"messages": [{"role": "user", "content": "…"}, …]}   the first answer and the user turn before it; also "conversations"

What of a row is in no pair, a system prompt or further turns, is counted and said.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fanno_hf.errors import UserError
from fanno_hf.sources.named import _exact, reference_rows
from fanno_hf.texts.fit import clean, fit_to_show

logger = logging.getLogger(__name__)

Pair = dict[str, str]
_Turns = list[tuple[str, str]]  # (role, text)

_INSTRUCTIONS = ("instruction", "prompt", "question", "problem")
_RESPONSES = ("output", "response", "completion", "answer", "solution")
_TURNS = ("messages", "conversations", "conversation")
_SYSTEM = ("system", "system_prompt")  # columns
_USERS, _SYSTEMS = ("user", "human", "prompter"), ("system", "developer")
_ASSISTANTS = ("assistant", "gpt", "chatgpt", "model", "bot", "chatbot", "ai", "bing", "bard")
_ROLES = {*_USERS, *_SYSTEMS, *_ASSISTANTS, "tool", "function", "function_call", "observation", "ipython"}
_MOST_ROLES = 5  # that are named


@dataclass
class LeftOut:
    """What of the rows of a data set is in no pair."""

    rows: int = 0  # that were read
    no_pair: int = 0  # rows without an instruction
    system: int = 0  # pairs that have a system prompt
    turns: int = 0  # pairs of conversations with further questions
    roles: set[str] = field(default_factory=set)  # of turns, unknown here

    def count(self, row: Any, pair: Any, *, has_further: bool | None = None) -> None:
        """Counts a row and what it gave, None for nothing; `has_further`: whether questions are left out, None looks at its turns."""
        self.rows += 1
        if pair is None:
            self.no_pair += 1
        if not isinstance(row, Mapping):
            return
        turns = _all_turns(row)
        self.roles |= {role for role, _ in turns} - _ROLES
        if pair is not None:
            has_system = any(isinstance(row.get(name), str) and row[name].strip() for name in _SYSTEM)
            self.system += has_system or any(role in _SYSTEMS and text.strip() for role, text in turns)
            questions = sum(role in _USERS for role, _ in turns)
            self.turns += questions > 1 if has_further is None else has_further

    def say(self, name: str, what: str = "pair") -> None:
        """Logs each count that is not zero; `name`: of the data set."""
        if self.no_pair:
            logger.warning("%s: %d of %d rows are no %s and are left out", name, self.no_pair, self.rows, what)
        if self.system:
            logger.warning("%s: %d rows have a system prompt, which is left out", name, self.system)
        if self.turns:
            logger.warning("%s: %d rows have further questions, which are left out", name, self.turns)
        if self.roles:
            known = sorted(fit_to_show(role, limit=30) for role in self.roles)[:_MOST_ROLES]
            logger.warning("%s: turns of %s are nobody's here: roles are user and assistant", name, ", ".join(known))


def each_pair(entry: str | Mapping[str, Any], key: str) -> Iterator[Pair]:
    """Yields the pairs {instruction, input, response} of a data set, in its order; rows that are none are left out and counted.

    Args:
        entry: a run (its name or folder), a file, a folder, a glob, or a data set on the Hub.
        key: of the configuration, for errors.

    Raises:
        UserError: it cannot be read, or no row of it is a pair.
    """
    columns, left = "", LeftOut()
    for _, row in reference_rows(_of_run(entry), key, "train"):
        columns = columns or ", ".join(row if isinstance(row, Mapping) else [type(row).__name__])
        pair = as_pair(row)
        left.count(row, pair)
        if pair is not None:
            yield pair
    if left.no_pair == left.rows:
        raise UserError(
            f"{key}={entry}: no row is a pair of instruction and response; it has: {columns or 'no row'}. "
            f"Known: {', '.join((*_INSTRUCTIONS, *_TURNS))}"
        )
    left.say(name_of(entry))


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


def as_pair(row: Any) -> Pair | None:
    """Returns instruction, input and response of a row in any of the known shapes; None if it has no instruction."""
    if not isinstance(row, Mapping):
        return None
    if turns := _conversation(row):
        asked, answer = _first_answer(turns)
    else:
        asked, answer = _of_columns(row)
    if not asked.strip():
        return None
    return {"instruction": asked, "input": "" if turns else _text(row.get("input")), "response": answer}


def _conversation(row: Mapping[str, Any]) -> _Turns:
    """Returns the turns of a row that is one conversation; none of another."""
    return _turns(next((row[name] for name in _TURNS if isinstance(row.get(name), list)), None), "")


def _first_answer(turns: _Turns) -> tuple[str, str]:
    """Returns the first answer and the question right before it; without an answer the first question."""
    asked = ""
    for role, text in turns:
        if role in _USERS and text.strip():
            asked = text
        elif role in _ASSISTANTS and asked:
            return asked, text
    return next((text for role, text in turns if role in _USERS and text.strip()), ""), ""


def _of_columns(row: Mapping[str, Any]) -> tuple[str, str]:
    """Returns question and answer of a row that has a column for each; either may be turns."""
    question, answer = _first(row, _INSTRUCTIONS), _first(row, _RESPONSES)
    asked = [text for role, text in _turns(question, _USERS[0]) if role in _USERS]
    said = [text for role, text in _turns(answer, _ASSISTANTS[0]) if role in _ASSISTANTS]
    if isinstance(question, list) and any(isinstance(turn, str) for turn in question):
        # questions without the answers between them: the first, and its own answer if there is one for each
        return next(iter(asked), ""), said[0] if said and len(said) == len(asked) else ""
    return asked[-1] if asked else "", said[0] if said else ""


def _all_turns(row: Mapping[str, Any]) -> _Turns:
    """Returns every turn of a row, whatever its shape."""
    if turns := _conversation(row):
        return turns
    return _turns(_first(row, _INSTRUCTIONS), _USERS[0]) + _turns(_first(row, _RESPONSES), _ASSISTANTS[0])


def _turns(value: Any, role: str) -> _Turns:
    """Returns turns with their roles; a bare text is a turn of `role`."""
    found = []
    for turn in value if isinstance(value, list) else [value]:
        if isinstance(turn, Mapping):
            named = turn.get("role", turn.get("from"))
            found.append((str(named).casefold(), _text(turn.get("content", turn.get("value")))))
        elif isinstance(turn, str) and role:
            found.append((role, _text(turn)))
    return found


def _first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[name] for name in names if row.get(name)), None)


def _text(value: Any) -> str:
    """Returns a text, or the parts of one that are in a list; "" where one of them is none, a picture for example."""
    if isinstance(value, list) and all(
        isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in value
    ):
        value = "".join(part["text"] for part in value)
    return clean(value) if isinstance(value, str) else ""


def with_answers(pairs: Iterable[Pair], name: str) -> Iterator[Pair]:
    """Yields the pairs that have an answer and says how many have none; `name`: of the data set."""
    counts = {True: 0, False: 0}
    for pair in pairs:
        counts[is_answered := bool(pair["response"].strip())] += 1
        if is_answered:
            yield pair
    if counts[False]:
        logger.warning("%s: %d of %d pairs have no answer and are left out", name, counts[False], sum(counts.values()))


def _of_run(entry: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
    """Replaces a run folder by the folder of its final pairs."""
    path = Path(entry).expanduser() if isinstance(entry, str) else None
    if path and not path.exists() and (Path("runs", entry) / "run.json").is_file():
        path = Path("runs", entry)
    return str(path / "data") if path and (path / "run.json").is_file() else entry


def name_of(entry: str | Mapping[str, Any]) -> str:
    """Returns a name for the data set: that on the Hub, or the last part of its path. Raises UserError where it is neither."""
    exact = _exact(entry, "the data set")
    where = os.path.expanduser(exact.get("path") or exact["name"])
    is_here = "path" in exact or where.count("/") != 1 or os.path.exists(where)
    return Path(os.path.abspath(where)).name if is_here else where
