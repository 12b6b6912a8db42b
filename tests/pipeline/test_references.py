"""What a run is held against: earlier runs it must not repeat, benchmarks it must not contain."""

import json
from functools import partial

import pytest

from fanno_hf.columns import DOCUMENT, INSTRUCTION, REJECTION, RESPONSE
from fanno_hf.errors import UserError
from fanno_hf.sources.named import reference_documents, reference_items
from tests.conftest import DOCUMENTS, small_run, write_documents

VERDICTS = ("low_quality", "private_information", "advertisement")
ITEM = {
    "question": "Twice a day the basin fills and empties, and the difference in height decides?",
    "choices": ["one", "two"],
    "answer": {"text": "three", "number": 3},
}


@pytest.fixture
def bench(tmp_path):
    """A benchmark of two items, the second one from DOCUMENTS[1]."""
    path = tmp_path / "bench.jsonl"
    other = {"question": "Which number comes next in the row that was shown on the page before this one?"}
    path.write_text("".join(json.dumps(row) + "\n" for row in (other, ITEM)), encoding="utf-8")
    return path


@pytest.fixture
def do(tmp_path):
    write_documents(tmp_path / "documents.jsonl")
    nothing_asked = [f"stages.prescreen.verdicts.{name}=null" for name in VERDICTS]
    return partial(small_run, tmp_path, *nothing_asked)


def rejected(folder):
    rows = folder.read_rows("rejected_prescreen", {**DOCUMENT, **REJECTION})
    return {row["source"]: row for row in rows}


def test_an_item_is_every_string_in_it(bench):
    second = list(reference_items(str(bench), "decontamination.benchmarks"))[1]
    assert second == ("bench.jsonl:2", [ITEM["question"], "one", "two", "three"])


def test_a_document_that_contains_a_benchmark_item_is_dropped_and_names_it(do, bench):
    row = rejected(do("stage=prescreen", f"decontamination.benchmarks=[{bench}]"))["documents.jsonl:2"]
    assert (row["phase"], row["reason"]) == ("decontamination", "contaminated")
    assert row["detail"].startswith("bench.jsonl:2: twice a day the basin fills and empties and the difference")


def test_another_ngram_finds_shorter_runs(do, bench, tmp_path):
    path = tmp_path / "short.jsonl"
    path.write_text(json.dumps({"q": "Glaciers flow under their own weight, said nobody in that room."}) + "\n")
    assert "documents.jsonl:5" not in rejected(do("stage=prescreen", f"decontamination.benchmarks=[{path}]"))
    overrides = ("decontamination.ngram=6", "decontamination.min_words=6")
    assert "documents.jsonl:5" in rejected(do("stage=prescreen", f"decontamination.benchmarks=[{path}]", *overrides))


@pytest.mark.parametrize(
    ("stage", "columns"), [("seed", INSTRUCTION), ("augment", INSTRUCTION), ("respond", RESPONSE)]
)
def test_instructions_and_responses_are_held_against_the_benchmark_too(do, tmp_path, stage, columns):
    column = "response" if stage == "respond" else "instruction"
    leaked = do().read_rows(stage, columns)[-1][column]
    path = tmp_path / "leaked.jsonl"
    path.write_text(json.dumps({"text": leaked}) + "\n")
    folder = do(f"stage={stage}", f"decontamination.benchmarks=[{path}]", "decontamination.min_words=4")
    found = folder.read_rows(f"rejected_{stage}", {**columns, **REJECTION})
    assert leaked in [row[column] for row in found if row["reason"] == "contaminated"]


def test_a_changed_benchmark_redoes_the_stage(do, bench):
    kept = []
    for item in (ITEM, {"q": "nothing that anybody has ever written"}):
        bench.write_text(json.dumps(item) + "\n")
        done = do("stage=prescreen", f"decontamination.benchmarks=[{bench}]")
        kept.append(done.manifest["stages"]["prescreen"]["kept"])
    assert kept[1] == kept[0] + 1


def test_what_an_earlier_run_kept_is_not_kept_again(do, tmp_path):
    do("stage=prescreen", f"run={tmp_path / 'earlier'}", "data.limit=3")
    dropped = rejected(do("stage=prescreen", f"stages.prescreen.against=[{tmp_path / 'earlier'}]"))
    assert dropped["documents.jsonl:1"]["reason"] == "exact_duplicate"
    assert dropped["documents.jsonl:1"]["detail"] == "repeats earlier/prescreen:1 (against)"


def test_a_reference_of_another_name_redoes_the_stage(do, tmp_path):
    for name in ("old", "new"):
        write_documents(tmp_path / f"{name}.jsonl", [DOCUMENTS[1]])
        row = rejected(do("stage=prescreen", f"stages.prescreen.against=[{tmp_path / f'{name}.jsonl'}]"))
        assert row["documents.jsonl:2"]["detail"] == f"repeats {name}.jsonl:1 (against)"


def test_a_run_is_not_held_against_itself(do, tmp_path):
    do("stage=prescreen")
    with pytest.raises(UserError, match="against=.*/run is this very run: name an earlier one"):
        do("stage=prescreen", f"stages.prescreen.against=[{tmp_path / 'run'}]")


def test_a_run_that_is_not_pre_screened_is_named(do, tmp_path):
    do("stage=prescreen", "shard=0/2", f"run={tmp_path / 'earlier'}")
    with pytest.raises(UserError, match="0-of-2 is a run without pre-screened passages"):
        do("stage=prescreen", f"stages.prescreen.against=[{tmp_path / 'earlier/shards/0-of-2'}]")


def test_a_near_duplicate_of_another_data_set_names_it_and_how_near_it_is(do, tmp_path):
    other = tmp_path / "other.jsonl"
    write_documents(other, [DOCUMENTS[1].replace("river", "stream")])
    row = rejected(do("stage=prescreen", f"stages.prescreen.against=[{other}]"))["documents.jsonl:2"]
    assert row["reason"] == "near_duplicate"
    assert row["detail"] == "repeats other.jsonl:1 (against), Jaccard similarity 0.829"


def test_duplicates_within_the_documents_are_still_named_by_their_id(do, tmp_path):
    other = tmp_path / "other.jsonl"
    write_documents(other, ["Something else altogether, long enough to be compared with anything at all."])
    write_documents(tmp_path / "documents.jsonl", [*DOCUMENTS, DOCUMENTS[2]])
    folder = do("stage=prescreen", f"stages.prescreen.against=[{other}]")
    kept = {row["source"]: row["document_id"] for row in folder.read_rows("prescreen", DOCUMENT)}
    assert rejected(folder)["documents.jsonl:10"]["detail"] == f"repeats {kept['documents.jsonl:3']}"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("nowhere.jsonl", "decontamination.benchmarks=nowhere.jsonl: there is no such file or folder"),
        ({"nam": "a/b"}, r"decontamination.benchmarks: \{'nam': 'a/b'\} is neither a path, a Hub data set nor"),
        ({"path": "a", "name": "b/c"}, "is neither a path, a Hub data set nor"),
        ({"path": 5}, "decontamination.benchmarks: path=5 must be a text"),
        ({"name": ["a/b"]}, r"decontamination.benchmarks: name=\['a/b'\] must be a text"),
        ({"name": "a/b", "config": 2024}, "decontamination.benchmarks: config=2024 must be a text"),
        ({"path": ""}, "decontamination.benchmarks: path='' must be a text"),
        ({"path": None}, r"decontamination.benchmarks: \{'path': None\} is neither a path"),
        (7, "decontamination.benchmarks: 7 is neither a path"),
        ("", "decontamination.benchmarks: '' is neither a path"),
    ],
)
@pytest.mark.parametrize("read", [reference_items, reference_documents])
def test_what_cannot_be_read_is_named(read, entry, message):
    with pytest.raises(UserError, match=message):
        list(read(entry, "decontamination.benchmarks"))


def test_a_word_with_one_slash_is_a_hub_data_set(monkeypatch):
    seen = []

    class Hub:
        def __init__(self, **settings):
            seen.append(settings)

        def rows(self):
            return iter([("openai/gsm8k/test:1", {"question": "Why?", "n": 3})])

    monkeypatch.setattr("fanno_hf.sources.named.HubSource", Hub)
    assert list(reference_items("openai/gsm8k", "decontamination.benchmarks")) == [("openai/gsm8k/test:1", ["Why?"])]
    exact = {"name": "openai/gsm8k", "config": "main", "split": "train", "revision": None}
    list(reference_items(exact, "decontamination.benchmarks"))
    assert seen == [
        {"split": "test", "name": "openai/gsm8k", "key": "decontamination.benchmarks"},
        {"split": "train", "name": "openai/gsm8k", "config": "main", "key": "decontamination.benchmarks"},
    ]


def test_a_misspelt_file_in_a_folder_that_is_there_is_no_hub_data_set(tmp_path, monkeypatch):
    (tmp_path / "bench").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="decontamination.benchmarks=bench/gsm: there is no such file or folder"):
        list(reference_items("bench/gsm", "decontamination.benchmarks"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("decontamination.benchmarks=tests.jsonl", "benchmarks=tests.jsonl: it must be a list of files or data sets"),
        ("stages.prescreen.against=null", "stages.prescreen.against=null: it must be a list"),
        ("decontamination.min_words=14", "decontamination.min_words=14 is more than decontamination.ngram=13"),
    ],
)
def test_a_wrong_setting_is_named(do, override, message):
    with pytest.raises(UserError, match=message):
        do(override)
