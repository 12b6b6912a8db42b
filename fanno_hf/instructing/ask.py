"""How one instruction is made, in seed and augment alike: asked for, parsed, held against the rules, judged.

row {document, tags, counterexamples}  ->  completion  ->  {"instruction": "Why do mosses …?", "input": ""} or a reason
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from fanno_hf.columns import DOCUMENT, INSTRUCTION, Reason, full_text
from fanno_hf.identity import content_id
from fanno_hf.instructing.prompts import Prompt, document_variables
from fanno_hf.instructing.tags import Combination, named_tag, tag_pool
from fanno_hf.parsing.instruction import SCHEMA, WRAPPING, parse_instruction
from fanno_hf.rules.instruction import Candidate, InstructionRules
from fanno_hf.settings import Instructing, Prompts
from fanno_hf.steps.asking import SPENT, Counted, Sampler, ask_rows, outcome, questions_about, spent, watched
from fanno_hf.steps.context import Context
from fanno_hf.steps.rows import conform, spill, with_columns
from fanno_hf.teacher.base import Ask, Request

SURPLUS = ("surplus", "not asked: target_size was reached")

_MADE = {
    **{name: INSTRUCTION[name] for name in ("instruction_id", "instruction", "input", "num_tokens", "verdicts")},
    **{name: INSTRUCTION[name] for name in ("task_type", "task_type_asked", "characters_removed", "removed")},
    "completion": "string",
}
_TO_ASK = {
    **{name: INSTRUCTION[name] for name in ("document_id", "task_type", "characteristic", "style", "origin", "round")},
    "counterexamples": INSTRUCTION["counterexamples"],
    # what only the prompt and the rules need: the document, the counterexamples and the tags as text
    **{name: DOCUMENT[name] for name in ("text", "title", "heading")},
    "shown": [{"instruction": "string", "input": "string"}],
    "tag_texts": ["string"],
}


def row_to_ask(
    document: Mapping[str, Any],
    tags: Combination,
    origin: str,
    round_: int = 0,
    counterexamples: Sequence[Mapping] = (),
) -> dict[str, Any]:
    """Returns the row that asks for one instruction: a document, one tag of each kind, and what to differ from."""
    return {
        "document_id": document["document_id"],
        "task_type": tags.task_type.name,
        "characteristic": tags.characteristic.name,
        "style": tags.style.name,
        "origin": origin,
        "round": round_,
        "counterexamples": [row["instruction_id"] for row in counterexamples],
        "text": document["text"],
        "title": document.get("title"),
        "heading": document.get("heading"),
        "shown": [{"instruction": row["instruction"], "input": row["input"] or ""} for row in counterexamples],
        "tag_texts": [tags.task_type.text, tags.characteristic.text, tags.style.text],
    }


def rows_to_ask(rows: Iterable[Mapping[str, Any]], folder: Path | None = None) -> Dataset:
    """Returns rows of `row_to_ask` as a data set, in a file in `folder` as they come; None: in memory."""
    return spill(rows, _TO_ASK, folder).open()


def instruction_prompt(prompts: Prompts, *, think_different: bool) -> Prompt:
    """Returns the prompt that asks for an instruction, with counterexamples where it shall `think_different`.

    Seed shows none, nor does augment in the ablation: then not a word is said about them.
    """
    name = "augment" if think_different else "seed"
    chosen = getattr(prompts, name)
    return Prompt(f"prompts.{name}.instruction", chosen.instruction, chosen.demonstrations)


def prompt_variables(row: Mapping[str, Any], kinds: Sequence[str], prompts: Prompts) -> dict[str, Any]:
    """Returns the variables of the templates `prompts.seed.instruction` and `prompts.augment.instruction`.

    Args:
        row: of `row_to_ask`.
        kinds: the texts of all task types, of which the teacher may choose another than the one asked for.
    """
    task_type, characteristic, style = row["tag_texts"]
    return {
        **document_variables(row),
        "task_type": task_type,
        "characteristic": characteristic,
        "style": style,
        "kinds": kinds,
        "counterexamples": row["shown"],
        "language": prompts.language,
        "harder": prompts.harder,
    }


def task_types(pool: Sequence[Combination]) -> dict[str, str]:
    """Returns the task types of a pool of tags: name -> text, each once."""
    return {combination.task_type.name: combination.task_type.text for combination in pool}


def judged_variables(row: Mapping[str, Any]) -> dict[str, str]:
    """Returns the variables of the template `prompts.instruction.verdict`, besides the question."""
    return {"instruction": row["instruction"], "input": row["input"]}


class Instructor:
    """Turns rows of `row_to_ask` into instructions, for one stage. From any thread."""

    def __init__(self, stage: str, context: Context):
        settings = context.settings
        chosen: Instructing = getattr(settings, stage)
        self._stage, self._context = stage, context
        think_different = stage == "augment" and settings.augment.think_different
        self._prompt = instruction_prompt(settings.prompts, think_different=think_different)
        self._sampler = Sampler(chosen, settings.random_seed)
        self._rules = InstructionRules(settings.resolved["rules"])
        self._prompts, self._task_types = settings.prompts, task_types(tag_pool(settings.resolved["tags"]))
        questions = questions_about("instruction", settings, chosen.verdicts, chosen.undecided)
        # `undecided` is checked by the stage when all rows are through
        self._questions, self.undecided = watched(questions, stage, chosen.undecided_limit)

    def ask(self, rows: Dataset, counted: Counted | None = None, wanted: Callable[[], bool] = lambda: True) -> Dataset:
        """Asks for one instruction a row, and judges those that parse and obey the rules.

        Each row goes its own way: its verdicts start when its instruction arrives. When `wanted` says no, what is not asked
        yet is not asked any more.

        Returns all rows, with instruction, input, instruction_id, num_tokens, verdicts, the tokens spent on each, and the
        columns of OUTCOME.
        """

        async def way(row: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
            return {**await self._instruct(row, ask, wanted), **spent(ask)}

        return ask_rows(rows, self._context.teacher, way, {**_MADE, **SPENT}, f"{self._stage}: ask", counted)

    async def _instruct(self, row: Mapping[str, Any], ask: Ask, wanted: Callable[[], bool]) -> dict[str, Any]:
        """The way of one row, from its document to an instruction or the reason why there is none."""
        made = {**dict.fromkeys(_MADE), "task_type": row["task_type"], "task_type_asked": row["task_type"]}
        if not wanted():
            return {**made, **outcome("limit", SURPLUS)}
        answer = await ask(self._request(row))
        made["completion"] = answer.text
        if answer.error is not None:
            return {**made, **outcome("ask", answer.error)}
        made |= self._parse(answer.text, row["task_type"])
        if reason := answer.explain(self._rule_reason({**row, **made}, answer.finish_reason)):
            return {**made, **outcome("rules", reason)}
        if reason := self._context.contamination(full_text(made)):
            return {**made, **outcome("decontamination", reason)}
        if not wanted():
            return {**made, **outcome("limit", SURPLUS)}
        made["verdicts"], reason = await self._questions.put(ask, judged_variables(made))
        return {**made, **outcome("verdicts", reason)}

    def _request(self, row: Mapping[str, Any]) -> Request:
        tags = (row["task_type"], row["characteristic"], row["style"])
        name = (self._stage, row["document_id"], row["round"], *tags)
        variables = prompt_variables(row, list(self._task_types.values()), self._prompts)
        schema = SCHEMA if self._context.settings.teacher.structured == "auto" else None
        return self._sampler.request(self._prompt, variables, *name, schema=schema)

    def _parse(self, completion: str, asked: str) -> dict[str, Any]:
        found = parse_instruction(completion)
        return {
            "instruction_id": content_id(found.instruction, found.input),
            "instruction": found.instruction,
            "input": found.input,
            "num_tokens": self._context.counter.count(found.instruction),
            "task_type": named_tag(found.kind, self._task_types, asked),
            "characters_removed": found.characters_removed,
            "removed": sorted(set(found.removed) - WRAPPING),
        }

    def _rule_reason(self, row: Mapping[str, Any], finish_reason: str) -> Reason | None:
        return self._rules.reason(
            Candidate(
                row["instruction"],
                row["input"],
                document=row["text"],
                counterexamples=[full_text(other) for other in row["shown"]],
                finish_reason=finish_reason,
                demonstrations=self._prompt.answers,
                tags=row["tag_texts"],
            )
        )

    def finished(self, rows: Dataset) -> Dataset:
        """Returns instructions with their full set of columns: lineage, and nulls for what is not known yet."""
        lineage = {"prompt_digest": self._prompt.digest, "teacher": self._context.teacher.identity}
        columns = {name: INSTRUCTION[name] for name in lineage}
        return conform(
            with_columns(rows, {name: [value] * len(rows) for name, value in lineage.items()}, columns), INSTRUCTION
        )


def count_removed(stage: str, *tables: Dataset) -> dict[str, dict[str, int]]:
    """Returns the notes of a stage on what parsing took off beyond wrapping: in how many of its rows each kind."""
    rows = (row for table in tables for row in table.select_columns(["origin", "removed"]))
    kinds = Counter(kind for row in rows if row["origin"] == stage for kind in row["removed"] or ())
    return {"removed": dict(kinds.most_common())} if kinds else {}
