"""Asking the teacher about every row of a data set: a coroutine goes the way of each row, and returns new columns.

async def way(row, ask):                                        # row {"text": "Mosses have no roots …"}
    answer = await ask(request(row))
    return {"completion": answer.text, **outcome()}             # -> the row with {"completion": "What do …", "reason": None, …}

    rows = ask_rows(rows, teacher, way, {"completion": "string"}, "seed: ask")
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from datasets import Dataset

from fanno_hf import settings
from fanno_hf.columns import OUTCOME, VERDICTS, Reason
from fanno_hf.identity import request_seed
from fanno_hf.instructing.prompts import Prompt
from fanno_hf.instructing.verdicts import yes_probabilities, yes_probability
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.loops import call_apart
from fanno_hf.steps.progress import Progress
from fanno_hf.steps.rows import empty, features, fingerprint
from fanno_hf.steps.undecided import Undecided
from fanno_hf.teacher.base import Ask, Request
from fanno_hf.teacher.service import Teacher

SPENT = {"prompt_tokens": "int64", "completion_tokens": "int64"}  # tokens of all requests of a row; see `spent`
RowWay = Callable[[dict[str, Any], Ask], Awaitable[dict[str, Any]]]
"""What is asked for a row; returns its new columns, OUTCOME among them (see `outcome`)."""
Counted = Callable[[int, int], None]  # gets the rows that are through and how many of them go on

# rows handed over together; hundreds of such batches run side by side, so this bounds nothing but the overhead
_BATCH = 32


@dataclass(frozen=True)
class Sampler:
    """Makes the requests of a stage; the seed of each follows from `random_seed` and what the row is."""

    sampling: settings.Sampling
    random_seed: int

    def request(
        self,
        prompt: Prompt,
        variables: Mapping[str, Any],
        *row: str | int,
        max_tokens: int | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Request:
        """Returns the request for a row, named by whatever tells it from the others."""
        return Request(
            prompt.messages(**variables),
            max_tokens=max_tokens or self.sampling.max_tokens,
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            frequency_penalty=self.sampling.frequency_penalty,
            # greedy answers do not depend on the seed: equal prompts are then one request
            seed=request_seed(self.random_seed, *row) if self.sampling.temperature > 0 else 0,
            stop=tuple(self.sampling.stop),
            schema=schema,
            documents=prompt.documents(**variables),
            terse=partial(prompt.terse, **variables),
        )


def ask_rows(
    dataset: Dataset,
    teacher: Teacher,
    way: RowWay,
    columns: Mapping[str, Any],
    desc: str,
    counted: Counted | None = None,
) -> Dataset:
    """Asks about all rows side by side, by `Dataset.map` with a coroutine; the teacher bounds what is in flight.

    Args:
        columns: names and types of the new columns besides OUTCOME.
        counted: is called when a row is through; None draws a bar of its own.
    """
    schema = features({**dataset.features, **columns, **OUTCOME})
    if not len(dataset):
        return empty(schema)

    async def step(batch: dict[str, list]) -> dict[str, list]:
        results = await teacher.follow([partial(go, row) for row in _rows(batch)])
        return {name: [result[name] for result in results] for name in (*columns, *OUTCOME)}

    async def go(row: dict[str, Any], ask: Ask) -> dict[str, Any]:
        result = await way(row, ask)
        count(1, int(result["reason"] is None))
        return result

    with nullcontext() if counted else Progress(desc, len(dataset), teacher) as progress:
        count = counted or progress.advance
        return call_apart(lambda: _map(dataset, step, schema, desc))


def _map(dataset: Dataset, step: Callable[[dict], Awaitable[dict]], schema: Any, desc: str) -> Dataset:
    """Maps batches by a coroutine, and ends what `Dataset.map` leaves: its loop, and in it batches where the teacher ends."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def noted(batch: dict[str, list]) -> dict[str, list]:
        loops[:] = [asyncio.get_running_loop()]
        return await step(batch)

    try:
        return dataset.map(
            noted,
            batched=True,
            batch_size=_BATCH,
            features=schema,
            desc=desc,
            new_fingerprint=fingerprint(dataset, desc),
        )
    finally:
        for loop in loops:
            _end_tasks(loop)
            loop.close()


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Ends the batches that `map` left in its loop: it forgets them when the teacher ends, and Python complains of each."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))


def outcome(phase: str = "", reason: Reason | None = None) -> dict[str, str | None]:
    """Returns the columns of OUTCOME: why a row leaves, or nulls for one that goes on."""
    return {"phase": phase, "reason": reason[0], "detail": reason[1]} if reason else dict.fromkeys(OUTCOME)


def spent(ask: Ask) -> dict[str, int]:
    """Returns the columns of SPENT."""
    return {"prompt_tokens": ask.prompt_tokens, "completion_tokens": ask.completion_tokens}


_ANSWER_TOKENS = 16  # room for one answer of several: a number, a word, and what some teachers wrap around them


@dataclass(frozen=True)
class Questions:
    """Yes/no questions where *yes* means "reject", with the probability from which on it does."""

    prompt: Prompt  # with the variable `questions` and those of the row
    questions: Mapping[str, str]  # name -> text; the name is the reason of the rows that it rejects
    thresholds: Mapping[str, float | None]  # name -> probability from which on it rejects; null leaves it out
    undecided: str = "keep"  # or "drop" a row where the teacher says neither yes nor no
    top_logprobs: int = 5  # alternatives asked for (TGI gives at most 5); 0 reads the text instead
    together: bool = False  # all in one request; else one after the other, until one rejects
    tally: Undecided | None = None  # counts the answers; stops the stage where too many are undecided

    @property
    def names(self) -> list[str]:
        """The questions that are asked, in their order."""
        return [name for name, threshold in self.thresholds.items() if threshold is not None]

    async def put(
        self, ask: Ask, variables: Mapping[str, Any], *, every: bool = False
    ) -> tuple[list[dict], Reason | None]:
        """Puts the questions; `every` one for rows that are measured, not screened.

        Returns the verdicts so far (name and probability of "yes"; null where it is undecided), and why the row leaves.
        Raises FannoError where `tally` has counted too many that are undecided.
        """
        verdicts: list[dict] = []
        for names in [self.names] if self.together and self.names else [[name] for name in self.names]:
            request = question_request(
                self.prompt, [self.questions[name] for name in names], variables, self.top_logprobs
            )
            answer = await ask(request)
            if len(names) > 1:
                probabilities = yes_probabilities(answer.text, answer.answers, len(names))
            else:
                probabilities = [yes_probability(answer.text, answer.top_logprobs)]
            found = [{"name": n, "probability": p} for n, p in zip(names, probabilities, strict=True)]
            verdicts += found
            if answer.error is not None:
                return verdicts, answer.error
            if self.tally:
                self.tally.count(found, answer.text)
            reasons = [reason for verdict in found if (reason := self._reason(**verdict, text=answer.text))]
            if reasons and not every:
                return verdicts, reasons[0]
        return verdicts, None

    def _reason(self, name: str, probability: float | None, text: str) -> Reason | None:
        if probability is None:
            return ("undecided", f"{name}: {text[:40]!r}") if self.undecided == "drop" else None
        if probability < self.thresholds[name]:
            return None
        return name, f"probability {probability:.3f} >= {self.thresholds[name]}"


def questions_about(
    what: str, chosen: "settings.Settings", thresholds: Mapping[str, float | None], undecided: str
) -> Questions:
    """Returns the questions about a "prescreen"ed passage, an "instruction" or an answer ("respond"): prompts.<what>."""
    prompts = getattr(chosen.prompts, what)
    prompt = Prompt(f"prompts.{what}.verdict", prompts.verdict)
    together = chosen.prompts.verdicts == "together"
    return Questions(prompt, prompts.questions, thresholds, undecided, chosen.top_logprobs, together)


def watched(questions: Questions, stage: str, limit: float) -> tuple[Questions, Undecided]:
    """Returns the questions of a stage with a count of what is undecided, to be checked when all are put."""
    tally = Undecided(stage, limit)
    return replace(questions, tally=tally), tally


def question_request(
    prompt: Prompt, questions: Sequence[str], variables: Mapping[str, Any], top_logprobs: int
) -> Request:
    """Asks yes/no questions, greedily: one for a single token, several for a line each."""
    if len(questions) == 1:
        variables = {**variables, "question": questions[0]}
    messages, documents = prompt.messages(questions=questions, **variables), prompt.documents(**variables)
    max_tokens = 1 if len(questions) == 1 else _ANSWER_TOKENS * len(questions)
    return Request(messages, max_tokens=max_tokens, top_logprobs=top_logprobs, judge=True, documents=documents)


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
        if counted:
            counted(len(dataset), len(dataset))
        return dataset

    async def way(row: dict[str, Any], ask: Ask) -> dict[str, Any]:
        verdicts, reason = await questions.put(ask, variables_of(row))
        return {"verdicts": verdicts, **outcome("verdicts", reason)}

    columns = {"verdicts": VERDICTS}
    return funnel.sift(ask_rows(dataset, teacher, way, columns, f"{funnel.stage}: verdicts", counted))


def _rows(batch: Mapping[str, list]) -> list[dict[str, Any]]:
    return [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]
