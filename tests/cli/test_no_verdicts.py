"""`verdicts={}` of a stage, as it is typed, asks the teacher for none."""

import pyarrow.parquet as pq

from fanno_hf.pipeline.plan import STAGES
from tests.conftest import SMALL, write_documents


def verdicts_of(table) -> set[str]:
    rows = pq.read_table(table).to_pylist()
    columns = [value for row in rows for name, value in row.items() if name.endswith("verdicts")]
    return {verdict["name"] for value in columns for verdict in value or ()}


def test_no_verdicts_ask_nothing(cli, tmp_path):
    write_documents(tmp_path / "documents.jsonl")
    none = [f"stages.{stage}.verdicts={{}}" for stage in STAGES]
    code, said = cli(*SMALL, "data=files", "data.path=documents.jsonl", *none)
    assert code == 0, said
    tables = list((tmp_path / "runs/demo").rglob("*.parquet"))
    assert len(tables) > 6
    assert [table for table in tables if verdicts_of(table)] == []


def test_one_verdict_can_be_added_to_none(cli, tmp_path):
    write_documents(tmp_path / "documents.jsonl")
    one = ["stages.prescreen.verdicts={}", "++stages.prescreen.verdicts.low_quality=1.0"]
    assert cli(*SMALL, "data=files", "data.path=documents.jsonl", "stage=prescreen", *one)[0] == 0
    assert verdicts_of(tmp_path / "runs/demo/prescreen/train-00000-of-00001.parquet") == {"low_quality"}


def test_without_the_sign_that_adds_it_that_sign_is_named(cli):
    one = ["stages.prescreen.verdicts={}", "stages.prescreen.verdicts.low_quality=1.0"]
    code, said = cli(*SMALL, *one)
    assert (code, said.strip()) == (
        2,
        "stages.prescreen.verdicts was set to null, so it lacks stages.prescreen.verdicts.low_quality: add it, as in "
        "++stages.prescreen.verdicts.low_quality=…",
    )
