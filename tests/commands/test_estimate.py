"""stage=estimate: what it projects from a few rows is what the run then takes, on a simulated server."""

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import fanno_hf
from fanno_hf.cli.configuration import resolve
from fanno_hf.commands.estimate import _Probe, _table, project, projections
from fanno_hf.costs import Costs
from fanno_hf.pipeline.run import execute
from fanno_hf.pipeline.services import read_documents, services
from fanno_hf.settings import Price
from fanno_hf.teacher.base import Usage
from tests.conftest import compose_config
from tests.doubles.tgi import TgiServer

SLOTS = 16
SAMPLE = Path(fanno_hf.__file__).parent / "sample" / "documents.jsonl"


def write_mixtures(path, count: int = 120) -> None:
    """Documents of six sentences, each from another text of the sample."""
    texts = [json.loads(line)["text"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    sentences = [s for text in texts for s in re.findall(r"[A-Z][^.!?@|]{40,200}\.", text)]
    rng = np.random.default_rng(0)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(count):
            chosen = rng.choice(len(sentences), 6, replace=False)
            file.write(json.dumps({"text": " ".join(sentences[i] for i in chosen)}) + "\n")


def project_and_run(folder, mean_seconds=0.4):
    """Projects a run on the simulated server, then does it: (the projection, what the run's stages took)."""
    write_mixtures(folder / "documents.jsonl")
    with TgiServer(slots=SLOTS, max_concurrent_requests=SLOTS, mean_seconds=mean_seconds) as server:
        overrides = ["teacher=tgi", f"teacher.base_url={server.url}", "embedder=hashing", "tokenizer=words"]
        overrides += ["data=files", f"data.path={folder / 'documents.jsonl'}", f"run={folder / 'run'}"]
        overrides += ["stages.augment.target_size=90", "stages.augment.window=64", "estimate.rows=40"]
        config = resolve(compose_config(*overrides))
        with services(config, folder, folder) as context:
            projected = projections(read_documents(config, folder).open(), context)
        return projected, execute(config).manifest["stages"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return project_and_run(tmp_path_factory.mktemp("estimate"), mean_seconds=0.02)


@pytest.mark.parametrize("name", ["requests", "prompt_tokens", "completion_tokens"])
def test_the_projection_is_within_a_fifth_of_the_run(both, name):
    projected, stages = both
    taken = sum(entry[name] for entry in stages.values())
    assert sum(getattr(stage, name) for stage in projected) == pytest.approx(taken, rel=0.2)


def test_the_projected_pairs_are_within_a_fifth_of_the_run(both):
    projected, stages = both
    assert projected[-1].rows_out == pytest.approx(stages["respond"]["kept"], rel=0.2)


def test_every_stage_is_projected(both):
    assert [stage.stage for stage in both[0]] == ["prescreen", "seed", "augment", "respond"]


def settings(folder, *more: str):
    """The settings of an estimate from twenty rows, for a run in `folder`/run."""
    given = ("teacher=scripted", "embedder=hashing", "tokenizer=words", "estimate.rows=20")
    return resolve(compose_config(*given, f"run={folder / 'run'}", *more))


@pytest.fixture
def config(tmp_path):
    """A function from overrides to the settings of an estimate."""
    return partial(settings, tmp_path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """An estimate that nothing is asked of: (what it says, where its run would be)."""
    folder = tmp_path_factory.mktemp("plain")
    return str(project(settings(folder))), folder / "run"


def cells(text: str, stage: str) -> list[str]:
    """The cells of a stage's line."""
    return next(line.strip("|").replace(" ", "").split("|") for line in text.splitlines() if f"| {stage} " in line)


def test_the_table_ends_with_the_pairs(plain):
    assert re.search(r"^at most \d+ pairs$", plain[0], re.MULTILINE)


def test_a_price_gives_the_cost(config):
    text = str(project(config("teacher.price.completion=1000.0", "teacher.price.currency=EUR")))
    _, *_, written, _, cost, _ = cells(text, "all")[1:]
    assert cost == f"{int(written.replace(',', '')) / 1000:,.2f}EUR"


def test_what_is_in_the_cache_of_the_server_costs_what_it_costs_there():
    used = Usage(requests=1, prompt_tokens=1_000_000, cached_tokens=400_000)
    costs = Costs(Price(prompt=2.0, cached=1.0))
    costs.count(used.prompt_tokens, used.cached_tokens, 0, judged=False)
    probe = _Probe(rows=10, kept=10, used=used, idle=0.0, costs=costs, spent=costs.tokens)
    assert probe.project("seed", 100, 100, 8).cost == pytest.approx(16.0)


def test_without_a_price_there_is_no_cost(plain):
    assert "cost" not in plain[0]


def test_an_estimate_writes_nothing_into_the_run_folder(plain):
    assert not plain[1].exists()


def test_documents_that_may_be_asked_about_only_once_limit_the_projected_pool(config):
    # far more instructions than the documents can give in one epoch
    text = str(project(config("stages.augment.target_size=100000", "stages.augment.epochs=1")))
    assert int(cells(text, "augment")[-1].replace(",", "")) < 200


def test_without_verdicts_prescreening_asks_nothing(config):
    off = [
        f"stages.prescreen.verdicts.{name}=null" for name in ("low_quality", "private_information", "advertisement")
    ]
    assert cells(str(project(config(*off))), "prescreen")[1:3] == ["0", "0"]


def test_tokens_that_nobody_counted_are_marked():
    probe = _Probe(rows=10, kept=10, used=Usage(requests=1, estimated=1), idle=0.0, costs=Costs(Price()), spent=0.0)
    assert "the server counts no tokens: they are estimates" in _table([probe.project("seed", 100, 100, 8)], "USD")
