"""`stage=estimate`: what a run would take, from a few passages sent through every stage.

Segmentation, rules and duplicates are done for all documents, communities for at most 1,000 passages. The teacher gets
`estimate.rows` of them, drawn at random, and what these took is projected onto all:

    requests of a stage  = rows it would ask about x requests for a row of the probe; tokens and kept rows alike
    cost of a stage      = that of the probe's tokens, cached ones at their price, x the same share; and of the time
    time of a stage      = requests x seconds of a request / requests in flight        (Little's law)
                           + idle time at the end of the probe, once a stage; in augment once for windows asked together

Near repeats and communities grow with the number of rows, which a probe cannot see: the pairs are an upper bound. What the
journal of a half-done run already holds is projected too, although it would not be asked again.
"""

import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.columns import DOCUMENT, POSITION
from fanno_hf.costs import Costs, in_words
from fanno_hf.identity import spread_seed
from fanno_hf.output.table import table
from fanno_hf.pipeline.services import read_documents, services
from fanno_hf.settings import Budget, Settings
from fanno_hf.stages.augment import augment
from fanno_hf.stages.prescreen import ask_verdicts, drop_duplicates, keep_representatives, screen_alone
from fanno_hf.stages.respond import respond
from fanno_hf.stages.seed import seed
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.rows import conform
from fanno_hf.teacher.base import Usage
from fanno_hf.texts.duration import duration

_CROWD = 1_000


@dataclass(frozen=True)
class Projection:
    """What one stage would take."""

    stage: str
    rows_in: int  # rows it asks the teacher about
    rows_out: int  # rows it keeps (for augment: the pool)
    requests: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: float | None = None  # None where no price is given
    is_guessed: bool = False  # whether the server counts no tokens, so that theirs are guessed from characters


@dataclass(frozen=True)
class _Probe:
    """What a stage took for the rows of the probe."""

    rows: int  # that it was given
    kept: int  # rows that it returned
    used: Usage
    idle: float  # seconds in which the teacher had less to do than it could
    costs: Costs
    spent: float  # cost of its tokens

    def project(self, stage: str, rows: int, rows_out: int, in_flight: int, times: int = 1) -> Projection:
        """Returns what so many rows take; `times` is how often everything waits for the last request."""
        used, share = self.used, rows / self.rows
        numbers = (round(share * number) for number in (used.requests, used.prompt_tokens, used.completion_tokens))
        seconds = share * used.busy_seconds / in_flight + times * self.idle if rows else 0.0
        cost = self.costs.of(share * self.spent, seconds)
        return Projection(stage, rows, rows_out, *numbers, seconds, cost, is_guessed=used.estimated > 0)


@dataclass(frozen=True)
class Projections:
    """What a run would take, stage by stage."""

    stages: list[Projection]
    teacher: str  # its identity
    in_flight: int  # requests at once
    rows: int  # passages that were sent through every stage
    currency: str  # of the costs

    @property
    def total(self) -> Projection:
        """All stages together; its `rows_out` are pairs, at most."""
        names = ("rows_in", "requests", "prompt_tokens", "completion_tokens", "seconds")
        sums = {name: sum(getattr(stage, name) for stage in self.stages) for name in names}
        priced = [stage.cost for stage in self.stages if stage.cost is not None]
        is_guessed = any(stage.is_guessed for stage in self.stages)
        cost = sum(priced) if priced else None
        return Projection("all", rows_out=self.stages[-1].rows_out, **sums, cost=cost, is_guessed=is_guessed)

    def __str__(self) -> str:
        about = f"{self.teacher}, {self.in_flight} requests in flight, probed with {self.rows} passages"
        return f"{_table([*self.stages, self.total], self.currency)}\n\n{about}"


def project(settings: Settings) -> Projections:
    """Returns the projection; raises FannoError where a stage keeps nothing, or the teacher is away."""
    unlimited = {"budget": Budget(requests=None, tokens=None, seconds=None), "journal": None}
    # a journal of its own: an answer from a journal takes no time, so nothing could be projected from it
    with (
        tempfile.TemporaryDirectory() as folder,
        services(settings.model_copy(update=unlimited), Path(folder), Path(folder)) as context,
    ):
        context.embedder.check_installed()
        # the stages would warn that the probe is smaller than the run
        with _errors_only("fanno_hf.stages", "fanno_hf.steps", "fanno_hf.augmenting"):
            stages = projections(read_documents(settings, Path(folder)).open(), context)
        identity, in_flight = context.teacher.identity, context.teacher.capacity
        currency = context.teacher.costs.currency
    return Projections(stages, identity, in_flight, settings.estimate.rows, currency)


@contextmanager
def _errors_only(*names: str) -> Iterator[None]:
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    try:
        for logger in levels:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def projections(documents: Dataset, context: Context) -> list[Projection]:
    """Sends a probe through every stage and projects each."""
    settings = context.settings
    alone = screen_alone(documents, context)
    passages, funnel = alone.kept, Funnel("prescreen", {**DOCUMENT, **POSITION}, alone.rejected)
    if settings.prescreen.enabled:
        passages = drop_duplicates(passages, funnel, context)
    funnel.require_rows(passages, "No document reaches the teacher.")
    crowd = _sample(passages, _CROWD, context)
    alone = keep_representatives(crowd, context, Funnel("prescreen", DOCUMENT))
    some = _sample(alone, settings.estimate.rows, context)
    asks = settings.prescreen.enabled and any(t is not None for t in settings.prescreen.verdicts.values())
    kept, probe = _probed(len(some), context, lambda: ask_verdicts(some, context, funnel) if asks else some)
    kept = conform(kept, DOCUMENT)
    funnel.require_rows(kept, "The probe ends there.")
    capacity = context.teacher.capacity
    screened = round(len(passages) * probe.kept / probe.rows * len(alone) / len(crowd))
    result = [probe.project("prescreen", len(passages) if asks else 0, screened, capacity)]

    probing = _for_a_probe(context, len(kept))
    combinations = settings.seed.combinations
    asked = min(screened, settings.seed.max_documents or screened) * combinations
    seeds, probe = _probed(len(kept) * combinations, context, lambda: seed(kept, probing))
    found = min(round(asked * probe.kept / probe.rows), settings.seed.max_instructions or asked)
    result.append(probe.project("seed", asked, found, capacity))

    chosen = settings.augment
    pool, probe = _probed(len(kept), context, lambda: augment(kept, seeds.kept, probing))
    gained = max(len(pool.kept) - len(seeds.kept), 0) / len(kept)
    needed = math.ceil(max(chosen.target_size - found, 0) / gained) if gained else math.inf
    asked = int(min(needed, chosen.epochs * screened))
    size = min(chosen.target_size, found + round(asked * gained))
    side_by_side = chosen.window * (chosen.lag + 1)
    times = math.ceil(asked / side_by_side)
    result.append(probe.project("augment", asked, size, min(capacity, side_by_side), times))

    answered, probe = _probed(len(pool.kept), context, lambda: respond(kept, pool.kept, probing))
    result.append(probe.project("respond", size, round(size * probe.kept / probe.rows), capacity))
    return result


def _sample(passages: Dataset, rows: int, context: Context) -> Dataset:
    """Draws at most `rows` passages and keeps their order."""
    rng = np.random.default_rng(spread_seed(context.random_seed, "estimate"))
    return passages.select(sorted(rng.choice(len(passages), min(len(passages), rows), replace=False).tolist()))


def _for_a_probe(context: Context, rows: int) -> Context:
    """Returns the context with limits under which every row of the probe is asked about once."""
    stages = context.settings.stages
    seed_once = stages.seed.model_copy(update={"max_documents": None, "max_instructions": None})
    epochs = min(1, stages.augment.epochs)  # 0 leaves augment out
    augment_once = stages.augment.model_copy(update={"target_size": 10**9, "window": rows, "epochs": epochs})
    stages = stages.model_copy(update={"seed": seed_once, "augment": augment_once})
    return replace(context, settings=context.settings.model_copy(update={"stages": stages}))


def _probed(rows: int, context: Context, stage: Callable[[], Any]) -> tuple[Any, _Probe]:
    """Runs a stage on the probe and returns its output and what each of its rows took."""
    costs = context.teacher.costs
    context.teacher.take_usage()
    started, spent = time.monotonic(), costs.tokens
    output = stage()
    wall, used = time.monotonic() - started, context.teacher.take_usage()
    idle = max(0.0, wall - used.busy_seconds / context.teacher.capacity)
    kept = len(output.kept if isinstance(output, StageOutput) else output)
    return output, _Probe(rows, kept, used, idle, costs, costs.tokens - spent)


def _table(stages: list[Projection], currency: str) -> str:
    """Returns the stages and, last, their total as a table, and how many pairs there are at most."""
    total = stages[-1]
    cost = () if total.cost is None else ("cost",)
    head = ("stage", "asks about", "requests", "prompt tokens", "written tokens", "time", *cost, "keeps")
    lines = []
    for s in stages:
        numbers = (f"{n:,}" for n in (s.rows_in, s.requests, s.prompt_tokens, s.completion_tokens))
        cost = () if s.cost is None else (in_words(s.cost, currency),)
        lines.append((s.stage, *numbers, duration(s.seconds), *cost, f"{s.rows_out:,}"))
    counted = "; the server counts no tokens: they are estimates" if total.is_guessed else ""
    return f"{table(head, lines)}\n\nat most {total.rows_out:,} pairs{counted}"
