"""The tables of the report: which form rows have, which task types the teacher named, what parsing took off."""

import hashlib
import shutil
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.output.folder import RunFolder
from fanno_hf.report.completions import completion_tables
from fanno_hf.report.form import form_tables, window_groups
from tests.conftest import compose_config, edit_run_json, small_run

CONFIGS = ("seed", "augment", "rejected/seed", "rejected/augment")
OTHER = [
    {"instruction": "Why?", "input": "", "response": "Because."},
    {"instruction": "Mend this.\n\nQuickly.", "input": "x = foo()", "response": "- a\n- b"},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("made")).path


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "demo")


def replace(run, config: str, table: pa.Table) -> None:
    """Writes another table in the place of one, and its digest."""
    path = run / config / "train-00000-of-00001.parquet"
    pq.write_table(table, path)
    key = "output_rejected" if "/" in config else "output"
    named = {key: hashlib.sha256(path.read_bytes()).hexdigest()}
    edit_run_json(run, lambda manifest: manifest["stages"][config.rpartition("/")[2]].update(named))


def rewrite(run, config: str, **columns) -> int:
    """Gives every row of a table other values: (place, row) -> value, by column. Returns the number of rows."""
    table = pq.read_table(run / config / "train-00000-of-00001.parquet")
    rows = table.to_pylist()
    changed = [row | {name: value(place, row) for name, value in columns.items()} for place, row in enumerate(rows)]
    replace(run, config, pa.Table.from_pylist(changed, schema=table.schema))
    return len(rows)


def form(run, *overrides: str, other=None) -> dict[str, object]:
    """The tables of form, by name."""
    with closing(RunFolder(run)) as folder:
        return {
            table.name: table for table in form_tables(folder, resolve(compose_config(*overrides)).report, 0, other)
        }


def completions(run) -> dict[str, object]:
    """The tables of completions, by name."""
    with closing(RunFolder(run)) as folder:
        return {table.name: table for table in completion_tables(folder)}


def line(table, name: str) -> dict[str, str]:
    """One line of a table, by column."""
    return next(
        dict(zip(table.head[1:], cells, strict=True)) for body in table.bodies for n, cells in body if n == name
    )


# ---- form


def test_a_set_of_single_sentences_is_seen_at_once(run):
    texts = ["Why? Say it twice.", "Name a moss."]
    count = rewrite(run, "respond", instruction=lambda place, _: texts[min(place, 1)])
    assert f"{count} instructions of respond: one sentence {count - 1}, questions 1," in form(run)["instructions"].lead


def test_instructions_stand_by_stage_beside_another_set_and_by_window(run):
    table = form(run, other=("other", (OTHER, 9)))["instructions"]
    first, second = [[name for name, _ in body] for body in table.bodies]
    assert first == ["seed", "augment", "respond", "other"]
    assert second[:2] == ["seeds", "window 1"]


def test_each_share_is_of_the_rows_of_its_line(run):
    table = form(run, other=("other", (OTHER, 9)))["instructions"]
    assert line(table, "other") == {
        **{"rows": "2 of 9", "one sentence": "50%", "questions": "50%", "several paragraphs": "50%"},
        **{"with input": "50%", "with code": "50%", "with list": "0%", "mean words": "2", "median words": "2"},
    }


def test_responses_have_a_table_of_their_own(run):
    table = form(run, other=("other", (OTHER, 2)))["responses"]
    assert line(table, "other") == {
        **{"rows": "2", "one word": "50%", "one sentence": "50%", "one line": "50%", "with code": "0%"},
        **{"with list": "50%", "with table": "0%", "mean words": "1.5", "median words": "1.5"},
    }


def test_a_set_without_responses_is_left_out_of_theirs(run):
    table = form(run, other=("other", ([{**OTHER[0], "response": ""}], 1)))["responses"]
    assert [name for name, _ in table.bodies[0]] == ["respond"]


def test_a_ratchet_is_said_in_words(run):
    rewrite(run, "augment", instruction=lambda _, row: "moss " * (3 + 10 * row["round"]))
    lead, windows = form(run)["instructions"].lead, form(run)["instructions"].bodies[1]
    last = windows[-1]
    assert f"goes from 3 words (seeds) to {last[1][-1]} words ({last[0]})" in lead
    assert float(last[1][-1]) >= 13


def test_rows_beyond_the_setting_are_drawn(run):
    assert line(form(run, "report.rows=2")["instructions"], "augment")["rows"].startswith("2 of ")


def test_the_patterns_of_code_are_configuration(run):
    rewrite(run, "seed", instruction=lambda *_: "Mend this COBOL.")
    assert line(form(run, "report.code=[cobol]")["instructions"], "seed")["with code"] == "100%"


@pytest.mark.parametrize(
    ("rounds", "groups"),
    [
        ([], []),
        ([0, 0], [("seeds", [0, 1])]),
        ([2, 0, 2, 5], [("seeds", [1]), ("window 2", [0, 2]), ("window 5", [3])]),
        (list(range(1, 10)), [("windows 1 to 2", [0, 1]), *((f"window {w}", [w - 1]) for w in range(3, 10))]),
    ],
)
def test_windows_are_grouped(rounds, groups):
    assert window_groups(rounds) == groups


# ---- task types


def named(run, asked: str, *found: str) -> dict[str, object]:
    """The tables of a run in which every completion was asked for one task type and named these in turn."""
    for config, origin in zip(CONFIGS, ("seed", "augment", "seed", "augment"), strict=True):
        rewrite(
            run,
            config,
            origin=lambda *_, origin=origin: origin,
            task_type_asked=lambda *_: asked,
            task_type=lambda place, _: found[place % len(found)],
            characters_removed=lambda *_: 0,
        )
    return completions(run)


def test_what_was_asked_for_stands_beside_what_was_named(run):
    found = named(run, "translation", "translation", "sentiment")
    numbers = {entry["name"]: entry for entry in found["task_types"].numbers["task_types"]}
    asked, named_instead = numbers["translation"], numbers["sentiment"]
    assert asked["asked"] == asked["named"] + named_instead["named"]
    assert asked["instead"] == {"sentiment": named_instead["named"]}
    assert named_instead["asked"] == 0


def test_names_that_the_teacher_made_up_are_shown_as_text(run):
    table = named(run, "translation", "a\u202eb\0c", "translation")["task_types"]
    assert "have a name that no task type has, most often a b c " in table.lead
    assert line(table, "translation")["instead, most often"].startswith("a b c ")


def test_ten_names_that_were_made_up_are_enough(run):
    made_up = [f"made_up_{number}" for number in range(12)]
    assert len(named(run, "translation", *made_up)["task_types"].numbers["unknown"]) <= 10


def test_a_request_that_brought_nothing_is_not_counted(run):
    before = line(completions(run)["removed"], "completions")
    rewrite(run, "rejected/seed", characters_removed=lambda *_: None)
    after = line(completions(run)["removed"], "completions")
    assert after == {group: count for group, count in before.items() if group != "seed, rejected"}


# ---- what parsing took off


def test_what_was_taken_off_is_counted_once_a_row(run):
    count = rewrite(run, "seed", removed=lambda place, _: ["label", "label", "quotes"] if place == 0 else [])
    table = completions(run)["removed"]
    kept = {kind: line(table, kind)["seed, kept"] for kind in ("completions", "nothing", "label", "quotes")}
    assert kept == {"completions": str(count), "nothing": str(count - 1), "label": "1", "quotes": "1"}


def test_a_run_that_noted_nothing_has_no_tables_of_completions(run):
    for config in CONFIGS:
        path = run / config / "train-00000-of-00001.parquet"
        if path.exists():
            replace(
                run, config, pq.read_table(path).drop_columns(["characters_removed", "removed", "task_type_asked"])
            )
    assert completions(run) == {}
