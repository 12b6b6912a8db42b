"""The default rules against the sets beside this file: nearly all that is bad goes, nearly all that is good stays."""

import json
import subprocess
import sys

import pytest

from fanno_hf.rules.instruction import InstructionRules
from fanno_hf.rules.response import ResponseRules
from tests.rules.sets import HERE, candidate, profile, read_rows

GOOD, BAD, BAD_RESPONSES = (
    list(read_rows(HERE / f"{name}.jsonl")) for name in ("good_instructions", "bad_instructions", "bad_responses")
)
INSTRUCTIONS = InstructionRules(profile("default"))
RESPONSES = ResponseRules(profile("default"), min_words=1)
# What no closed class of words and no phrase tells from a request: left to the teacher's verdicts.
NOT_CAUGHT = {
    "Water boils at a lower temperature on a mountain because the air is thinner there. This is why pasta takes longer.",
    "When the tide turns, the gates are opened.",
    "Mosses, damp places and old walls.",
    "Bees dance to show where flowers are.",
    "Honey bees store nectar for the winter.",
    "You're an AI assistant. Rewrite the names of the mosses.",
    "How do mosses drink water",
}


def answer_reason(row):
    return RESPONSES.reason(row["response"], row.get("finish_reason", "stop"), row["instruction"], row["input"])


def test_the_sets_are_large_and_speak_many_languages():
    assert (len(GOOD) >= 250, len(BAD) >= 200) == (True, True)
    unseen = {row["language"] for row in BAD if row["reason"] == "unseen_document"}
    assert unseen >= {"en", "de", "fr", "es", "pt", "it", "zh", "ja", "ru"}


def test_bad_instructions_go_but_for_those_listed():
    kept = {row["instruction"] for row in BAD if INSTRUCTIONS.reason(candidate(row)) is None}
    assert kept == NOT_CAUGHT
    assert len(kept) <= 0.1 * len(BAD)


def test_bad_responses_go():
    assert [row["response"] for row in BAD_RESPONSES if answer_reason(row) is None] == []


def test_good_instructions_stay():
    dropped = [row["instruction"] for row in GOOD if INSTRUCTIONS.reason(candidate(row))]
    assert len(dropped) <= 0.01 * len(GOOD), dropped


def test_good_responses_stay():
    dropped = [row["response"] for row in GOOD if answer_reason(row)]
    assert len(dropped) <= 0.01 * len(GOOD), dropped


def measured(*arguments):
    command = [sys.executable, "-m", "tests.benchmarks.rules", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], check=False)


def test_the_benchmark_reads_instances_and_counts_what_is_dropped(tmp_path):
    path = tmp_path / "tasks.jsonl"
    rows = [
        {"instruction": "Sort these numbers.", "instances": [{"input": "3 1", "output": "1 3"}]},
        {"instruction": "Sort these numbers.", "instances": [{"input": "", "output": "I cannot answer this."}]},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = measured(path)
    name = {"file": "tasks.jsonl", "size": 2, "ours": 0.5}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"name": "dropped", **name, "reasons": {"refers_to_document": 1}},
        {"name": "responses_dropped", **name, "reasons": {"refusal": 1}},
    ]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"input": "3 1"}', '{"instruction": 3}', '{"instruction": "a b", "output": 3}']
)
def test_the_benchmark_names_the_line_that_is_malformed(tmp_path, line):
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"instruction": "Define moss."}\n' + line, encoding="utf-8")
    done = measured(path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{path}, line 2: " in done.stderr
