"""Asking the teacher about every row of a data set: a dialogue a row, the teacher, and columns.

rows {"text": …}  --dialogue-->  messages  --teacher-->  answer  --dialogue-->  {"completion": "What do …", "reason": None, …}
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from datasets import Dataset

from fanno_hf.columns import OUTCOME, VERDICTS
from fanno_hf.errors import UserError
from fanno_hf.identity import request_seed
from fanno_hf.instructing.prompts import Prompt
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.steps.funnel import Funnel, Reason
from fanno_hf.steps.progress import Progress
from fanno_hf.steps.rows import empty, features, fingerprint
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.service import Dialogue, Teacher

SPENT = {"prompt_tokens": "int64", "completion_tokens": "int64"}
"""Of all requests of a dialogue; see `metered`."""
Counted = Callable[[int, int], None]
"""Gets the rows that are through and how many of them go on."""

# rows handed over together; hundreds of such batches run side by side, so this bounds nothing but the overhead
_BATCH = 32


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn; the seed of a request follows from `random_seed` and what the row is."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    random_seed: int = 0

    @classmethod
    def from_config(cls, config: Mapping[str, Any], random_seed: int) -> "Sampling":
        """Reads `max_tokens`, `temperature`, `top_p`, `frequency_penalty` and `stop` from a stage's configuration."""
        numbers = {name: config[name] for name in ("max_tokens", "temperature", "top_p", "frequency_penalty")}
        return cls(**numbers, stop=tuple(config["stop"]), random_seed=random_seed)

    def request(
        self, prompt: Prompt, variables: Mapping[str, Any], *row: str | int, max_tokens: int | None = None
    ) -> Request:
        """Returns the request for a row, named by whatever tells it from the others."""
        return Request(
            prompt.messages(**variables),
            max_tokens=max_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            frequency_penalty=self.frequency_penalty,
            # greedy answers do not depend on the seed: equal prompts are then one request
            seed=request_seed(self.random_seed, *row) if self.temperature > 0 else 0,
            stop=self.stop,
            documents=prompt.documents(**variables),
        )


def converse(
    dataset: Dataset,
    teacher: Teacher,
    dialogue_of: Callable[[dict], Dialogue],
    columns: Mapping[str, Any],
    desc: str,
    counted: Counted | None = None,
) -> Dataset:
    """Holds one dialogue a row, by `Dataset.map` with a coroutine: all run side by side, the teacher bounds what is in
    flight.

    Args:
        dialogue_of: makes the dialogue of a row; it returns the new columns, OUTCOME among them (see `outcome`).
        columns: names and types of the new columns besides OUTCOME.
        desc: names the phase, as in "seed: ask".
        counted: hears how far it is; None draws a bar of its own.
    """
    schema = features({**dataset.features, **columns, **OUTCOME})
    if not len(dataset):
        return empty(schema)

    async def step(batch: dict[str, list]) -> dict[str, list]:
        results = await teacher.converse([dialogue_of(row) for row in _rows(batch)])
        hear(len(results), sum(result["reason"] is None for result in results))
        return {name: [result[name] for result in results] for name in (*columns, *OUTCOME)}

    with nullcontext() if counted else Progress(desc, len(dataset), teacher) as progress:
        hear = counted or progress.advance
        return dataset.map(
            step,
            batched=True,
            batch_size=_BATCH,
            features=schema,
            desc=desc,
            new_fingerprint=fingerprint(dataset, desc),
        )


def outcome(phase: str = "", reason: Reason = None) -> dict[str, str | None]:
    """Returns the columns of OUTCOME: why a row leaves, or nulls for one that goes on."""
    return {"phase": phase, "reason": reason[0], "detail": reason[1]} if reason else dict.fromkeys(OUTCOME)


def metered(dialogue: Dialogue) -> Dialogue:
    """The same dialogue; the columns of SPENT are added to what it returns."""
    answer, spent = None, dict.fromkeys(SPENT, 0)
    while True:
        try:
            request = dialogue.send(answer)
        except StopIteration as end:
            return {**end.value, **spent}
        answer = yield request
        spent = {name: tokens + getattr(answer, name) for name, tokens in spent.items()}


@dataclass(frozen=True)
class Questions:
    """Yes/no questions where *yes* means "reject", with the probability from which on it does.

    Args:
        prompt: with the variable `question` and those of the row.
        questions: name -> text; the name is the reason of the rows that it rejects.
        thresholds: name -> probability in [0, 1] from which on the row is rejected; null leaves the question out.
        undecided: "keep" or "drop" a row where the teacher says neither yes nor no.
        top_logprobs: alternatives asked for (TGI gives at most 5); 0 reads the text instead.
    """

    prompt: Prompt
    questions: Mapping[str, str]
    thresholds: Mapping[str, float | None]
    undecided: str = "keep"
    top_logprobs: int = 5

    def __post_init__(self):
        for name in self.names:
            if name not in self.questions:
                raise UserError(
                    f"verdicts.{name}: there is no question of this name under {self.prompt.key}; "
                    f"there are: {', '.join(self.questions)}"
                )
        if self.undecided not in ("keep", "drop"):
            raise UserError(f"undecided={self.undecided!r}: it can be keep or drop")

    @property
    def names(self) -> list[str]:
        """The questions that are asked, in their order."""
        return [name for name, threshold in self.thresholds.items() if threshold is not None]

    def put(self, variables: Mapping[str, Any]) -> Generator[Request, Completion, tuple[list[dict], Reason]]:
        """Puts the questions, one after the other until one rejects; a part of a dialogue.

        Returns:
            The verdicts so far (name and probability of "yes"; null where it is undecided), and why the row leaves.
        """
        verdicts = []
        for name in self.names:
            answer = yield question_request(self.prompt, self.questions[name], variables, self.top_logprobs)
            probability = yes_probability(answer.text, answer.top_logprobs)
            verdicts.append({"name": name, "probability": probability})
            if reason := self._reason(name, answer, probability):
                return verdicts, reason
        return verdicts, None

    def _reason(self, name: str, answer: Completion, probability: float | None) -> Reason:
        if answer.error is not None:
            return answer.error
        if probability is None:
            return ("undecided", f"{name}: {answer.text[:40]!r}") if self.undecided == "drop" else None
        if probability < self.thresholds[name]:
            return None
        return name, f"probability {probability:.3f} >= {self.thresholds[name]}"


def question_request(prompt: Prompt, question: str, variables: Mapping[str, Any], top_logprobs: int) -> Request:
    """Asks a yes/no question for one token, greedily."""
    messages, documents = prompt.messages(question=question, **variables), prompt.documents(**variables)
    return Request(messages, max_tokens=1, top_logprobs=top_logprobs, documents=documents)


def judge(
    dataset: Dataset,
    teacher: Teacher,
    questions: Questions,
    variables_of: Callable[[dict], Mapping[str, Any]],
    funnel: Funnel,
    counted: Counted | None = None,
) -> Dataset:
    """Puts the questions to every row and drops the rejected ones; the verdicts so far are kept in the column `verdicts`."""
    if not questions.names:
        return dataset

    def dialogue(row: dict) -> Dialogue:
        verdicts, reason = yield from questions.put(variables_of(row))
        return {"verdicts": verdicts, **outcome("verdicts", reason)}

    columns = {"verdicts": VERDICTS}
    return funnel.sift(converse(dataset, teacher, dialogue, columns, f"{funnel.stage}: verdicts", counted))


def _rows(batch: Mapping[str, list]) -> list[dict[str, Any]]:
    """A batch of columns as rows."""
    return [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]
