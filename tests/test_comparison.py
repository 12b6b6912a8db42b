"""`-m` runs several configurations and ends with one table."""

import json
from pathlib import Path

import pytest

from fanno_hf.cli.comparison import COLUMNS, compare
from fanno_hf.cli.configuration import resolve
from fanno_hf.training.current import made_of
from fanno_hf.training.lessons import read_lessons
from tests.conftest import compose_config, small_run

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
OF_A_RUN = [name for name in COLUMNS if not name.startswith("student_")]
SMOKE = ("-cd", str(RECIPES), "-cn", "smoke", "-m", "log_level=WARNING")


def table(shown: str) -> dict[str, dict[str, str]]:
    """The printed table: run -> column -> cell."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("|")]
    start = max(number for number, line in enumerate(lines) if line[0] == "run")
    head, _, *rows = lines[start:]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


@pytest.fixture
def sweep(cli):
    """A function that sweeps and returns (exit code, stderr, stdout)."""
    return lambda *arguments: (*cli(*SMOKE, *arguments), cli.shown)


def test_every_run_has_a_line_with_every_figure(sweep):
    code, _, shown = sweep("+ablations=full,no-think-different")
    found = table(shown)
    assert (code, list(found)) == (0, ["full", "no-think-different"])
    assert all(list(line) == OF_A_RUN and all(line.values()) for line in found.values())
    assert (found["no-think-different"]["pool"], found["no-think-different"]["pulls"]) == ("24", "0-0")
    assert all(f"\n{name}: {COLUMNS[name]}" in shown for name in OF_A_RUN)


@pytest.fixture
def evaluated(tmp_path):
    """A function that makes a run with a student and its table; `answers`: what its loss was measured on."""

    def make(name: str, answers: str = "people") -> Path:
        (tmp_path / name).mkdir()
        path = small_run(tmp_path / name).path
        plan = {"train": {"data": "run", "max_rows": None}, "random_seed": 42}
        settings = resolve(compose_config("stage=train", f"run={path}"))
        student = path / "students" / "cpu"
        student.mkdir(parents=True)
        record = {"plan": {**plan, "pairs": read_lessons(settings).sha256}}
        (student / "training.json").write_text(json.dumps(record), encoding="utf-8")
        (path / "evaluation").mkdir()
        line = {"loss_token": {"value": 2.3456}, "weighted": {"value": 0.6123, "interval": [0.5, 0.7]}}
        models = [{"name": "base", "identity": "b"}, {"name": "cpu", "identity": "c", "made_of": made_of(student)}]
        numbers = {"figures": {"base": {}, "cpu": line}, "models": models}
        numbers["measured_with"] = {"loss": answers, "judged": "judge"}
        (path / "evaluation" / "table.json").write_text(json.dumps(numbers), encoding="utf-8")
        return path

    return make


def test_what_a_student_reached_has_columns_where_a_run_has_one(tmp_path, evaluated):
    run = evaluated("a")
    (tmp_path / "b").mkdir()
    other = small_run(tmp_path / "b").path
    lines = compare([f"{run}", f"{other}"])
    assert lines.count("2.346") == 1 and lines.count("61.2%") == 1 and "COMPARED" not in lines
    assert "student_loss" in lines and "student_loss" not in compare([f"{other}"])


def test_a_student_of_another_day_is_not_shown(tmp_path, evaluated):
    run = evaluated("a")
    assert "2.346" in compare([f"{run}"]) and "2.346" not in compare([f"{run}"], {f"{run}"})  # its training failed
    record = run / "students" / "cpu" / "training.json"
    made = record.read_text("utf-8")
    record.write_text(json.dumps({"plan": {**json.loads(made)["plan"], "epochs": 9}}), encoding="utf-8")
    assert "2.346" not in compare([f"{run}"])  # trained again, not evaluated
    record.write_text(made, encoding="utf-8")
    assert "2.346" in compare([f"{run}"])
    small_run(tmp_path / "a", "stages.respond.mode=direct")
    assert "2.346" not in compare([f"{run}"])  # the run has other pairs


def test_figures_of_other_data_are_not_to_be_compared(evaluated):
    runs = [evaluated("a"), evaluated("b", "others")]
    legend = {line.split(":")[0]: line for line in compare([f"{run}" for run in runs]).splitlines()}
    assert "NOT TO BE COMPARED" in legend["student_loss"] and "COMPARED" not in legend["student_wins"]


def test_a_run_that_fails_leaves_the_others_alone(sweep):
    keys = ("stages.prescreen.min_tokens=500,20", "run=tokens-${stages.prescreen.min_tokens}")
    code, said, shown = sweep(*keys, "stage=prescreen")
    assert code == 1
    assert "The stage prescreen kept no row" in said
    found = table(shown)
    assert (int(found["tokens-20"]["passages"]) > 0, found["tokens-500"]["passages"]) == (True, "0")


def test_runs_in_one_folder_do_not_hide_a_failure(sweep):
    code, said, _ = sweep("run=same", "stage=seed,prescreen")
    assert code == 2
    assert "Several runs wrote to one folder" in said


def test_a_run_without_a_name_is_no_way_out(sweep):
    assert sweep("run='',b", "stage=seed")[0] == 2


def test_a_run_that_never_began_is_an_empty_line_and_no_folder(tmp_path):
    assert set(table(compare([str(tmp_path / "new")]))["new"].values()) == {""}
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_no_run_is_an_empty_line(tmp_path):
    (tmp_path / "run.json").write_text("{")
    assert set(table(compare([str(tmp_path)]))[tmp_path.name].values()) == {""}
