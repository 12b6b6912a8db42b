"""`stage=estimate`: what a run would take, from a few passages sent through every stage.

Rules, segmentation and duplicate removal run over all documents, communities over at most 1,000 of the passages; the
teacher then gets `estimate.rows` of them, drawn at random. What happened to those is projected onto all:

    requests of a stage  = rows it would ask about x requests a row of the probe, tokens and rows kept alike
    time of a stage      = requests x seconds a request took / requests in flight        (Little's law)
                           + the idle time at the probe's end, once a stage, and in augment once for the windows that are asked together

Two things it cannot see: near repeats and communities grow with the number of rows, so pairs are an upper bound; and what
the journal of a run that is half done holds already is not asked again.
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
from fanno_hf.identity import spread_seed
from fanno_hf.pipeline.services import read_documents, services
from fanno_hf.settings import Budget, Settings
from fanno_hf.stages.augment import augment
from fanno_hf.stages.prescreen import ask_verdicts, drop_duplicates, keep_representatives, screen_alone
from fanno_hf.stages.respond import respond
from fanno_hf.stages.seed import seed
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import Funnel
from fanno_hf.steps.rows import conform

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


@dataclass(frozen=True)
class _Probe:
    """What one row of a probe took: `kept` rows, requests, tokens, seconds of one request after the other; and `idle`,
    seconds at the beginning and end of the probe when the teacher had less to do than it could."""

    kept: float
    requests: float
    prompt_tokens: float
    completion_tokens: float
    seconds: float
    idle: float

    def project(self, stage: str, rows: int, rows_out: int, in_flight: int, times: int = 1) -> Projection:
        """The same for so many rows, with so many requests in flight; `times` is how often all wait for the last one."""
        numbers = (round(rows * each) for each in (self.requests, self.prompt_tokens, self.completion_tokens))
        seconds = rows * self.seconds / in_flight + times * self.idle if rows else 0.0
        return Projection(stage, rows, rows_out, *numbers, seconds)


def project(settings: Settings) -> str:
    """Returns the projection as a table. Raises FannoError where the probe kept nothing at some stage, or no teacher is there."""
    # a journal of its own: what is answered from a journal takes no time and shows no rate
    unlimited = Budget(requests=None, tokens=None, seconds=None)
    probing = settings.model_copy(update={"budget": unlimited, "journal": None})
    with tempfile.TemporaryDirectory() as folder, services(probing, Path(folder), Path(folder)) as context:
        # the stages would say that the probe is smaller than the run
        with _silent("fanno_hf.stages"), _silent("fanno_hf.steps"):
            stages = projections(read_documents(settings.resolved["data"], Path(folder))[0](), context)
        identity, in_flight = context.teacher.identity, context.teacher.capacity
    return f"{_table(stages)}\n\n{identity}, {in_flight} requests in flight, probed with {settings.estimate.rows} passages"


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Mutes what is no error meanwhile."""
    chosen = logging.getLogger(name)
    before = chosen.level
    chosen.setLevel(logging.ERROR)
    try:
        yield
    finally:
        chosen.setLevel(before)


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
    funnel.require_rows(kept, "The probe ends there.")
    capacity = context.teacher.capacity
    screened = round(len(passages) * probe.kept * len(alone) / len(crowd))
    result = [probe.project("prescreen", len(passages) if asks else 0, screened, capacity)]

    probing = _for_a_probe(context, len(kept))
    combinations = settings.seed.combinations
    asked = min(screened, settings.seed.max_documents or screened) * combinations
    seeds, probe = _probed(len(kept) * combinations, context, lambda: seed(kept, probing))
    found = min(round(asked * probe.kept), settings.seed.max_instructions or asked)
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
    result.append(probe.project("respond", size, round(size * probe.kept), capacity))
    return result


def _sample(passages: Dataset, rows: int, context: Context) -> Dataset:
    """Draws so many passages, in their order."""
    rng = np.random.default_rng(spread_seed(context.random_seed, "estimate"))
    return passages.select(sorted(rng.choice(len(passages), min(len(passages), rows), replace=False).tolist()))


def _for_a_probe(context: Context, rows: int) -> Context:
    """The same services; every row of the probe is asked about once, whatever the limits of the run."""
    stages = context.settings.stages
    seed_once = stages.seed.model_copy(update={"max_documents": None, "max_instructions": None})
    augment_once = stages.augment.model_copy(update={"target_size": 10**9, "window": rows, "epochs": 1})
    stages = stages.model_copy(update={"seed": seed_once, "augment": augment_once})
    return replace(context, settings=context.settings.model_copy(update={"stages": stages}))


def _probed(rows: int, context: Context, stage: Callable[[], Any]) -> tuple[Any, _Probe]:
    """Runs a stage on the probe and returns its output and what each of its rows took."""
    context.teacher.take_usage()
    started = time.monotonic()
    output = stage()
    wall, used = time.monotonic() - started, context.teacher.take_usage()
    idle = max(0.0, wall - used.busy_seconds / context.teacher.capacity)
    kept = len(output.kept if isinstance(output, StageOutput) else output)
    each = (kept, used.requests, used.prompt_tokens, used.completion_tokens, used.busy_seconds)
    output = output if isinstance(output, StageOutput) else conform(output, DOCUMENT)
    return output, _Probe(*(n / rows for n in each), idle)


def _table(stages: list[Projection]) -> str:
    names = ("requests", "prompt_tokens", "completion_tokens", "seconds")
    totals = [sum(getattr(stage, name) for stage in stages) for name in names]
    lines = [("stage", "asks about", "requests", "prompt tokens", "written tokens", "time", "keeps")]
    for s in stages:
        numbers = (s.rows_in, s.requests, s.prompt_tokens, s.completion_tokens)
        lines.append((s.stage, *(f"{number:,}" for number in numbers), _duration(s.seconds), f"{s.rows_out:,}"))
    pairs = stages[-1].rows_out
    lines.append(("all", "", *(f"{number:,}" for number in totals[:3]), _duration(totals[3]), f"{pairs:,}"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*rows, f"at most {pairs:,} pairs"])


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
