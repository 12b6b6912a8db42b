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


@pytest.mark.parametrize(
    "token",
    [
        *(
            "<|eot_id|>",
            "<end_of_turn>",
            "[INST]",
            "<｜end▁of▁sentence｜>",
            "</think>",
            "<|reserved_special_token_7|>",
        ),
        *("</s>", "<unk>", "<pad>", "<EOS_TOKEN>", "[gMASK]<sop>", "<0x0A>", "<tool_call>", "<|channel>thought"),
        # every tag that thoughts stand in
        *("<Think>", '<think type="deep">', "[THINK]", "◁think▷", "<unused94>thought", "<seed:think>", "<scratchpad>"),
        *("<reason>", "<reasoning>", "<thought>", "</thoughts>", "<reflection>"),
    ],
)
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
        ("How is text struck through in HTML?", "Write <s> before it and </s> behind it, or `</s>` alone."),
        ("What did the shop change?", 'It has <s class="old">ten</s> eight left.'),
        ("How does Qwen mark thoughts?", "By `<think>` and `</think>`, and ``[THINK]`` is of others."),
        ("How does Qwen mark thoughts?", 'By "<think>" and “</think>”.'),
        ("How does Qwen mark thoughts?", "```\n<think>\nNo roots.\n</think>\nLeaves.\n```"),
        ("How does Qwen mark thoughts?", "<pre><code><think></think></code></pre> shows it."),
        ("How does gpt-oss mark its channels?", "By `<|channel|>analysis` and `<|channel|>final`."),
        ("What fills a batch?", "~~~\n[5, 0, 0] # <pad> <pad>\n~~~"),
        ("How do I say that a parcel came late?", "<order>\n  <reason>late</reason>\n</order>"),
        ("Which XML is it?", "<survey><thought>good</thought><reason>late</reason></survey>"),
        ("How does the play go on?", "ANNA [think]: a <|b|> c, if <reason is given> or <think of a number>."),
    ],
)
def test_what_is_spoken_of_stays(instruction, response):
    assert ResponseRules(profile("default"), min_words=1).reason(response, "stop", instruction) is None
