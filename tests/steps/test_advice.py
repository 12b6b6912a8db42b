"""What is said about a reason names keys that exist, and those that the documentation names."""

import re
from pathlib import Path

import pytest

from fanno_hf.cli.keys import configuration_keys
from fanno_hf.steps.advice import ADVICE, advice

CASES = [(stage, reason) for stage, known in ADVICE.items() for reason in known]
_LINES = Path(__file__).parents[2].joinpath("docs", "data-format.md").read_text(encoding="utf-8").splitlines()
DOCUMENTED = {cells[1].strip(" `"): cells[-2] for line in _LINES if len(cells := line.split("|")) == 6}


def test_every_stage_is_advised_about():
    assert sorted(ADVICE) == ["augment", "prescreen", "respond", "seed"]


@pytest.mark.parametrize(("stage", "reason"), CASES)
def test_an_advice_names_keys_that_exist_and_are_documented(stage, reason):
    said = advice(stage, {reason: 3, "another": 1}, frozenset())
    keys = re.findall(r"[a-z_]+(?:\.[a-z_]+)+", said)
    assert keys and said.startswith(f"3 of 4 are {reason}: ") and said.endswith(".")
    known = set(configuration_keys())
    assert [key for key in keys if key not in known] == []
    documented = re.findall("`(.+?)`", DOCUMENTED[reason])
    assert [key for key in keys if not any(f"{key}.".startswith(f"{name}.") for name in documented)] == []
