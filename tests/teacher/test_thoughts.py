"""Thoughts and template tokens: neither is part of an answer."""

import pytest

from fanno_hf.teacher.thoughts import without_thoughts

TEXT = "They drink through their leaves."


@pytest.mark.parametrize(
    "written",
    [
        f"<think>\nNo roots.\n</think>\n\n{TEXT}",
        f"\n<think>No roots.</think>{TEXT}",
        f"<thinking>No roots.</thinking>{TEXT}",
        f"No roots, so …\n</think>\n\n{TEXT}",  # the template wrote the opening tag
        f"No roots.</think>{TEXT}",
        f"[THINK]No roots.[/THINK]{TEXT}</s>",
        f"<|START_THINKING|>No roots.<|END_THINKING|><|START_RESPONSE|>{TEXT}<|END_RESPONSE|>",
        f"<|channel|>analysis<|message|>No roots.<|end|><|start|>assistant<|channel|>final<|message|>{TEXT}<|return|>",
        f"analysisNo roots.assistantfinal{TEXT}",
        f"<think>No roots.</think><think>None at all.</think>{TEXT}",
        f"<think>\nNo roots.\n</think>\n<|im_start|>assistant\n{TEXT}<|im_end|>",
    ],
)
def test_the_answer_is_what_comes_after_the_thoughts(written):
    text, thought = without_thoughts(written)
    assert (text.strip(), thought > 0) == (TEXT, True)


@pytest.mark.parametrize(
    "written", [f"<think>\n\n</think>\n\n{TEXT}", f"<think></think>{TEXT}", f"[THINK][/THINK]{TEXT}"]
)
def test_an_empty_block_is_no_thought(written):
    text, thought = without_thoughts(written)
    assert (text.strip(), thought) == (TEXT, 0)


@pytest.mark.parametrize(
    "written",
    ["<think>No roots, so", "<think>", "<thi", "<", "[THINK]No", "<|channel|>analysis<|message|>No", "<|channel|>"],
)
def test_a_thought_that_was_cut_off_leaves_no_answer_and_counts(written):
    text, thought = without_thoughts(written)
    assert (text, thought > 0) == ("", True)


def test_a_thought_behind_first_words_is_taken_out():
    assert without_thoughts(f"Sure.\n<think>\nNo roots.\n</think>\n{TEXT}")[0] == f"Sure.\n{TEXT}"


@pytest.mark.parametrize(
    "written",
    [
        TEXT,
        "The tag `</think>` ends a thought.",
        'Models write "<think>" and "</think>" around it.',
        "```\n<think>\nNo roots.\n</think>\n```\nThat is the form.",
        "Use <s>old</s> for what is no longer true: <s>old</s>",
        "I think, therefore I am.",
        "Analysis of the poem: it has four lines.",
        " indented\n",
    ],
)
def test_an_answer_without_thoughts_stays_as_it_is(written):
    assert without_thoughts(written) == (written, 0)


@pytest.mark.parametrize(
    "end",
    ["<|im_end|>", "</s>", "<end_of_turn>\n", "<|eot_id|>", "<｜end▁of▁sentence｜>", "<|im_end|>\n<|endoftext|>"],
)
def test_template_tokens_at_the_end_are_taken_off(end):
    assert without_thoughts(TEXT + end) == (TEXT, 0)


def test_template_tokens_inside_stay_for_a_rule():
    assert without_thoughts(f"{TEXT}<|im_end|>\nMore.")[0] == f"{TEXT}<|im_end|>\nMore."


@pytest.mark.parametrize("part", ["<think></think>", "</s> ", " ", "<think>", "</think> ", "\n<think>\n"])
def test_any_number_of_tags_is_read_at_once(part):
    text, thought = without_thoughts(part * 100_000 + TEXT)  # quadratic time would take hours
    assert len(text) + thought <= len(part * 100_000 + TEXT)
