"""The files of an evaluation: every answer and verdict as parquet, the figures as JSON and Markdown; equal ones give equal bytes.

runs/demo/evaluation/  table.md  table.json  answers.parquet  judgements.parquet  grades.parquet
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fanno_hf.evaluating.answers import Answer
from fanno_hf.evaluating.grades import Grade
from fanno_hf.evaluating.instructions import Instruction
from fanno_hf.evaluating.kept import FOLDER
from fanno_hf.evaluating.winrate import Judgement
from fanno_hf.output.folder import RunFolder

TABLE, SHOWN = FOLDER / "table.json", FOLDER / "table.md"
ANSWERS = {
    **dict.fromkeys(("model", "id", "category", "instruction", "input"), pa.string()),
    **{
        "turn": pa.int32(),
        "answer": pa.string(),
        "finish_reason": pa.string(),
        "tokens": pa.int32(),
        "error": pa.string(),
    },
}
JUDGEMENTS = {
    **dict.fromkeys(("model", "reference", "id", "category"), pa.string()),
    **dict.fromkeys(("model_first", "model_second", "preference"), pa.float64()),
    **dict.fromkeys(("model_length", "reference_length"), pa.int32()),
}
GRADES = {**dict.fromkeys(("model", "id", "category"), pa.string()), "turn": pa.int32(), "grade": pa.float64()}


def answer_rows(
    model: str, instructions: Sequence[Instruction], answers: Sequence[Sequence[Answer]]
) -> Iterable[dict[str, Any]]:
    """Yields a row for each answer of a model."""
    for one, turns in zip(instructions, answers, strict=True):
        for turn, answer in enumerate(turns, start=1):
            asked = (
                {"instruction": one.instruction, "input": one.input}
                if turn == 1
                else {"instruction": one.second, "input": ""}
            )
            said = {"answer": answer.text, "finish_reason": answer.finish_reason, "tokens": answer.tokens}
            yield {
                "model": model,
                "id": one.id,
                "category": one.category,
                **asked,
                "turn": turn,
                **said,
                "error": answer.error,
            }


def judgement_rows(
    model: str, reference: str, instructions: Sequence[Instruction], judgements: Sequence[Judgement | None]
) -> Iterable[dict[str, Any]]:
    """Yields a row for each instruction that was judged."""
    for one, found in zip(instructions, judgements, strict=True):
        if found is not None:
            about = {"model": model, "reference": reference, "id": one.id, "category": one.category}
            yield {**about, **vars(found), "preference": found.preference}


def grade_rows(model: str, grades: Sequence[Grade]) -> Iterable[dict[str, Any]]:
    """Yields a row for each grade."""
    for one in grades:
        yield {"model": model, "id": one.question, "category": one.category, "turn": one.turn, "grade": one.value}


def write_rows(
    folder: RunFolder, name: str, columns: Mapping[str, pa.DataType], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Writes rows to evaluation/<name>.parquet; no rows leave no file."""
    path = FOLDER / f"{name}.parquet"
    if not rows:
        (folder.path / path).unlink(missing_ok=True)
        return
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), pa.schema(list(columns.items()))), content)
    folder.write(path, content.getvalue())


def write_table(folder: RunFolder, numbers: Mapping[str, Any], shown: str) -> None:
    """Writes table.md, then table.json, which says that all is done."""
    folder.write(SHOWN, shown.encode("utf-8", "replace"))
    text = json.dumps(numbers, indent=2, ensure_ascii=False) + "\n"
    folder.write(TABLE, text.encode("utf-8", "replace"))


def finished(folder: RunFolder, fingerprint: str) -> str | None:
    """Returns table.md where it is that of this fingerprint, with no answer missing that might come yet; else None."""
    try:
        numbers = json.loads((folder.path / TABLE).read_text(encoding="utf-8"))
        if numbers["fingerprint"] == fingerprint and numbers["is_complete"] is True:
            return (folder.path / SHOWN).read_text(encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None
