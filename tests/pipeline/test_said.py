"""The line of a stage: what became of its requests, and what it cost."""

import logging

import pytest

from fanno_hf.output.usage import usage_in_words, usage_of_all
from fanno_hf.pipeline.said import log_stage

ENTRY = {"requests": 400, "from_journal": 0, "prompt_tokens": 12_345, "completion_tokens": 678, "shortened": 0}
ENTRY |= {"kept": 81, "rows_in": 90, "seconds": 12.3, "rejected": {"empty": 9}}
TROUBLE = {"resent": 18, "refused": 2, "failed": 1, "faults": {"400: too long": 2, "503: busy": 15}}
PAID = {"cost": 2.309, "price": {"currency": "USD"}}


def test_everything_is_in_the_line(caplog):
    caplog.set_level(logging.INFO, "fanno_hf")
    log_stage("seed", ENTRY | TROUBLE | PAID | {"from_journal": 3})
    assert caplog.messages[-1].splitlines()[0] == (
        "seed: 81 of 90 rows kept in 12 s; 400 requests answered, 18 sent again, 2 refused, 1 failed (503: busy 15, "
        "400: too long 2), 3 from the journal, 12,345 + 678 tokens, 2.31 USD"
    )


def test_what_is_zero_is_left_out():
    zero = dict.fromkeys(("resent", "refused", "failed", "thinking_tokens", "estimated"), 0) | {"faults": {}}
    assert usage_in_words(ENTRY | zero) == "400 requests answered, 12,345 + 678 tokens"


def test_estimated_tokens_are_marked():
    assert usage_in_words(ENTRY | {"estimated": 7}).endswith(", about 12,345 + 678 tokens")


def test_tokens_of_thoughts_are_named():
    assert usage_in_words(ENTRY | {"thinking_tokens": 500}).endswith("12,345 + 678 tokens (500 of them thinking)")


def test_many_kinds_of_trouble_are_cut():
    faults = {f"fault {number}": 9 - number for number in range(8)}
    assert "(fault 0 9, fault 1 8, fault 2 7, fault 3 6, fault 4 5, 3 more kinds)" in usage_in_words(
        ENTRY | {"failed": 1, "faults": faults}
    )


def test_an_entry_of_an_earlier_version_has_a_line():
    assert usage_in_words({key: ENTRY[key] for key in list(ENTRY)[:4]}).startswith("400 requests answered")


def test_all_stages_are_added_up():
    total = usage_of_all({"stages": {"seed": ENTRY | TROUBLE | PAID, "augment": ENTRY | TROUBLE | PAID}})
    assert usage_in_words(total) == (
        "800 requests answered, 36 sent again, 4 refused, 2 failed (503: busy 30, 400: too long 4), "
        "24,690 + 1,356 tokens, 4.62 USD"
    )


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("verdicts_from_text", "seed: 40 verdicts were read from the text and are 0 or 1"),
        ("estimated", "seed: token counts are estimated: the server tells none for 40 answers"),
        ("shortened", "seed: 40 prompts were too long"),
    ],
)
def test_what_is_odd_is_said_once(caplog, key, said):
    log_stage("seed", ENTRY | {key: 40})
    assert [message.startswith(said) for message in caplog.messages] == [True]
