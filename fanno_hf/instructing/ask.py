"""What the seed and the augment stage share: ask for one instruction, parse it, judge it.

row {document, tags[, counterexamples]}  ->  completion  ->  {"instruction": "Why do mosses …?", "input": ""} or a reason
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.columns import INSTRUCTION
from fanno_hf.identity import content_id
from fanno_hf.instructing.distinct import find_near_repeats
from fanno_hf.instructing.parsing import parse_instruction
from fanno_hf.instructing.prompts import Prompt
from fanno_hf.instructing.tags import Combination
from fanno_hf.rules.instruction import Candidate, InstructionRules
from fanno_hf.steps.asking import SPENT, Counted, Questions, Sampling, converse, metered, outcome
from fanno_hf.steps.context import Context
from fanno_hf.steps.funnel import Funnel, Reason
from fanno_hf.steps.rows import conform, features, map_rows
from fanno_hf.teacher.base import Request
from fanno_hf.teacher.service import Dialogue

SURPLUS = ("surplus", "not asked: target_size was reached")

_ANSWERED = {
    **{name: INSTRUCTION[name] for name in ("instruction_id", "instruction", "input", "num_tokens", "verdicts")},
    "completion": "string",
    **SPENT,
}
_NOTHING = dict.fromkeys(_ANSWERED)
_ASKED = {
    **{name: INSTRUCTION[name] for name in ("document_id", "task_type", "characteristic", "style", "origin", "round")},
    "counterexamples": INSTRUCTION["counterexamples"],
    # what only the prompt and the rules need: the document, the counterexamples and the tags as text
    "text": "string",
    "counterexample_texts": ["string"],
    "tag_texts": ["string"],
}


def asked_row(
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
        "counterexample_texts": [row["instruction"] for row in counterexamples],
        "tag_texts": [tags.task_type.text, tags.characteristic.text, tags.style.text],
    }


def asked_rows(rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """Returns asked rows as a data set with declared types."""
    return Dataset.from_dict({name: [row[name] for row in rows] for name in _ASKED}, features=features(_ASKED))


def instruction_prompt(stage: str, config: Mapping[str, Any]) -> Prompt:
    """Returns the prompt by which a stage asks for an instruction.

    Args:
        stage: "seed" or "augment".
        config: keys `prompts` and `stages`; those that run.json keeps of a stage are enough.
    """
    prompts = config["prompts"]
    # without "think different" (the ablation) augment asks as seed does: not a word about counterexamples
    name = "augment" if stage == "augment" and config["stages"]["augment"]["think_different"] else "seed"
    return Prompt(f"prompts.{name}.instruction", prompts[name]["instruction"], prompts[name]["demonstrations"])


def instruction_questions(stage: str, config: Mapping[str, Any]) -> Questions:
    """Returns the questions by which the teacher judges the instructions of a stage.

    Args:
        stage: "seed" or "augment".
        config: keys `prompts`, `stages` and `top_logprobs`.
    """
    prompts, settings = config["prompts"]["instruction"], config["stages"][stage]
    return Questions(
        Prompt("prompts.instruction.verdict", prompts["verdict"]),
        prompts["questions"],
        settings["verdicts"],
        settings["undecided"],
        config["top_logprobs"],
    )


class Instructor:
    """Turns asked-for rows into instructions, for one stage. From any thread.

    Args:
        stage: "seed" or "augment": its settings, prompts and seeds are used.
        context: configuration and services.
    """

    def __init__(self, stage: str, context: Context):
        config = context.config["stages"][stage]
        self._stage, self._context = stage, context
        self._prompt = instruction_prompt(stage, context.config)
        self._sampling = Sampling.from_config(config, context.random_seed)
        self._rules = InstructionRules(context.config["rules"])
        self._repeat_threshold, self._min_relevance = config["near_repeat_threshold"], config["min_relevance"]
        self._questions = instruction_questions(stage, context.config)

    def ask(self, rows: Dataset, counted: Counted | None = None, wanted: Callable[[], bool] = lambda: True) -> Dataset:
        """Asks for one instruction a row, and judges those that parse and obey the rules.

        Each row goes its own way: its verdicts start when its instruction arrives.

        Args:
            rows: from `asked_rows`.
            counted: see `converse`.
            wanted: when it says no, what is not asked yet is not asked any more.

        Returns:
            All rows, with instruction, input, instruction_id, num_tokens, verdicts, the tokens spent on each, and the
            columns of OUTCOME.
        """

        def dialogue(row: Mapping[str, Any]) -> Dialogue:
            return metered(self._dialogue(row, wanted))

        return converse(rows, self._context.teacher, dialogue, _ANSWERED, f"{self._stage}: ask", counted)

    def _dialogue(self, row: Mapping[str, Any], wanted: Callable[[], bool]) -> Dialogue:
        if not wanted():
            return {**_NOTHING, **outcome("limit", SURPLUS)}
        answer = yield self._request(row)
        found = {**_NOTHING, "completion": answer.text}
        if answer.error is not None:
            return {**found, **outcome("ask", answer.error)}
        found |= self._parse(answer.text)
        if reason := self._rule_reason({**row, **found}, answer.finish_reason):
            return {**found, **outcome("rules", reason)}
        if reason := self._context.references.contamination(asked_text(found)):
            return {**found, **outcome("decontamination", reason)}
        if not wanted():
            return {**found, **outcome("limit", SURPLUS)}
        found["verdicts"], reason = yield from self._questions.put(judged_variables(found))
        return {**found, **outcome("verdicts", reason)}

    def _request(self, row: Mapping[str, Any]) -> Request:
        tags = (row["task_type"], row["characteristic"], row["style"])
        name = (self._stage, row["document_id"], row["round"], *tags)
        return self._sampling.request(self._prompt, prompt_variables(row), *name)

    def _parse(self, completion: str) -> dict[str, Any]:
        found = parse_instruction(completion)
        return {
            "instruction_id": content_id(found.instruction, found.input),
            "instruction": found.instruction,
            "input": found.input,
            "num_tokens": self._context.counter.count(found.instruction),
        }

    def _rule_reason(self, row: Mapping[str, Any], finish_reason: str) -> Reason:
        return self._rules.reason(
            Candidate(
                row["instruction"],
                row["input"],
                document=row["text"],
                counterexamples=row["counterexample_texts"],
                finish_reason=finish_reason,
                demonstrations=self._prompt.answers,
                tags=row["tag_texts"],
            )
        )

    def finished(self, rows: Dataset) -> Dataset:
        """Returns instructions with their full set of columns: lineage, and nulls for what is not known yet."""
        lineage = {"prompt_digest": self._prompt.digest, "teacher": self._context.teacher.identity}
        columns = {name: INSTRUCTION[name] for name in lineage}
        return conform(map_rows(rows, lambda row: lineage, columns, f"{self._stage}: lineage"), INSTRUCTION)

    def embed(self, rows: Dataset) -> None:
        """Embeds what `keep_distinct` compares, part by part while others are at the teacher."""
        self._context.embedder.encode([asked_text(row) for row in rows])
        if self._min_relevance is not None:
            self._context.embedder.encode(list(rows["text"]))

    def keep_distinct(
        self, rows: Dataset, funnel: Funnel, pool_embeddings: np.ndarray | None = None, pool: Sequence[str] = ()
    ) -> tuple[Dataset, np.ndarray]:
        """Drops instructions that have nothing to do with their document, or mean the same as a better one or as one of
        the pool (exact repeats included).

        Better: the lower mean of its verdicts (each the probability of a fault), then the longer one.

        Returns:
            The rows that are left and their embeddings, float32, shape (rows, dimension).
        """
        embeddings = self._context.embedder.encode([asked_text(row) for row in rows])
        if not len(rows):
            return rows, embeddings
        if self._min_relevance is not None:
            relevance = np.einsum("ij,ij->i", embeddings, self._context.embedder.encode(list(rows["text"])))
            on_topic = relevance >= self._min_relevance
            reasons = [None if r >= self._min_relevance else ("off_topic", f"similarity {r:.3f}") for r in relevance]
            rows, embeddings = funnel.drop(rows, reasons, "relevance"), embeddings[on_topic]
        threshold = 1.0 - 1e-6 if self._repeat_threshold is None else self._repeat_threshold
        quality = np.array([_quality(row) for row in rows])
        repeats = find_near_repeats(embeddings, quality, threshold, pool_embeddings)
        texts, size = rows["instruction"], len(pool)
        reasons = [
            r
            and (
                "near_repeat",
                f"similarity {r[1]:.3f} to: {(pool[r[0]] if r[0] < size else texts[r[0] - size])[:100]}",
            )
            for r in repeats
        ]
        kept = np.array([reason is None for reason in reasons], dtype=bool)
        return funnel.drop(rows, reasons, "near repeats"), embeddings[kept]


def asked_text(row: Mapping[str, Any]) -> str:
    """Instruction and input as one text: what is embedded, and what the teacher is shown."""
    return f"{row['instruction']}\n\n{row['input']}" if row["input"] else row["instruction"]


def judged_variables(row: Mapping[str, Any]) -> dict[str, str]:
    """The variables of the template `prompts.instruction.verdict`, besides the question."""
    return {"instruction": row["instruction"], "input": row["input"]}


def _quality(row: Mapping[str, Any]) -> float:
    verdicts = row.get("verdicts") or []
    known = [verdict["probability"] for verdict in verdicts if verdict["probability"] is not None]
    # at most 1e-4 for length: it only decides between equal verdicts
    return -(sum(known) / len(known) if known else 0.5) + 1e-7 * min(len(row["instruction"]), 1000)


def prompt_variables(row: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the templates `prompts.seed.instruction` and `prompts.augment.instruction`, from `asked_row`."""
    task_type, characteristic, style = row["tag_texts"]
    return {
        "document": row["text"],
        "task_type": task_type,
        "characteristic": characteristic,
        "style": style,
        "counterexamples": row["counterexample_texts"],
    }
