"""What a run leaves behind: how its tables are aligned, and what is said about a damaged run.json."""

import pytest

from fanno_hf.output.manifest import fault_of
from fanno_hf.output.table import table

ENTRY = {
    **dict.fromkeys(("fingerprint", "input", "teacher", "embedder", "tokenizer"), "x"),
    **dict.fromkeys(("rows_in", "kept", "requests", "from_journal", "prompt_tokens", "completion_tokens"), 3),
    **dict.fromkeys(("output", "output_rejected"), None),
    **{"rejected": {"too_short": 2}, "seconds": 1.5, "digests": {}, "retrieval": {"recall": 1.0}},
    "config": {"stages": {"seed": {}}, "random_seed": 0},
}


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
