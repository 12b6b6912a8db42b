"""Runs that stop early: what a stage that keeps no row leaves, and that nothing made from rows that are gone looks valid."""

import json
import logging
import re
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from fanno_hf.cli.comparison import compare
from fanno_hf.cli.configuration import resolve
from fanno_hf.commands.diff import diff
from fanno_hf.commands.export import export
from fanno_hf.errors import StageEmpty, UserError
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.markdown import plain
from fanno_hf.pipeline.plan import STAGES
from fanno_hf.report.report import report
from tests.conftest import SMALL, compose_config, edit_run_json, small_run

EMPTYING = {
    "prescreen": ("stages.prescreen.min_tokens=500", "9 of 9 are too_short: lower stages.prescreen.min_tokens."),
    "seed": ("stages.seed.min_relevance=1.0", "of 14 are off_topic: lower stages.seed.min_relevance."),
    "respond": ("stages.respond.min_words=5000", "12 of 12 are too_short: lower stages.respond.min_words."),
}


@dataclass(frozen=True)
class Stopped:
    """A finished run, exported, in which a stage was done again and kept no row."""

    stage: str
    folder: Path
    said: str  # by the error
    log: str

    @property
    def manifest(self) -> dict:
        return run_json(self.folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder that holds the documents and a finished run with an export, which no test changes."""
    folder = tmp_path_factory.mktemp("finished")
    small_run(folder)
    export(settings_of(f"run={folder / 'run'}"))
    return folder


@pytest.fixture(scope="module", params=EMPTYING)
def stopped(request, finished, tmp_path_factory) -> Stopped:
    """A run that stopped at each of these stages, which no test changes."""
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    logger, log = logging.getLogger("fanno_hf"), StringIO()
    handler, level = logging.StreamHandler(log), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        said = stop(folder, request.param)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return Stopped(request.param, folder / "run", said, log.getvalue())


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of the finished run."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def stop(folder: Path, stage: str, *overrides: str) -> str:
    """Has a stage of `folder`/run keep no row, and returns the sentence about it."""
    with pytest.raises(StageEmpty) as raised:
        small_run(folder, EMPTYING[stage][0], *overrides)
    return str(raised.value)


def settings_of(*overrides: str):
    return resolve(compose_config(*SMALL, *overrides))


def run_json(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every table and export of a run, by its name."""
    paths = [*folder.rglob("*.parquet"), *folder.rglob("export/*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(paths)}


def test_the_sentence_names_the_most_frequent_reason_and_the_key_that_relaxes_it(stopped):
    assert stopped.said.startswith(f"The stage {stopped.stage} kept no row (")
    assert EMPTYING[stopped.stage][1] in stopped.said


def test_rows_funnel_and_reason_are_written_and_logged(stopped):
    entry = stopped.manifest["stages"][stopped.stage]
    path = stopped.folder / "rejected" / stopped.stage / "train-00000-of-00001.parquet"
    assert (entry["stopped"], entry["kept"], entry["output"]) == (stopped.said, 0, None)
    assert pq.read_table(path).num_rows == entry["rows_in"] == sum(entry["rejected"].values())
    assert f"{stopped.stage}: 0 of {entry['rows_in']} rows kept" in stopped.log
    card = (stopped.folder / "README.md").read_text(encoding="utf-8")
    assert f"> {plain(stopped.said)}" in card
    assert re.search(rf"\| {stopped.stage} +\| +{entry['rows_in']} \| +0 \|", card)


def test_what_it_and_the_stages_after_it_made_before_is_no_part_of_the_run(stopped, tmp_path):
    stage, folder, cache = stopped.stage, str(stopped.folder), str(tmp_path / "cache")
    assert list(stopped.manifest.get("stale", {})) == list(STAGES)[list(STAGES).index(stage) + 1 :]
    left = [table.name for table in STAGES[stage].tables if list((stopped.folder / table.folder).glob("*"))]
    assert left == [f"rejected_{stage}"]
    rows = load_dataset(folder, f"rejected_{stage}", split="train", cache_dir=cache)
    assert set(rows["reason"]) == set(stopped.manifest["stages"][stage]["rejected"])
    with pytest.raises(ValueError, match="BuilderConfig 'default' not found"):
        load_dataset(folder, "default", cache_dir=cache)


def test_the_same_command_again_says_the_same_and_asks_nothing(stopped, tmp_path):
    before = contents(stopped.folder)
    assert stop(stopped.folder.parent, stopped.stage, f"teacher.log={tmp_path / 'log'}") == stopped.said
    assert not (tmp_path / "log").exists()
    assert contents(stopped.folder) == before


def test_what_reads_the_run_says_so(stopped, finished):
    with pytest.raises(UserError, match=re.escape(f"has no rows that are this run's. {stopped.said}")):
        export(settings_of(f"run={stopped.folder}"))
    shown = diff(settings_of(f"diff.a={finished / 'run'}", f"diff.b={stopped.folder}", "report.rows=1"))
    assert f"\nb: {stopped.said}\n" in shown
    assert ("export/prompt_completion.jsonl" in shown) == (stopped.stage != "respond")


def test_a_table_of_several_runs_shows_what_each_has(stopped):
    cells = compare([str(stopped.folder)]).splitlines()[2].replace(" ", "").split("|")[1:]
    found = dict(zip(("run", "passages", "seeds"), cells, strict=False))
    expected = {"prescreen": ("0", ""), "seed": ("7", "0"), "respond": ("7", "7")}[stopped.stage]
    assert (found["passages"], found["seeds"], cells[5]) == (*expected, "12" if stopped.stage == "respond" else "")


def test_with_the_settings_of_before_everything_is_back_and_nothing_is_asked(folder, finished, tmp_path):
    stop(tmp_path, "seed")
    small_run(tmp_path, f"teacher.log={tmp_path / 'log'}")
    assert not (tmp_path / "log").exists()
    assert contents(folder) == contents(finished / "run")
    assert "stale" not in run_json(folder)


def test_a_report_and_a_later_stage_say_why_the_run_stopped(folder, tmp_path):
    said = stop(tmp_path, "seed")
    report(settings_of(f"run={folder}", "report.map=0"))
    assert EMPTYING["seed"][1] in (folder / "report.html").read_text(encoding="utf-8")
    with pytest.raises(UserError) as refused:
        small_run(tmp_path, "stage=augment")
    assert str(refused.value) == f"stage=augment reads the rows of seed, and there are none. {said}"


def test_a_stage_before_others_that_makes_other_rows_leaves_those_stale(folder, tmp_path):
    small_run(tmp_path, "stage=prescreen", "data.limit=3")
    assert list(run_json(folder)["stale"]) == ["seed", "augment", "respond"]
    with pytest.raises(UserError, match="stage=respond reads the rows of augment, and .* has none that are complete"):
        small_run(tmp_path, "stage=respond")
    with pytest.raises(UserError, match="was made from rows that are gone: run stage=respond again"):
        export(settings_of(f"run={folder}"))


def test_an_export_is_made_anew_with_the_pairs(folder, tmp_path):
    before = (folder / "export/prompt_completion.jsonl").read_text(encoding="utf-8")
    small_run(tmp_path, "stage=respond", "stages.respond.temperature=0.1")
    after = (folder / "export/prompt_completion.jsonl").read_text(encoding="utf-8")
    pairs = pq.read_table(folder / "data/train-00000-of-00001.parquet").to_pylist()
    assert [json.loads(line)["id"] for line in after.splitlines()] == [pair["id"] for pair in pairs]
    assert after != before


def test_a_stale_entry_that_was_changed_is_refused(folder, tmp_path):
    small_run(tmp_path, "stage=prescreen", "data.limit=3")
    edit_run_json(folder, lambda manifest: manifest["stale"]["augment"].update(kept=9012), renew=False)
    with pytest.raises(UserError, match=r"\(stale\.augment is not what its checksum was made of\)"):
        RunFolder(folder)
