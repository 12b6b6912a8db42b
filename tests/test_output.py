"""What a run leaves behind: how its tables are aligned, and what is said about a damaged run.json."""

import hashlib
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from fanno_hf.output.folder import RunFolder
from fanno_hf.output.manifest import fault_of
from fanno_hf.output.table import table
from fanno_hf.steps.rows import opened

ENTRY = {
    **dict.fromkeys(("fingerprint", "input", "teacher", "embedder", "tokenizer"), "x"),
    **dict.fromkeys(("rows_in", "kept", "requests", "from_journal", "prompt_tokens", "completion_tokens"), 3),
    **dict.fromkeys(("output", "output_rejected"), None),
    **{"rejected": {"too_short": 2}, "seconds": 1.5, "digests": {}, "retrieval": {"recall": 1.0}},
    "config": {"stages": {"seed": {}}, "random_seed": 0},
}


def tags_named(name) -> dict:
    """Tags of which one of each kind has this name."""
    kinds = ("task_types", "characteristics", "styles")
    return {kind: [{"name": "a", "text": "b"}, {"name": name, "text": "b"}] for kind in kinds}


def test_numbers_are_on_the_right_and_text_on_the_left():
    lines = [("seed", 12, "", "too_short 3"), ("augment", "1,234", "46%", "none")]
    assert table(("stage", "in", "share", "rejected"), lines).splitlines() == [
        "| stage   |    in | share | rejected |",
        "| ------- | ----: | ----: | --- |",
        "| seed    |    12 |       | too_short 3 |",
        "| augment | 1,234 |   46% | none |",
    ]


def test_without_lines_there_is_no_table():
    assert table(("stage", "in"), []) == ""


def test_a_run_json_may_have_more_than_what_is_checked():
    assert fault_of({"format": 1, "stages": {"seed": ENTRY}}) is None


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("kept", True, "seed.kept is missing or wrong"),
        ("kept", 2**53, "seed.kept is missing or wrong"),
        ("seconds", float("nan"), "seed.seconds is missing or wrong"),
        ("rejected", {"too_short": -1}, "seed.rejected.too_short is missing or wrong"),
        ("config", {"stages": {"augment": {}}, "random_seed": 0}, "seed.config is missing or wrong"),
        ("tags", {}, "seed.tags is missing or wrong"),
        *(("tags", tags_named(name), "seed.tags is missing or wrong") for name in (True, 1.5, [], None)),
    ],
)
def test_the_first_value_that_is_wrong_is_named(key, value, fault):
    assert fault_of({"stages": {"seed": {**ENTRY, key: value}}}) == fault


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        ({"stages": {"moss": {}}}, "moss is not a stage"),
        ({"stages": {"seed": [1]}}, "seed is not a table"),
        ({"stages": {}, "packages": [1]}, "packages is not a table"),
        ({"packages": {}}, "it has no stages"),
    ],
)
def test_what_is_no_run_at_all_is_named_too(manifest, fault):
    assert fault_of(manifest) == fault


@pytest.fixture
def elsewhere(tmp_path):
    """A folder outside the run, with a file that is nobody's business here."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    return folder


def test_a_link_in_the_place_of_an_unfinished_file_is_not_followed(tmp_path, elsewhere):
    with closing(RunFolder(tmp_path / "run")) as folder:
        (folder.path / ".run.json.tmp").symlink_to(elsewhere / "precious")
        folder.write_manifest()
        assert fault_of(folder.manifest) is None
        assert not (folder.path / ".run.json.tmp").exists()
        assert (folder.path / "run.json").is_file() and not (folder.path / "run.json").is_symlink()
    assert (elsewhere / "precious").read_text() == "precious"


def test_a_link_in_the_place_of_a_final_file_is_replaced_and_not_followed(tmp_path, elsewhere):
    with closing(RunFolder(tmp_path / "run")) as folder:
        (folder.path / "report.html").symlink_to(elsewhere / "precious")
        folder.write(Path("report.html"), b"a page")
    assert (elsewhere / "precious").read_text() == "precious"
    assert (tmp_path / "run" / "report.html").read_text() == "a page"


def test_a_link_in_the_place_of_the_rows_at_work_is_taken_away(tmp_path, elsewhere):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".scratch").symlink_to(elsewhere)
    with closing(RunFolder(tmp_path / "run")) as folder:
        assert folder.scratch.is_dir() and not folder.scratch.is_symlink()
        (folder.scratch / "rows").write_text("rows")
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    assert not (tmp_path / "run" / ".scratch").exists()


def test_a_file_that_a_killed_process_left_half_written_is_written_anew(tmp_path):
    with closing(RunFolder(tmp_path / "run")) as folder:
        (folder.path / ".README.md.tmp").write_text("half")
        folder.write(Path("README.md"), b"whole")
        assert {path.name for path in folder.path.iterdir()} == {".lock", ".scratch", "README.md"}


def test_equal_rows_give_equal_bytes_whatever_pieces_they_are_in(tmp_path):
    texts = [hashlib.sha256(bytes([n % 251, n // 251])).hexdigest() * (1 + n % 40) for n in range(3_000)]
    whole = pa.table({"text": texts})
    pieces = pa.concat_tables([pa.table({"text": texts[:1_011]}), pa.table({"text": texts[1_011:]})])
    with closing(RunFolder(tmp_path)) as folder:
        assert folder.write_rows("seed", opened(whole)) == folder.write_rows("seed", opened(pieces))
