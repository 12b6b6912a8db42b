"""Augmentation: how well overlapping windows keep a server busy, and what an accepted instruction costs.

    whole_run           Σ service ÷ (slots × wall time) of all four stages, barriers included, default settings
    whole_run_hashing   the same without what the default embedder takes of the same cores
    whole_run_server    the same with embedder=server, a simulated one in a process of its own: 2 ms a text, as on a small GPU
    short_verdicts      the same again where a verdict takes what its few tokens take
    overlap             augment alone, windows of 1.5 x slots, 40 x slots documents, lengths from one to four times the
                        mean, against lag=0 (2.5 times that is asked for)
    tokens              of the embedded teacher for each accepted instruction, against verdicts by a written rationale

`--quick` takes fewer slots and leaves out what needs the embedded teacher.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import datasets
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.columns import DOCUMENT, INSTRUCTION
from fanno_hf.identity import content_id
from fanno_hf.instructing.verdicts import yes_probability
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.run import execute
from fanno_hf.pipeline.services import build
from fanno_hf.settings import Settings
from fanno_hf.stages.augment import augment
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.rows import conform
from fanno_hf.teacher.base import Backend, Completion, Request
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.service import Teacher
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.vectors.embedder import HashingEmbedder
from tests.benchmarks import RATIO, once, report, start
from tests.benchmarks.goodput import SIGMA, ideal
from tests.commands.test_estimate import write_mixtures
from tests.conftest import compose_config
from tests.doubles.tgi import TgiServer

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


@contextmanager
def embedding_server(seconds: float = 0.002) -> Iterator[str]:
    """One text after the other takes so long; gives the address."""
    command = [sys.executable, "-m", "tests.doubles.tei", json.dumps({"seconds": seconds, "dimension": 256})]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield json.loads(process.stdout.readline())["url"]
        process.kill()


def whole_run_server(slots: int, documents: int) -> float:
    with embedding_server() as url:
        return whole_run(slots, documents, "server", more=(f"embedder.base_url={url}", "embedder.related_from=null"))


def whole_run(
    slots: int, documents: int, embedder: str, verdict_seconds: float | None = MEAN, more: Sequence[str] = ()
) -> float:
    with tempfile.TemporaryDirectory() as name, server(slots, verdict_seconds) as running:
        folder = Path(name)
        write_mixtures(folder / "documents.jsonl", documents)
        config = compose_config(
            *("teacher=tgi", f"teacher.base_url={running.url}", f"embedder={embedder}", *more),
            *("data=files", f"data.path={folder / 'documents.jsonl'}", f"run={folder / 'run'}"),
            # the default is the size of a demo
            f"stages.augment.target_size={int(1.5 * documents)}",
            # to a bag of words common words make texts alike; 0.7 is for real embedders
            *(["stages.prescreen.communities.threshold=0.9"] if embedder in ("hashing", "server") else []),
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


def do(
    chosen: Settings, backend, documents: Dataset, seeds: Dataset, folder: Path, embedder=None, counter=None
) -> StageOutput:
    with closing(Teacher(backend, Journal(folder / "journal.sqlite"))) as teacher:
        context = Context(chosen, teacher, embedder or HashingEmbedder(), counter or TokenCounter.load("words"))
        return augment(documents, seeds, context)


def overlap(slots: int, *overrides: str) -> float:
    """With the long tail of real answers and verdicts that take what one token takes; until the documents run out."""
    endless = (
        *("stages.augment.target_size=1000000", "stages.augment.token_budget=null"),
        *("stages.augment.epochs=1", "stages.augment.min_relevance=null"),
    )
    sizes = (f"stages.augment.window={int(1.5 * slots)}", "stages.augment.max_tokens=512")
    names = ("teacher=scripted", "embedder=hashing", "tokenizer=words")
    config, given = resolve(compose_config(*names, *endless, *sizes, *overrides)), rows(40 * slots)
    with tempfile.TemporaryDirectory() as folder, server(slots, None, LONG_TAIL) as running:
        started = time.perf_counter()
        do(config, Pool(running.url), *given, Path(folder))
        return ideal([running], slots) / (time.perf_counter() - started)


class Rationales:
    """Asks every verdict of a teacher the long way: reasons first, then yes or no."""

    def __init__(self, backend):
        self._backend = backend

    def __getattr__(self, name):
        return getattr(self._backend, name)

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        if request.max_tokens > 1:
            return await self._backend.complete(request, urgent)
        reasons = "Give your reasons first, in two or three sentences, then answer yes or no."
        last = {"role": "user", "content": request.messages[-1]["content"].replace("Answer yes or no.", reasons)}
        messages = [*request.messages[:-1], last]
        long = replace(request, messages=messages, max_tokens=RATIONALE, top_logprobs=0)
        answer = await self._backend.complete(long, urgent)
        verdict = yes_probability(answer.text.rstrip(" .!\n").rpartition(" ")[2], None)
        return replace(answer, text="" if verdict is None else ("Yes" if verdict else "No"), top_logprobs=None)


def seeded(folder: Path) -> Settings:
    """Makes the passages and seeds of the sample with the embedded teacher, in `folder`/run; returns the settings."""
    verdicts = ("low_quality", "private_information", "advertisement")
    few = [f"stages.prescreen.verdicts.{name}=null" for name in verdicts]
    overrides = (*few, "stages.augment.target_size=100000", "stages.augment.epochs=1", f"run={folder / 'run'}")
    for stage in ("prescreen", "seed"):
        execute(resolve(compose_config(*overrides, f"stage={stage}")))
    return resolve(compose_config(*overrides))


def tokens(config: Settings, folder: Path, way: Callable[[Backend], Backend]) -> float:
    """Teacher tokens for each instruction that augment accepts of the sample."""
    with closing(RunFolder(folder / "run")) as run:
        documents, seeds = run.read_rows("prescreen", DOCUMENT), run.read_rows("seed", INSTRUCTION)
    backend = way(build("teacher", config.resolved["teacher"]))
    embedder = build("embedder", config.resolved["embedder"])
    with tempfile.TemporaryDirectory() as other:
        output = do(
            config, backend, documents, seeds, Path(other), embedder, build("tokenizer", config.resolved["tokenizer"])
        )
    windows = output.history.to_list()
    accepted = sum(window["accepted"] for window in windows[1:])
    spent = sum(window["prompt_tokens"] + window["completion_tokens"] for window in windows)
    print(f"{accepted} of {sum(output.history['asked'])} accepted, {spent} tokens", file=sys.stderr)
    return spent / max(1, accepted)


def main(quick: bool) -> None:
    slots, documents = (16, 300) if quick else (64, 1_500)
    goal = {"unit": "of ideal", "limit": 0.85}
    once("whole_run_hashing", documents, whole_run(slots, documents, "hashing"), **goal)
    once("whole_run_server", documents, whole_run_server(slots, documents), **goal)
    if not quick:
        once("whole_run", documents, whole_run(slots, documents, "minilm"), **goal)
        once("short_verdicts", documents, whole_run(slots, documents, "hashing", None), unit="of ideal")
    ours, peer = partial(overlap, slots), partial(overlap, slots, "stages.augment.lag=0")
    report("overlap", 40 * slots, ours, peer, **goal, pairs=1)
    if not quick:
        with tempfile.TemporaryDirectory() as name:
            ours = partial(tokens, seeded(Path(name)), Path(name))
            measures = partial(ours, lambda backend: backend), partial(ours, Rationales)
            report("tokens", 66, *measures, limit=0.5, unit=f"tokens an accepted instruction{RATIO}", pairs=1)


if __name__ == "__main__":
    start(main)
