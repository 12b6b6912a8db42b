"""Recipes: each composes and resolves, its targets exist, it runs on the scripted teacher; ablations do what they say."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hydra.utils
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig

from fanno_hf.cli.configuration import resolve
from fanno_hf.pipeline.run import execute
from fanno_hf.settings import REWARDS
from tests.conftest import CONFIGURATION, compose_config

ROOT = Path(__file__).resolve().parents[1]
SWEEP = sorted(path.stem for path in (ROOT / "recipes" / "ablations").glob("*.yaml"))
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))

# a recipe without its server, its documents and its size
DRY = (
    "teacher=scripted",
    "~teacher.base_url",
    "data=sample",
    "data.limit=60",
    "embedder=hashing",
    "stages.augment.target_size=20",
)
DRY_OF = {
    **dict.fromkeys(RECIPES, ("~teacher.model", "~data.name", "~data.text_column", "tokenizer.name_or_path=words")),
    "plain": ("~data.path",),
}
ABLATIONS = (
    "stages.prescreen.enabled=false",
    "tags=none",
    "stages.augment.policy=random",
    "stages.augment.think_different=false",
    "stages.respond.mode=direct",
)


def compose_recipe(name: str, *overrides: str) -> DictConfig:
    """Composes what `python -m fanno_hf -cd recipes -cn <name>` composes."""
    search = f"hydra.searchpath=[file://{CONFIGURATION}]"
    return compose_config(search, *overrides, name=name, folder=ROOT / "recipes")


def targets(node: Any) -> Iterator[str]:
    """Every `_target_` in a configuration."""
    if isinstance(node, Mapping):
        if node.get("_target_"):
            yield node["_target_"]
        for value in node.values():
            yield from targets(value)


def test_there_are_recipes():
    assert {"fanno-v1", "fanno-acl2025", "smoke"} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_resolves(name):
    config = resolve(compose_recipe(name))
    found = list(targets(config.resolved))
    assert found
    for target in found:
        assert callable(hydra.utils.get_object(target)), target
    assert config.run == name  # runs of two recipes never share a folder


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_has_its_header(name):
    """What is needed, the command, one override, what it cannot do."""
    head = (ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8").split("defaults:")[0]
    for heading in ("Prerequisite", "Command", "Override", "Limits"):
        assert f"# {heading} " in head
    assert f"python -m fanno_hf -cd recipes -cn {name}\n" in head


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"smoke"}))
def test_recipe_runs_dry(name, tmp_path):
    """With its own numbers but for the size, on the scripted teacher."""
    config = resolve(compose_recipe(name, *DRY, *DRY_OF[name], f"run={tmp_path / 'run'}", "log_level=WARNING"))
    folder = execute(config)
    assert len(read(folder.path, "augment")) == 20
    assert len(read(folder.path, "data")) > 10
    passages = 1 + config.respond.retrieved if config.respond.mode == "grounded" else 0
    assert all(len(row["passages"]) == passages for row in read(folder.path, "respond"))


def test_plain_asks_once_for_each_instruction_and_each_answer(tmp_path, caplog):
    given = ("teacher=scripted", "~teacher.base_url", "data=sample", "~data.path", "data.limit=20")
    stages = execute(resolve(compose_recipe("plain", *given, f"run={tmp_path / 'run'}"))).manifest["stages"]
    asked = {name: entry["requests"] for name, entry in stages.items()}
    assert asked == {
        "prescreen": 0,
        "seed": stages["seed"]["rows_in"],
        "augment": 0,
        "respond": stages["seed"]["kept"],
    }
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == []


def read(run: Path, config: str) -> list[dict[str, Any]]:
    """The rows of one config of a run folder; none where it has no file."""
    path = run / config / "train-00000-of-00001.parquet"
    return pq.read_table(path).to_pylist() if path.exists() else []


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """A function that runs the smoke recipe with overrides, each set of them once, and returns the run folder."""

    @cache
    def run(*overrides: str) -> Path:
        path = tmp_path_factory.mktemp("smoke") / "run"
        return execute(resolve(compose_recipe("smoke", *overrides, f"run={path}", "log_level=WARNING"))).path

    return run


def test_smoke_runs_from_end_to_end(smoke):
    run = smoke()
    documents, seeds, pool, pairs = (read(run, name) for name in ("prescreen", "seed", "augment", "data"))
    assert len(documents) > len(seeds) > 0
    assert len(pool) == 24
    assert 0 < len(pairs) <= len(pool)
    assert [row["instruction_id"] for row in pool[: len(seeds)]] == [row["instruction_id"] for row in seeds]
    assert {row["instruction"] for row in pairs} <= {row["instruction"] for row in pool}


@pytest.mark.parametrize("name", RECIPES)
def test_ablations_compose_on_every_recipe(name):
    resolved = resolve(compose_recipe(name, *ABLATIONS)).resolved
    for override in ABLATIONS:
        found = resolved
        for part in override.partition("=")[0].split("."):
            found = found[part]
        assert found is not None, f"{override} composes to nothing"


def test_the_sweep_has_every_ablation_of_the_paper_and_every_reward_each_in_a_folder_with_one_journal():
    """One test: composing a recipe with each file of the sweep takes a while, and it is done once."""
    sweep = {name: resolve(compose_recipe("fanno-v1", f"+ablations={name}")).resolved for name in SWEEP}
    for name, config in sweep.items():
        assert (config["run"], config["journal"]) == (f"runs/ablations/{name}", "runs/ablations/journal.sqlite")
    alike = [{**config, "run": "x", "journal": None} for config in sweep.values()]
    for override in ABLATIONS:
        assert resolve(compose_recipe("fanno-v1", override, "run=x")).resolved in alike, override
    for reward in REWARDS:
        assert sweep[f"reward-{reward.replace('_', '-')}"]["stages"]["augment"]["reward"] == reward


@pytest.mark.parametrize("words", [*(f"| `{name}` |" for name in SWEEP), *(f"`{override}`" for override in ABLATIONS)])
def test_the_sweep_and_the_ablations_are_in_the_readme(words):
    assert words in (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")


def test_without_prescreening_documents_are_only_cut(smoke):
    screened, unscreened = smoke(), smoke("stages.prescreen.enabled=false")
    assert {row["reason"] for row in read(screened, "rejected/prescreen")} > {"exact_duplicate", "near_duplicate"}
    assert {row["reason"] for row in read(unscreened, "rejected/prescreen")} <= {"empty"}
    assert len(read(unscreened, "prescreen")) > len(read(screened, "prescreen"))
    assert all(row["verdicts"] is None and row["community"] is None for row in read(unscreened, "prescreen"))


def test_without_tags_every_instruction_is_of_any_kind(smoke):
    rows = read(smoke("tags=none"), "augment")
    assert {(row["task_type"], row["characteristic"], row["style"]) for row in rows} == {("any", "any", "any")}
    assert len({row["task_type"] for row in read(smoke(), "augment")}) > 3


def test_random_policy_draws_other_counterexamples(smoke):
    by_ucb, at_random = (
        {row["document_id"]: row["counterexamples"] for row in read(run, "augment") if row["origin"] == "augment"}
        for run in (smoke(), smoke("stages.augment.policy=random"))
    )
    assert at_random and all(len(set(drawn)) == 3 for drawn in at_random.values())
    assert any(at_random[document] != by_ucb[document] for document in at_random.keys() & by_ucb.keys())


def test_without_think_different_there_are_no_counterexamples(smoke):
    run = smoke("stages.augment.think_different=false")
    augmented = [row for row in read(run, "augment") if row["origin"] == "augment"]
    assert augmented and all(row["counterexamples"] == [] for row in augmented)
    assert all(row["pulls"] == 0 for row in read(run, "augment"))
    # asked with the seed prompt, which knows of no others
    assert {row["prompt_digest"] for row in augmented} == {row["prompt_digest"] for row in read(run, "seed")}
    assert all(row["counterexamples"] for row in read(smoke(), "augment") if row["origin"] == "augment")


def test_direct_responses_have_no_passages(smoke):
    assert all(row["passages"] == [] for row in read(smoke("stages.respond.mode=direct"), "data"))
    assert all(len(row["passages"]) == 2 for row in read(smoke(), "data"))


def test_an_ablation_changes_only_its_own_stage_and_what_follows(smoke):
    """The stages before it are the same rows."""
    for override in ("stages.augment.policy=random", "stages.augment.think_different=false"):
        assert read(smoke(override), "seed") == read(smoke(), "seed")
    assert read(smoke("stages.respond.mode=direct"), "augment") == read(smoke(), "augment")
