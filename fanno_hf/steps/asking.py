"""Asking the teacher about every row of a data set: a pure `render`, the teacher, and columns.

rows {"text": …}  --render-->  messages  --teacher-->  {"completion": "What do …", "finish_reason": "stop", …}
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datasets import Dataset, Value

from fanno_hf.columns import VERDICTS, features
from fanno_hf.errors import UserError
from fanno_hf.identity import request_seed
from fanno_hf.prompts import Prompt
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.progress import Progress
from fanno_hf.steps.rows import empty, fingerprint
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.service import Teacher
from fanno_hf.verdicts import yes_probability

ANSWER = {
    "completion": Value("string"),
    "finish_reason": Value("string"),
    "completion_tokens": Value("int32"),
    "failure": Value("string"),
    "failure_detail": Value("string"),
}
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


def ask(dataset: Dataset, teacher: Teacher, request_of: Callable[[dict], Request], desc: str) -> Dataset:
    """Sends one request a row and adds the columns of ANSWER."""

    async def step(batch: dict[str, list]) -> dict[str, list]:
        chains = await teacher.complete_chains([[request_of(row)] for row in _rows(batch)])
        answers = [_as_columns(chain[0]) for chain in chains]
        return {name: [answer[name] for answer in answers] for name in ANSWER}

    return _map_batches(dataset, step, ANSWER, desc, teacher)


def failure(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The reason of a row that the teacher gave no answer for."""
    return (row["failure"], row["failure_detail"]) if row["failure"] else None


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

    def request(self, name: str, variables: Mapping[str, Any]) -> Request:
        """Asks for one token, greedily."""
        messages = self.prompt.messages(question=self.questions[name], **variables)
        documents = self.prompt.documents(**variables)
        return Request(messages, max_tokens=1, top_logprobs=self.top_logprobs, documents=documents)

    def reason(self, name: str, answer: Completion) -> tuple[str, str] | None:
        """Returns why this answer drops the row, None when it does not."""
        if answer.error is not None:
            return answer.error
        probability = yes_probability(answer.text, answer.top_logprobs)
        if probability is None:
            return ("undecided", f"{name}: {answer.text[:40]!r}") if self.undecided == "drop" else None
        if probability < self.thresholds[name]:
            return None
        return name, f"probability {probability:.3f} >= {self.thresholds[name]}"


def judge(
    dataset: Dataset,
    teacher: Teacher,
    questions: Questions,
    variables_of: Callable[[dict], Mapping[str, Any]],
    funnel: Funnel,
    phase: str,
) -> Dataset:
    """Puts the questions to every row, one after the other until one rejects it, and drops the rejected rows.

    The verdicts so far are kept in the column `verdicts`; an undecided one has a null probability.
    """
    if not questions.names:
        return dataset
    names = questions.names

    async def step(batch: dict[str, list]) -> dict[str, list]:
        chains = [[questions.request(name, variables_of(row)) for name in names] for row in _rows(batch)]
        answered = await teacher.complete_chains(
            chains, lambda place, answer: bool(questions.reason(names[place], answer))
        )
        reasons = [questions.reason(names[len(chain) - 1], chain[-1]) or (None, None) for chain in answered]
        return {
            "verdicts": [
                [
                    {"name": name, "probability": yes_probability(answer.text, answer.top_logprobs)}
                    for name, answer in zip(names, chain, strict=False)
                ]
                for chain in answered
            ],
            "failure": [reason for reason, _ in reasons],
            "failure_detail": [detail for _, detail in reasons],
        }

    columns = {"verdicts": VERDICTS, "failure": Value("string"), "failure_detail": Value("string")}
    judged = _map_batches(dataset, step, columns, f"{funnel.stage}: {phase}", teacher)
    return funnel.screen(judged, failure, phase).remove_columns(["failure", "failure_detail"])


def _map_batches(dataset: Dataset, step, columns: Mapping[str, Any], desc: str, teacher: Teacher) -> Dataset:
    """`Dataset.map` with a coroutine over batches: all batches run side by side, the teacher bounds what is in flight.

    A row without a `failure` among its new columns counts as accepted.
    """
    schema = features({**dataset.features, **columns})
    if not len(dataset):
        return empty(schema)

    async def counted(batch: dict[str, list]) -> dict[str, list]:
        answered = await step(batch)
        progress.advance(len(answered["failure"]), answered["failure"].count(None))
        return answered

    with Progress(desc, len(dataset), teacher) as progress:
        return dataset.map(
            counted,
            batched=True,
            batch_size=_BATCH,
            features=schema,
            desc=desc,
            new_fingerprint=fingerprint(dataset, desc),
        )


def _rows(batch: Mapping[str, list]) -> list[dict[str, Any]]:
    """A batch of columns as rows."""
    return [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]


def _as_columns(answer: Completion) -> dict[str, Any]:
    reason, detail = answer.error or (None, None)
    return {
        "completion": answer.text,
        "finish_reason": answer.finish_reason,
        "completion_tokens": answer.completion_tokens,
        "failure": reason,
        "failure_detail": detail,
    }
