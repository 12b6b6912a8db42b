"""`-m` runs several configurations and ends with one table."""

from pathlib import Path

import pytest

from fanno_hf.cli.comparison import COLUMNS, compare

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
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
    assert all(list(line) == list(COLUMNS) and all(line.values()) for line in found.values())
    assert (found["no-think-different"]["pool"], found["no-think-different"]["pulls"]) == ("24", "0-0")
    assert all(f"\n{name}: {meaning}" in shown for name, meaning in COLUMNS.items())


def test_a_run_that_fails_leaves_the_others_alone(sweep):
    keys = ("stages.prescreen.min_tokens=500,20", "run=tokens-${stages.prescreen.min_tokens}")
    code, said, shown = sweep(*keys, "stage=prescreen")
    assert code == 1
    assert "The stage prescreen kept no row" in said
    found = table(shown)
    assert (found["tokens-20"]["passages"] != "", found["tokens-500"]["passages"]) == (True, "")


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
