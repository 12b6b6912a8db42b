"""Files that gave no text: a table beside the passages of the others, and a count in run.json."""

import pyarrow.parquet as pq
from datasets import load_dataset

from tests.conftest import DOCUMENTS

SCREEN = (
    "stage=prescreen",
    *(f"stages.prescreen.verdicts.{name}=null" for name in ("low_quality", "private_information", "advertisement")),
)


def test_files_that_gave_no_text_are_a_table_until_all_do(run, tmp_path, caplog):
    folder = tmp_path / "documents"
    folder.mkdir()
    for number, text in enumerate(DOCUMENTS[:4]):
        (folder / f"{number}.txt").write_text(text)
    (folder / "broken.jsonl").write_text("{")
    with caplog.at_level("WARNING"):
        made = run(f"data.path={folder}", *SCREEN)
    entry = made.manifest["stages"]["prescreen"]
    assert (entry["kept"], entry["unread"]) == (4, {"not_json": 1})
    (row,) = pq.read_table(made.path / "prescreen" / "unread.parquet").to_pylist()
    assert (row["file"], row["reason"]) == ("broken.jsonl", "not_json") and row["detail"].startswith(
        "line 1 is not JSON"
    )
    assert "data.path: 1 of 5 files gave no text: broken.jsonl, line 1 is not JSON" in caplog.text
    assert len(load_dataset(str(made.path), "prescreen", split="train")) == 4  # the table is none of passages

    (folder / "broken.jsonl").unlink()  # no row is another for it: the stage is up to date
    made = run(f"data.path={folder}", *SCREEN)
    assert "unread" not in made.manifest["stages"]["prescreen"]
    assert not (made.path / "prescreen" / "unread.parquet").exists()


def test_the_shards_of_a_run_leave_the_table_to_it(run, tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    for number, text in enumerate(DOCUMENTS[:4]):
        (folder / f"{number}.txt").write_text(text)
    (folder / "broken.jsonl").write_text("{")
    for shard in ("0/2", "1/2"):
        run(f"data.path={folder}", *SCREEN, f"shard={shard}")
    made = run(f"data.path={folder}", *SCREEN)
    assert made.manifest["stages"]["prescreen"]["unread"] == {"not_json": 1}
    assert pq.read_table(made.path / "prescreen" / "unread.parquet").num_rows == 1
