"""Augmentation: how well overlapping windows keep a server busy, and what an accepted instruction costs.

    whole_run           Σ service ÷ (slots × wall time) of all four stages, barriers included, default settings
    whole_run_hashing   the same without what the default embedder takes of the same cores
    short_verdicts      the same again where a verdict takes what its few tokens take
    overlap             augment alone, windows of 1.5 x slots, 40 x slots documents, lengths from one to four times the
                        mean, against lag=0
    same_bytes_lag_N    kept, rejected and history, whatever order the answers arrive in
    killed              kept and rejected of a run that was killed in the middle of overlapping windows, resumed
    tokens              of the embedded teacher for each accepted instruction, against verdicts by a written rationale

`--quick` takes fewer slots and leaves out what needs the embedded teacher.
"""

import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import datasets
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.columns import DOCUMENT, INSTRUCTION
from fanno_hf.identity import content_id
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.run import execute
from fanno_hf.pipeline.services import services
from fanno_hf.settings import Settings
from fanno_hf.stages.augment import augment
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.rows import conform
from fanno_hf.teacher.base import Backend, Completion, Request
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.scripted import ScriptedTeacher
from fanno_hf.teacher.service import Teacher
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.vectors.embedder import HashingEmbedder
from tests.benchmarks import report
from tests.benchmarks.goodput import SIGMA, ideal
from tests.commands.test_estimate import write_mixtures
from tests.conftest import compose_config
from tests.doubles.tgi import TgiServer
from tests.test_kill import clean, killed_in_augment

MEAN = 0.5
# of the lognormal lengths of `overlap`; the longest answers then take four times the mean, where the server cuts
LONG_TAIL = 1.0
RATIONALE = 100


@contextmanager
def server(slots: int, verdict_seconds: float | None = MEAN, sigma: float = SIGMA):
    """Admits twice its slots, so that its own queue hides the way there and back."""
    waiting = {"max_concurrent_requests": 2 * slots, "verdict_seconds": verdict_seconds}
    with TgiServer(slots=slots, mean_seconds=MEAN, sigma=sigma, **waiting) as running:
        yield running


def whole_run(slots: int, documents: int, embedder: str, verdict_seconds: float | None = MEAN) -> float:
    with tempfile.TemporaryDirectory() as name, server(slots, verdict_seconds) as running:
        folder = Path(name)
        write_mixtures(folder / "documents.jsonl", documents)
        config = compose_config(
            *("teacher=tgi", f"teacher.base_url={running.url}", f"embedder={embedder}"),
            *("data=files", f"data.path={folder / 'documents.jsonl'}", f"run={folder / 'run'}"),
            # the default is the size of a demo
            f"stages.augment.target_size={int(1.5 * documents)}",
            # to a bag of words common words make texts alike; 0.7 is for real embedders
            *(["stages.prescreen.communities.threshold=0.9"] if embedder == "hashing" else []),
        )
        started = time.perf_counter()
        execute(resolve(config))
        return ideal([running], slots) / (time.perf_counter() - started)


def rows(count: int) -> tuple[Dataset, Dataset]:
    """So many documents, and twenty seeds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "documents.jsonl")
        write_mixtures(path, count)
        texts = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=folder)["text"][:]
    documents = [{"document_id": content_id(text), "text": text, "source": "-", "num_tokens": 90} for text in texts]
    seeds = [
        {
            **{"instruction_id": f"seed-{n}", "instruction": f"What is the use of thing number {n}?", "input": ""},
            **{"document_id": documents[n]["document_id"], "num_tokens": 5 + n, "origin": "seed", "round": 0},
            "counterexamples": [],
        }
        for n in range(20)
    ]
    return tuple(conform(Dataset.from_list(r), c) for r, c in ((documents, DOCUMENT), (seeds, INSTRUCTION)))


def settings(*overrides: str) -> Settings:
    """Augments until the documents run out."""
    endless = ("stages.augment.target_size=1000000", "stages.augment.epochs=1", "stages.augment.min_relevance=null")
    return resolve(compose_config("teacher=scripted", "embedder=hashing", "tokenizer=words", *endless, *overrides))


def do(chosen: Settings, backend, documents: Dataset, seeds: Dataset, folder: Path) -> StageOutput:
    with closing(Teacher(backend, Journal(folder / "journal.sqlite"))) as teacher:
        context = Context(chosen, teacher, HashingEmbedder(), TokenCounter.load("words"))
        return augment(documents, seeds, context)


def overlap(slots: int, documents: Dataset, seeds: Dataset, *overrides: str) -> float:
    """With the long tail of real answers and verdicts that take what one token takes."""
    sizes = (f"stages.augment.window={int(1.5 * slots)}", "stages.augment.max_tokens=512")
    config = settings(*sizes, *overrides)
    with tempfile.TemporaryDirectory() as folder, server(slots, None, LONG_TAIL) as running:
        started = time.perf_counter()
        do(config, Pool(running.url), documents, seeds, Path(folder))
        return ideal([running], slots) / (time.perf_counter() - started)


class Shuffled(ScriptedTeacher):
    """Answers in an order that nothing decides."""

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        await asyncio.sleep(random.SystemRandom().random() * 0.02)
        return await super().complete(request, urgent)


def same_bytes(lag: int) -> bool:
    """Whether three runs with answers in random order, one of them with a full journal, give the same files."""
    documents, seeds = rows(300)
    config = settings("stages.augment.window=24", f"stages.augment.lag={lag}")
    found = set()
    with tempfile.TemporaryDirectory() as name:
        for number, journal in enumerate(("a", "b", "b")):
            Path(name, journal).mkdir(exist_ok=True)
            backend = Shuffled(concurrency=(4, 64, 16)[number])
            output = do(config, backend, documents, seeds, Path(name, journal))
            with closing(RunFolder(Path(name, f"run-{number}"))) as run:
                tables = {
                    "augment": output.kept,
                    "rejected_augment": output.rejected,
                    "history_augment": output.history,
                }
                found.add(tuple(run.write_rows(*table) for table in tables.items()))
    return len(found) == 1


def killed() -> float:
    """Whether a run that was killed four times while it augmented gives the same files and asks nothing again."""
    with tempfile.TemporaryDirectory() as folder:
        return float(killed_in_augment(Path(folder), kills=4) == clean(4))


class Rationales:
    """Asks every verdict the long way too: reasons first, then yes or no; counts the tokens of both ways.

    Args:
        backend: the teacher.
    """

    def __init__(self, backend):
        self._backend = backend
        self.written = 0

    def __getattr__(self, name):
        return getattr(self._backend, name)

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        if request.max_tokens > 1:
            return await self._backend.complete(request, urgent)
        last = request.messages[-1]["content"].replace(
            "Answer yes or no.", "Give your reasons first, in two or three sentences, then answer yes or no."
        )
        long = replace(
            request,
            messages=[*request.messages[:-1], {"role": "user", "content": last}],
            max_tokens=RATIONALE,
            top_logprobs=0,
        )
        answer = await self._backend.complete(long, urgent)
        verdict = yes_probability(answer.text.rstrip(" .!\n").rpartition(" ")[2], None)
        return replace(answer, text="" if verdict is None else ("Yes" if verdict else "No"), top_logprobs=None)


def seeded(folder: Path) -> dict:
    """Makes the passages and seeds of the sample with the embedded teacher, in `folder`/run; returns the configuration."""
    verdicts = ("low_quality", "private_information", "advertisement")
    few = [f"stages.prescreen.verdicts.{name}=null" for name in verdicts]
    overrides = (*few, "stages.augment.target_size=100000", "stages.augment.epochs=1", f"run={folder / 'run'}")
    for stage in ("prescreen", "seed"):
        execute(resolve(compose_config(*overrides, f"stage={stage}")))
    return resolve(compose_config(*overrides))


def tokens(config: dict, folder: Path, way: Callable[[Backend], Backend]) -> float:
    """Teacher tokens for each instruction that augment accepts of the sample."""
    with closing(RunFolder(folder / "run")) as run:
        documents, seeds = run.read_rows("prescreen", DOCUMENT), run.read_rows("seed", INSTRUCTION)
    with tempfile.TemporaryDirectory() as other, services(config, Path(other), Path(other)) as context:
        context.teacher._backend = way(context.teacher._backend)
        output = augment(documents, seeds, context)
    windows = output.history.to_list()
    accepted = sum(window["accepted"] for window in windows[1:])
    spent = sum(window["prompt_tokens"] + window["completion_tokens"] for window in windows)
    print(f"{accepted} of {sum(output.history['asked'])} accepted, {spent} tokens", file=sys.stderr)
    return spent / max(1, accepted)


def main(quick: bool) -> None:
    logging.getLogger("fanno_hf").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    slots, documents = (16, 300) if quick else (64, 1_500)
    of_ideal = {"unit": "of ideal", "pairs": 1}
    light = lambda *more: lambda: whole_run(slots, documents, "hashing", *more)  # noqa: E731
    report("whole_run_hashing", documents, light(), None, limit=0.85, **of_ideal)
    if not quick:
        report("whole_run", documents, lambda: whole_run(slots, documents, "minilm"), None, limit=0.85, **of_ideal)
        report("short_verdicts", documents, light(None), None, limit=None, **of_ideal)
    given = rows(40 * slots)
    ours, alone = overlap(slots, *given), overlap(slots, *given, "stages.augment.lag=0")
    report("overlap", 40 * slots, lambda: ours, lambda: alone, limit=0.85, **of_ideal)
    report(
        "overlap_over_lag_0",
        40 * slots,
        lambda: ours / alone,
        None,
        limit=None if quick else 2.5,
        unit="times",
        pairs=1,
    )
    for lag in (0, 1, 3):
        same = lambda lag=lag: float(same_bytes(lag))  # noqa: E731
        report(f"same_bytes_lag_{lag}", 300, same, None, limit=1, unit="same bytes", pairs=1)
    report("killed", 4, killed, None, limit=1, unit="same bytes", pairs=1)
    if not quick:
        with tempfile.TemporaryDirectory() as name:
            config = seeded(Path(name))
            ours = lambda: tokens(config, Path(name), lambda backend: backend)  # noqa: E731
            peer = lambda: tokens(config, Path(name), Rationales)  # noqa: E731
            unit = "tokens an accepted instruction; the limit is for the ratio"
            report("tokens", 66, ours, peer, limit=0.5, unit=unit, pairs=1)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
