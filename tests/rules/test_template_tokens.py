"""Tokens of chat templates: inside a text they are a fault, unless it speaks of them."""

import pytest

from fanno_hf.rules.instruction import Candidate, InstructionRules
from fanno_hf.rules.response import ResponseRules
from tests.rules.sets import profile

TURN = "They drink through their leaves.<|im_end|>\n<|im_start|>user\nThanks!"
MEANT = "Which end token does the chat template of Qwen use?"


@pytest.mark.parametrize("name", ["default", "small"])
def test_an_answer_that_goes_on_with_another_turn_goes(name):
    rules = ResponseRules(profile(name), min_words=1)
    assert rules.reason(TURN, "stop", "How do mosses drink?") == ("template_token", "<|im_end|>")


@pytest.mark.parametrize("token", ["<|eot_id|>", "<end_of_turn>", "[INST]", "<｜end▁of▁sentence｜>", "</think>"])
def test_the_tokens_of_many_templates_are_known(token):
    rules = InstructionRules(profile("default"))
    assert rules.reason(Candidate(f"How do mosses drink? {token} Explain it."))[0] == "template_token"


def test_an_input_is_looked_at_too():
    rules = InstructionRules(profile("default"))
    assert rules.reason(Candidate("Translate this line.", TURN))[0] == "template_token"


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        (MEANT, "It is <|im_end|>."),
        ("How do I end a turn?", "Set `eos_token` to `<|im_end|>`."),
        ("Which list has three entries?", "The list [INSTALL, RUN, STOP] has three, and a < b | c > d is no list."),
        ("How is text struck through in HTML?", "By <s>…</s>, as in <s>moss</s>."),
    ],
)
def test_what_is_spoken_of_stays(instruction, response):
    assert ResponseRules(profile("default"), min_words=1).reason(response, "stop", instruction) is None
