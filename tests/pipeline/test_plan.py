"""The plan: what decides a stage's rows, and the tables it leaves."""

import pytest

from fanno_hf.pipeline.plan import STAGES, TABLES, TASKS, load, tables_of
from fanno_hf.pipeline.run import execute
from tests.test_recipes import compose_recipe, resolve

# of a run of the smoke recipe; where one changes, finished runs are done again: say so under Data in CHANGELOG.md
FINGERPRINTS = {
    "prescreen": "2ab77f2d580b51412746",
    "seed": "1afb3b406d7f678a7b02",
    "augment": "07aad6b6720dfa80a6b1",
    "respond": "8cb1c5e226e2f1167d0a",
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan") / "run"
    return execute(resolve(compose_recipe("smoke", f"run={folder}", "log_level=WARNING"))).manifest


def test_a_run_that_is_finished_today_is_up_to_date_tomorrow(manifest):
    assert {stage: entry["fingerprint"][:20] for stage, entry in manifest["stages"].items()} == FINGERPRINTS


@pytest.mark.parametrize(
    "function", [*(stage.function for stage in STAGES.values()), *(task.function for task in TASKS.values())]
)
def test_every_function_is_there(function):
    assert callable(load(function))


def test_a_run_has_the_tables_of_its_stages(manifest):
    assert [table.name for table in tables_of(manifest)] == [table.name for table in TABLES]
    assert [table.name for table in TABLES][:2] == ["default", "prescreen"]
