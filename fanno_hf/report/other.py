"""Another instruction data set to compare the run with: `report.compare`.

{"instruction": "…", "input": "", "output": "…"}      Alpaca
{"prompt": "…", "completion": "…"}                    and "response", "question"/"answer", …
{"messages": [{"role": "user", "content": "…"}, …]}   the first user turn and the answer to it; also "conversations"
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.columns import VERDICTS
from fanno_hf.errors import UserError
from fanno_hf.identity import spread_seed
from fanno_hf.instructing.ask import judged_variables
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.services import services
from fanno_hf.report.measured import quality
from fanno_hf.settings import Settings
from fanno_hf.sources.named import reference_rows
from fanno_hf.steps.asking import ask_rows, outcome, questions_about
from fanno_hf.teacher.base import Ask
from fanno_hf.texts.fit import clean

Pair = dict[str, str]

_KEY = "report.compare"
_INSTRUCTIONS = ("instruction", "prompt", "question", "problem")
_RESPONSES = ("output", "response", "completion", "answer", "solution")
_TURNS = ("messages", "conversations", "conversation")
_USERS, _ASSISTANTS = ("user", "human", "prompter"), ("assistant", "gpt", "model")


def read_pairs(entry: str | Mapping[str, Any], most: int, random_seed: int) -> tuple[list[Pair], int]:
    """Reads a data set and draws at most `most` of its pairs (reservoir sampling, Vitter's algorithm R).

    `entry` is a run folder, a file, a folder, a glob, or a data set on the Hub. Returns the pairs {instruction, input,
    response} in their order, and how many the data set has.

    Raises:
        UserError: it cannot be read, or no row of it is a pair.
    """
    rng = np.random.default_rng(spread_seed(random_seed, "report", "compare"))
    drawn: list[tuple[int, Pair]] = []
    count, columns = 0, ""
    for _, row in reference_rows(_of_run(entry), _KEY, "train"):
        columns = columns or ", ".join(row if isinstance(row, Mapping) else [type(row).__name__])
        if (pair := as_pair(row)) is None:
            continue
        if len(drawn) < most:
            drawn.append((count, pair))
        elif (place := int(rng.integers(count + 1))) < most:
            drawn[place] = (count, pair)
        count += 1
    if not count:
        raise UserError(
            f"{_KEY}={entry}: no row is a pair of instruction and response; it has: {columns or 'no row'}. "
            f"Known: {', '.join((*_INSTRUCTIONS, *_TURNS))}"
        )
    return [pair for _, pair in sorted(drawn, key=lambda item: item[0])], count


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


def judge(pairs: Sequence[Pair], most: int, settings: Settings, folder: RunFolder) -> np.ndarray:
    """Asks the teacher about the first `most` pairs all the questions that augment's instructions had to pass.

    Returns `quality` of each pair, float64, shape (len(pairs),); NaN if not judged. Raises TeacherUnavailable.
    """
    found = np.full(len(pairs), np.nan)
    if not min(most, len(pairs)):
        return found
    questions = questions_about("instruction", settings, settings.augment.verdicts, settings.augment.undecided)

    async def way(row: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
        verdicts, reason = await questions.put(ask, judged_variables(row), every=True)
        return {"verdicts": verdicts, **outcome("verdicts", reason)}

    rows = Dataset.from_list([dict(pair) for pair in pairs[:most]])
    with services(settings, folder.path, folder.scratch) as context:
        judged = ask_rows(rows, context.teacher, way, {"verdicts": VERDICTS}, "report: judge")
    found[: len(judged)] = [quality(verdicts) for verdicts in judged["verdicts"]]
    return found


def name_of(entry: str | Mapping[str, Any]) -> str:
    """Returns a name for the data set: that on the Hub, or the last part of its path."""
    value = entry if isinstance(entry, str) else entry.get("name") or entry.get("path") or ""
    return value if value.count("/") == 1 and not value.startswith((".", "/", "~")) else Path(value).name
