"""What models are asked: instructions from the package, a file or the Hub, in the shapes that are in use.

{"id": "moss", "category": "explain", "instruction": "…", "input": "", "second": "…", "reference": ["…", "…"]}     ours
{"instruction": "…", "output": "…", "generator": "gpt4", "dataset": "…"}                                           AlpacaEval
{"question_id": 81, "category": "writing", "turns": ["…", "…"], "reference": ["…", "…"]}                           MT-Bench, Arena-Hard
{"prompt_id": 81, "category": "writing", "prompt": ["…", "…"], "reference": ["…", "…"]}                            MT-Bench on the Hub
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.identity import content_id
from fanno_hf.sources.named import reference_rows
from fanno_hf.sources.pairs import LeftOut, as_pair, name_of
from fanno_hf.texts.fit import clean

logger = logging.getLogger(__name__)

_IDS, _CATEGORIES = ("id", "question_id", "prompt_id", "uid"), ("category", "cluster", "dataset")
_TURNS = ("turns", "prompt", "instruction", "question")  # columns that may be a list of what is asked, turn after turn


@dataclass(frozen=True)
class Instruction:
    """One thing that models are asked."""

    id: str
    category: str
    instruction: str
    input: str = ""
    second: str = ""  # what is asked next; "" where there is one turn
    reference: str = ""  # an answer that is known to be right, for the judge
    second_reference: str = ""
    output: str = ""  # somebody's answer, for `judged.reference=file`

    def to_json(self) -> dict[str, str]:
        """Returns all of it, for a digest."""
        return asdict(self)


def read_instructions(entry: Any, key: str, most: int | None, *, two_turns: bool = False) -> list[Instruction]:
    """Returns the first `most` instructions of a data set; None: those that come along.

    Args:
        key: of the configuration, for errors.
        two_turns: leaves out those without a second turn.

    Raises:
        UserError: it cannot be read, or none of its rows is an instruction (with a second turn).
    """
    path = str(files("fanno_hf.evaluating").joinpath("instructions.jsonl")) if entry is None else entry
    found: dict[Instruction, None] = {}
    columns, left, repeated = "", LeftOut(), 0
    for _, row in reference_rows(path, key, "train"):
        columns = columns or ", ".join(row if isinstance(row, Mapping) else [type(row).__name__])
        one, turns = _instruction(row), len(_asked(row))
        left.count(row, one, has_further=turns > 2 if turns else None)
        if one is None or (two_turns and not one.second):
            continue
        repeated += one in found
        found[one] = None
        if len(found) == most:
            break
    if not found:
        what = "an instruction with a second turn (turns, or second)" if two_turns else "an instruction"
        raise UserError(f"{key}={entry}: no row is {what}; it has: {columns or 'no row'}")
    if entry is not None:
        left.say(name_of(entry), "instruction")
    if repeated:
        logger.warning("%s: %d rows repeat an earlier one and are left out", name_of(entry), repeated)
    return _with_own_ids(list(found))


def _with_own_ids(instructions: Sequence[Instruction]) -> list[Instruction]:
    """Gives each an id of its own: the second one of an id gets "#2" behind it."""
    ids: set[str] = set()
    found = []
    for one in instructions:
        count, own = 1, one.id
        while own in ids:
            count, own = count + 1, f"{one.id}#{count + 1}"
        ids.add(own)
        found.append(replace(one, id=own))
    return found


def _instruction(row: Any) -> Instruction | None:
    if not isinstance(row, Mapping):
        return None
    turns, references = _asked(row), _list(row.get("reference"))
    pair = as_pair({**row, "instruction": turns[0]} if turns else row)
    if pair is None:
        return None
    second = turns[1] if len(turns) > 1 else _text(row.get("second"))
    named = next((str(row[name]) for name in _IDS if isinstance(row.get(name), (str, int))), "")
    category = next((row[name] for name in _CATEGORIES if isinstance(row.get(name), str)), "")
    return Instruction(
        id=clean(named) or content_id(pair["instruction"], pair["input"], second),
        category=clean(category),
        instruction=pair["instruction"],
        input=pair["input"],
        second=second,
        reference=_text(next(iter(references), "")),
        second_reference=_text(references[1]) if len(references) > 1 else "",
        output=pair["response"],
    )


def _asked(row: Any) -> list[str]:
    """Returns what is asked turn after turn, of a row that has a list of it; a conversation with roles is none."""
    columns = row if isinstance(row, Mapping) else {}
    listed = next((columns[name] for name in _TURNS if isinstance(columns.get(name), list)), [])
    has_roles = any(isinstance(turn, Mapping) and (turn.keys() & {"role", "from"}) for turn in listed)
    return [] if has_roles else [_text(turn) for turn in listed]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("content")
    return clean(value) if isinstance(value, str) else ""


def outputs_of(instructions: list[Instruction], key: str) -> Iterator[str]:
    """Yields the answer that each instruction comes with. Raises UserError where one comes with none."""
    for one in instructions:
        if not one.output.strip():
            raise UserError(
                f"{key}=file: the instruction {one.id} comes without an output: give evaluate.judged.instructions a file with "
                "outputs, or name a model as reference"
            )
        yield one.output
