"""Responses: what each rule drops."""

from pathlib import Path

import pytest
import yaml

from fanno_hf.rules.response import ResponseRules

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "conf/rules/default.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("response", "finish_reason", "reason"),
    [
        ("Mosses drink through their leaves.", "stop", None),
        ("Durch die Blätter, nicht durch Wurzeln.", "stop", None),
        ("", "stop", "empty"),
        (" … ", "stop", "empty"),
        ("Mosses drink through", "length", "truncated"),
        ("I'm sorry, but I cannot help with that.", "stop", "refusal"),
        ("As an AI language model, I have no opinion on moss.", "stop", "refusal"),
        ("Es tut mir leid, das weiß ich nicht.", "stop", "refusal"),
        ("The moss is a moss is a moss. " * 12, "stop", "repetition"),
        ("how do mosses drink", "stop", "repeats_instruction"),
        ("Yes.", "stop", "too_short"),
        (
            "Dear editor, the old mill burned down and nobody came to help, so we wrote down what was lost, room by room, "
            "and at the very end of the long list my brother added: I'm sorry.",
            "stop",
            None,
        ),
    ],
)
def test_reason(response, finish_reason, reason):
    rules = ResponseRules(CONFIG, min_words=2)
    found = rules.reason(response, finish_reason, "How do mosses drink?")
    assert (found and found[0]) == reason
