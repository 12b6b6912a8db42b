"""stage=diff: what two runs, or two revisions, have in common and what not."""

import re
import shutil
from contextlib import closing

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.commands.diff import diff
from fanno_hf.hub.publish import publish
from fanno_hf.output.folder import RunFolder
from tests.conftest import SMALL, compose_config, edit_run_json, small_run
from tests.hub.conftest import REPO, config_of, loopback_hub


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("made")).path


@pytest.fixture
def sides(made, tmp_path):
    """The same run twice."""
    return [shutil.copytree(made, tmp_path / name) for name in ("one", "two")]


def change(folder, config: str, key: str, function) -> None:
    """Rewrites a table of a run."""
    with closing(RunFolder(folder)) as run:
        run.manifest["stages"][config][key] = run.write_rows(config, function(run.read_rows(config)))
        run.write_manifest()


def said(a, b, *overrides: str) -> str:
    return diff(resolve(compose_config(*SMALL, "stage=diff", f"diff.a={a}", f"diff.b={b}", *overrides)))


def line(text: str, *begins: str) -> list[str]:
    """The cells of the one table line that begins with these cells."""
    rows = [[cell.strip() for cell in row[1:-1].split("|")] for row in text.splitlines() if row.startswith("|")]
    return next(row for row in rows if row[: len(begins)] == list(begins))


def test_equal_runs_have_no_difference(sides):
    text = said(*sides)
    tables = [line(text, name) for name in ("prescreen", "seed", "augment", "respond", "default")]
    assert [row[3:] for row in tables] == [["0", "0", "0", ""]] * 5
    assert "The settings are the same." in text


@pytest.mark.parametrize(("places", "column"), [((0, 1), 3), ((1, 0), 4)], ids=["added", "removed"])
def test_rows_of_one_side_alone_are_added_or_removed(sides, places, column):
    change(sides[places[0]], "respond", "output", lambda rows: rows.select(range(1, len(rows))))
    assert line(said(*sides), "respond")[column] == "1"


def test_a_row_with_another_response_is_changed_and_its_column_named(sides):
    def answer_anew(rows):
        return rows.map(lambda row, i: {"response": "No."} if i == 0 else row, with_indices=True)

    change(sides[1], "respond", "output", answer_anew)
    assert line(said(*sides), "respond")[3:] == ["0", "0", "1", "response 1"]


def test_the_first_of_what_differs_is_shown_and_none_on_request(sides):
    with closing(RunFolder(sides[0])) as run:
        first = run.read_rows("seed")["instruction"][0]
    change(sides[1], "seed", "output", lambda rows: rows.select(range(1, len(rows))))
    assert f"seed removed: {first}" in said(*sides)
    assert "seed removed:" not in said(*sides, "diff.examples=0")


def test_the_funnels_stand_side_by_side(sides):
    edit_run_json(sides[1], lambda content: content["stages"]["prescreen"]["rejected"].update(garbled=4))
    assert line(said(*sides), "prescreen", "garbled")[2:] == ["0", "4"]


def test_the_metrics_stand_side_by_side(sides):
    change(sides[1], "respond", "output", lambda rows: rows.select([0, 1]))
    assert line(said(*sides), "rows")[2] == "2"


def test_a_setting_that_differs_is_named(sides, tmp_path):
    (tmp_path / "other").mkdir()
    other = small_run(tmp_path / "other", "stage=prescreen", "random_seed=7").path
    assert line(said(sides[0], other), "random_seed")[1:] == ["0", "7"]


def test_a_revision_on_the_hub_is_held_against_the_run_here(sides, tmp_path):
    with loopback_hub(tmp_path / "home"):
        publish(config_of(sides[0], revision="old"))
        change(sides[0], "respond", "output", lambda rows: rows.select(range(2, len(rows))))
        text = said(f"{REPO}@old", sides[0])
    assert line(text, "respond")[3:6] == ["0", "2", "0"]
    assert re.search(r"^a: tester/fanno@old \(.*commit [0-9a-f]{12}\)", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("null", "null", "a is missing: give two runs"),
        ("demo", "null", "b is missing"),
        ("demo", "demo", "are the same run: give two"),
        ("nowhere", "nothing", "diff.a=nowhere: runs/nowhere is not a run, and nowhere is not a revision on the Hub"),
    ],
)
def test_a_mistake_is_said_in_one_sentence(cli, a, b, words):
    code, text = cli("stage=diff", f"diff.a={a}", f"diff.b={b}")
    assert code == 2
    assert words in text
