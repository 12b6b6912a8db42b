"""Pre-screening in parts: the same bytes as in one piece, and a clear line about whatever does not fit together."""

import json
import logging
import shutil
from functools import partial
from pathlib import Path

import pytest

from fanno_hf.errors import UserError
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.shards import parse_shard
from tests.conftest import DOCUMENTS, small_run, write_documents

# near-duplicates and exact ones across the shards, one that is empty, one that is cut into two passages
TEXTS = [
    *(*DOCUMENTS, DOCUMENTS[1].replace("river", "stream"), DOCUMENTS[0], None),
    "\n\n".join([*DOCUMENTS[2:4]] * 9),
    DOCUMENTS[3].replace("smooth", "soft").replace("elastic", "springy"),
    "",
    DOCUMENTS[6].replace("medieval", "old"),
]


@pytest.fixture
def do(tmp_path):
    """A function that runs stage=prescreen (or another) over TEXTS."""
    write_documents(tmp_path / "documents.jsonl", TEXTS)
    return partial(small_run, tmp_path, "stage=prescreen")


@pytest.fixture
def halved(do):
    """The same when both of two shards are done."""
    for index in range(2):
        do(f"shard={index}/2")
    return do


def outputs(run: Path) -> list[bytes]:
    return [(run / name / "train-00000-of-00001.parquet").read_bytes() for name in ("prescreen", "rejected/prescreen")]


@pytest.mark.parametrize("count", [1, 2, 17])  # more shards than documents, too
def test_shards_give_the_bytes_of_a_run_without_them(do, tmp_path, count):
    do(f"run={tmp_path / 'whole'}")
    for index in reversed(range(count)):
        do(f"shard={index}/{count}")
    do()
    assert outputs(tmp_path / "run") == outputs(tmp_path / "whole")


def test_the_merge_reads_asks_and_embeds_nothing_that_a_shard_has(halved, tmp_path, monkeypatch, caplog):
    log = tmp_path / "requests.log"
    write_documents(tmp_path / "documents.jsonl", ["another document"])
    encode = "fanno_hf.vectors.embedder.HashingEmbedder.encode"
    monkeypatch.setattr(encode, lambda self, texts: pytest.fail("embedded again"))
    with caplog.at_level(logging.INFO, "fanno_hf"):
        done = halved(f"teacher.log={log}")
    assert done.manifest["stages"]["prescreen"]["kept"] == 7
    assert "run/shards (2 parts); data.* is not read" in caplog.text
    assert not log.exists() or log.read_text() == ""


def test_a_merged_run_is_up_to_date_where_a_whole_one_is(do, tmp_path, caplog):
    do()
    for index in range(2):
        do(f"shard={index}/2")
    with caplog.at_level(logging.INFO, "fanno_hf"):
        do()
    assert "prescreen: up to date (7 rows)" in caplog.text


def test_a_complete_shard_is_not_done_again(do, tmp_path, caplog):
    do("shard=0/2")
    before = (tmp_path / "run/shards/0-of-2/run.json").stat().st_mtime_ns
    with caplog.at_level(logging.INFO, "fanno_hf"):
        do("shard=0/2")
    assert "0-of-2: up to date" in caplog.text
    assert (tmp_path / "run/shards/0-of-2/run.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("run.json", r"1-of-2 is not complete: run it again, with shard=1/2, or delete the folder"),
        ("passages/train-00000-of-00001.parquet", "1-of-2 is damaged: run it again, with shard=1/2"),
        ("rejected/passages/train-00000-of-00001.parquet", "1-of-2 is damaged: run it again, with shard=1/2"),
    ],
)
def test_a_shard_that_was_killed_or_damaged_is_named(halved, tmp_path, file, said):
    path = tmp_path / "run/shards/1-of-2" / file
    if file == "run.json":  # killed before its marker
        path.unlink()
    else:
        path.write_bytes(b"x")
    with pytest.raises(UserError, match=said):
        halved()


def test_a_missing_shard_is_named(do, tmp_path):
    for index in (0, 2):
        do(f"shard={index}/4")
    with pytest.raises(UserError, match=r"shards lacks shard 1, 3 of 4: run it, with shard=1/4, or delete"):
        do()


def test_shards_of_two_divisions_do_not_mix(do):
    do("shard=0/2")
    do("shard=0/3")
    with pytest.raises(UserError, match="shards of different counts"):
        do()


def test_shards_made_with_other_settings_are_refused(halved):
    said = r"0-of-2 was made with other settings than these: run it again, with shard=0/2"
    with pytest.raises(UserError, match=said):
        halved("stages.prescreen.min_tokens=21")


@pytest.mark.parametrize("texts", [TEXTS[:5], [TEXTS[1], TEXTS[0], *TEXTS[2:]]], ids=["fewer", "in another order"])
def test_shards_of_other_documents_are_refused(do, tmp_path, texts):
    do("shard=0/2")
    write_documents(tmp_path / "documents.jsonl", texts)
    do("shard=1/2")
    said = "1-of-2 was made from other documents than .*0-of-2: all must read the same ones"
    with pytest.raises(UserError, match=said):
        do()


def test_a_shard_without_any_passage_is_merged(do, tmp_path):
    write_documents(tmp_path / "documents.jsonl", ["", DOCUMENTS[0], None, DOCUMENTS[1]])
    for index in range(2):
        do(f"shard={index}/2")
    entry = do().manifest["stages"]["prescreen"]
    assert (entry["kept"], entry["rejected"]) == (2, {"empty": 2})


def test_two_shards_can_be_done_at_the_same_time(do, tmp_path):
    busy = RunFolder(tmp_path / "run/shards/1-of-2")
    done = do("shard=0/2").manifest
    busy.close()
    assert set(done["shard"]) >= {"passages", "rejected"}


def test_the_journal_of_a_shard_survives_its_folder(halved, tmp_path):
    halved()
    shutil.rmtree(tmp_path / "run/shards")
    log = tmp_path / "requests.log"
    halved("force=true", f"teacher.log={log}")
    assert not log.exists() or log.read_text() == ""


@pytest.mark.parametrize("given", ["4/4", "-1/4", "1", "a/b", "1/0", "1/4/2"])
def test_what_is_no_shard_is_refused(given):
    with pytest.raises(UserError, match=f"shard={given}: write i/n with i from 0 to n - 1"):
        parse_shard(given)


def test_a_shard_is_for_the_prescreen_stage_alone(do):
    with pytest.raises(UserError, match="shard=0/2 is for stage=prescreen alone, not for stage=all"):
        do("stage=all", "shard=0/2")


def test_the_marker_of_a_shard_is_readable(do, tmp_path):
    do("shard=0/2")
    entry = json.loads((tmp_path / "run/shards/0-of-2/run.json").read_text())["shard"]
    assert set(entry) == {"fingerprint", "source", "passages", "rejected", "checksum"}
