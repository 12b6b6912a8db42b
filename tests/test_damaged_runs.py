"""A damaged run folder: rows come out as run.json names them, or one sentence says which file is wrong."""

import errno
import os
import re
import shutil
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.cli.explain import explain
from fanno_hf.commands.diff import diff
from fanno_hf.commands.export import export
from fanno_hf.errors import FannoError, UserError
from fanno_hf.exact_json import parse_exactly
from fanno_hf.identity import file_sha256
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.manifest import read_manifest
from fanno_hf.pipeline.plan import TABLES
from fanno_hf.pipeline.references import NamedDocuments
from fanno_hf.report.report import report
from fanno_hf.sources.files import FileSource
from fanno_hf.sources.hub import HubSource
from fanno_hf.sources.pairs import each_pair
from tests.conftest import SMALL, compose_config, edit_run_json, small_run

FILE = "train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("made")).path


@pytest.fixture
def folder(made, tmp_path):
    """A copy of a run."""
    return shutil.copytree(made, tmp_path / "run")


def flip(path) -> None:
    """Changes one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def write(folder, table: str, change) -> None:
    """Changes a table, and its digest in run.json, as somebody could who means harm."""
    known = next(one for one in TABLES if one.name == table)
    path = folder / known.folder / FILE
    pq.write_table(change(pq.read_table(path)), path)
    named = {known.key: file_sha256(path)}
    edit_run_json(folder, lambda manifest: manifest["stages"][known.stage].update(named))


def settings_of(*overrides: str):
    return resolve(compose_config(*SMALL, *overrides))


CHANGES = {
    "rows": ("respond", {"kept": 9012}),
    "reasons": ("seed", {"rejected": {"unsafe": 700}}),
    "tokens": ("augment", {"prompt_tokens": 1}),
    "what decided them": ("seed", {"config": {"stages": {"seed": {}}, "random_seed": 1}}),
    "a new key": ("prescreen", {"failed": 3}),
}
CHANGED_SINCE = r"run\.json has been changed since fanno_hf wrote it \({} is not what its checksum was made of\)"


@pytest.mark.parametrize(("stage", "change"), CHANGES.values(), ids=CHANGES)
def test_a_value_of_run_json_that_is_another_one_is_said(folder, stage, change):
    edit_run_json(folder, lambda manifest: manifest["stages"][stage].update(change), renew=False)
    with pytest.raises(UserError, match=CHANGED_SINCE.format(stage)):
        export(settings_of("stage=export", f"run={folder}"))


def test_a_table_beside_a_changed_run_json_is_not_read(folder):
    edit_run_json(folder, lambda manifest: manifest["stages"]["prescreen"].update(kept=9012), renew=False)
    with pytest.raises(UserError, match=CHANGED_SINCE.format("prescreen")):
        list(FileSource(str(folder / "prescreen"), "text").documents())


def test_a_shard_whose_run_json_was_changed_is_said(tmp_path):
    shard = small_run(tmp_path, "stage=prescreen", "shard=0/2").path
    edit_run_json(shard, lambda manifest: manifest["shard"].update(source="0" * 64), renew=False)
    with pytest.raises(UserError, match=CHANGED_SINCE.format("shard")):
        RunFolder(shard)


def test_a_run_from_before_there_were_checksums_is_read_and_gets_them(folder):
    def forget(manifest):
        for entry in manifest["stages"].values():
            del entry["checksum"]

    edit_run_json(folder, forget, renew=False)
    with closing(RunFolder(folder)) as run:
        run.write_manifest()
    assert read_manifest(folder / "run.json", "run.json")[1] is None
    edit_run_json(folder, lambda manifest: manifest["stages"]["seed"].update(kept=9012), renew=False)
    assert read_manifest(folder / "run.json", "run.json")[1] == "seed is not what its checksum was made of"


@pytest.mark.parametrize(
    ("value", "said"), [(float("nan"), "NaN is no number"), (-1, "seed.failed is missing or wrong")]
)
def test_a_run_json_that_nothing_could_read_is_not_written(folder, value, said):
    before = (folder / "run.json").read_bytes()
    with closing(RunFolder(folder)) as run, pytest.raises(FannoError, match=rf"is left as it was, .* \({said}\)"):
        run.manifest["stages"]["seed"]["failed"] = value
        run.write_manifest()
    assert (folder / "run.json").read_bytes() == before


READ = {
    "export": ("data", lambda f: export(settings_of("stage=export", f"run={f}"))),
    "report": ("seed", lambda f: report(settings_of("stage=report", f"run={f}", "report.map=0"))),
    "diff": ("augment", lambda f: diff(settings_of("stage=diff", f"diff.a={f}", f"diff.b={f.parent / 'other'}"))),
    "against": ("prescreen", lambda f: NamedDocuments([str(f)]).digest),
    "compare": ("data", lambda f: list(each_pair(str(f), "report.compare"))),
    "files": ("respond", lambda f: list(FileSource(str(f / "respond"), "response").documents())),
    "hub": ("rejected/seed", lambda f: list(HubSource(str(f), "rejected_seed", text_column="detail").documents())),
}


@pytest.mark.parametrize(("table", "read"), READ.values(), ids=READ)
def test_a_changed_bit_is_said_whatever_reads_the_table(folder, table, read):
    shutil.copytree(folder, folder.parent / "other")
    flip(folder / table / FILE)
    with pytest.raises(UserError, match=rf"/run/{table}/train-.* is not the file that .*run.json names"):
        read(folder)


@pytest.mark.parametrize(("table", "read"), READ.values(), ids=READ)
def test_a_whole_table_is_read(folder, table, read, monkeypatch):
    monkeypatch.setattr("fanno_hf.report.report.draw", lambda *_, **__: [])
    shutil.copytree(folder, folder.parent / "other")
    assert read(folder)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES])
def test_a_disk_that_cannot_take_the_rows_is_not_the_fault_of_the_table(folder, monkeypatch, caplog, number):
    def spill(batches, *_):
        next(batches)
        raise OSError(number, os.strerror(number), str(folder / ".scratch" / "rows"))

    monkeypatch.setattr("fanno_hf.output.tables.spill_batches", spill)
    with closing(RunFolder(folder)) as run, pytest.raises(OSError, match="rows") as caught:
        run.read_rows("respond")
    explain(caught.value, debug=False)
    said = (
        "The disk is full: " if number != errno.EACCES else r"\.scratch/rows cannot be written \(Permission denied\)"
    )
    assert re.search(said, caplog.text)


def with_nulls(column: str):
    return lambda t: t.set_column(
        t.schema.get_field_index(column), t.schema.field(column), pa.nulls(len(t), t.schema.field(column).type)
    )


def not_utf8(table: pa.Table) -> pa.Table:
    column = pa.array([b"\xff\xfe"] * len(table), pa.binary()).view(pa.string())
    return table.set_column(table.schema.get_field_index("instruction"), "instruction", column)


def as_numbers(table: pa.Table) -> pa.Table:
    return table.set_column(
        table.schema.get_field_index("round"), "round", pa.array([[1]] * len(table), pa.list_(pa.int32()))
    )


def null_in_a_list(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("messages")
    return table.set_column(
        place, table.schema.field(place), pa.array([[None]] * len(table), table.schema[place].type)
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_nulls("instruction"), "default has a row without instruction"),
        (lambda t: t.drop_columns("output"), "default has no column output"),
        (not_utf8, "[Ii]nvalid UTF"),
        (as_numbers, "cast"),
        (null_in_a_list, "default.messages has a null within a list"),
    ],
    ids=["nulls", "no column", "no UTF-8", "another type", "a null in a list"],
)
def test_values_that_no_run_has_are_said_even_where_the_digest_is_right(folder, change, said):
    write(folder, "default", change)
    with pytest.raises(UserError, match=rf"{FILE} cannot be read \(.*{said}.*\): run stage=respond again"):
        export(settings_of("stage=export", f"run={folder}"))


@pytest.mark.parametrize("column", ["reward", "community", "verdicts", "style", "finish_reason", "counterexamples"])
def test_a_column_that_may_be_null_may_be_missing(folder, column, monkeypatch):
    monkeypatch.setattr("fanno_hf.report.report.draw", lambda *_, **__: [])
    table = "prescreen" if column == "community" else "respond"
    write(folder, table, lambda t: t.drop_columns(column))
    assert "wrote" in report(settings_of("stage=report", f"run={folder}", "report.map=10"))


def test_a_run_as_the_hub_has_it_is_read_without_its_digests(folder):
    edit_run_json(folder, lambda manifest: manifest.update(shared=True))
    pq.write_table(pq.read_table(folder / "prescreen" / FILE), folder / "prescreen" / FILE, compression="gzip")
    assert list(FileSource(str(folder / "prescreen"), "text").documents())


def test_a_folder_beside_a_run_json_of_others_is_read(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "run.json").write_text('{"made": "by others"}')
    pq.write_table(pa.table({"text": ["Mosses drink."]}), tmp_path / "data" / FILE)
    assert [one.text for one in FileSource(str(tmp_path / "data")).documents()] == ["Mosses drink."]


def test_a_damaged_run_json_above_the_rows_is_said(folder):
    (folder / "run.json").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"run.json is damaged \(it is not UTF-8: byte 0 is 0xff\)"):
        list(FileSource(str(folder / "prescreen"), "text").documents())


WRONG = {
    "brackets": (b"[" * 100_000, "its brackets are nested more than 64 deep"),
    "brackets that end": (b"[" * 900 + b"]" * 900, "its brackets are nested more than 64 deep"),
    "digits": (b'{"format": 1, "x": ' + b"7" * 5_000 + b"}", "it has a number of 5,000 digits"),
    "NaN": (b'{"format": 1, "x": NaN}', "NaN is no number"),
    "Infinity": (b'{"format": 1, "x": -Infinity}', "-Infinity is no number"),
    "too large": (b'{"format": 1, "x": 1e999}', "1e999 is no number"),
    "twice": (b'{"format": 1, "stages": {}, "stages": {}}', "the key 'stages' is there twice"),
    "UTF-8": (b'{"format": "\xff"}', "it is not UTF-8: byte 12 is 0xff"),
    "surrogate": (b'{"format": 1, "x": "\\ud83d"}', "it has half a character"),
    "cut": (b'{"format": 1,\n"x":', "it is not JSON: line 2, column 5"),
    "empty": (b"", "it is not JSON: line 1, column 1"),
}


@pytest.mark.parametrize(("content", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_run_json_is_said(tmp_path, content, said):
    (tmp_path / "run.json").write_bytes(content)
    manifest, fault = read_manifest(tmp_path / "run.json", "run.json")
    assert (manifest, said in fault) == ({}, True)


def test_json_that_is_right_is_read():
    assert parse_exactly(b'{"a": [1, -2.5, "\xc3\xa4", null, true]}') == {"a": [1, -2.5, "ä", None, True]}
