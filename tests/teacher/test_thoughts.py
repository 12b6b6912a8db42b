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
        f"<s><think>No roots.</think>{TEXT}</s>",
        f"\ufeff<think>No roots.</think>{TEXT}",
        f"<Think>No roots.</Think>\n{TEXT}",
        f'<think type="deep">No roots.</think>\n{TEXT}',
        f"<scratchpad>No roots.</scratchpad>\n{TEXT}",
        f"<reason>No roots.</reason>{TEXT}",
        f"<|channel>thought\nNo roots.<channel|>{TEXT}",
        # the template wrote the opening tag
        f"No roots.</seed:think>{TEXT}",
        f"No roots.[/THINK]{TEXT}",
        f"No roots, I think. </think> {TEXT}",
        f"No roots.\n</think>\n\nWait, none at all.\n</think>\n\n{TEXT}",
        f"</think>\n\nNo roots.\n</think>\n\n{TEXT}",
        f"A `<br>` or ```\nno fence.\n</think>\n\n{TEXT}",
        f"No roots.<|end|><|start|>assistant<|channel|>final<|message|>{TEXT}<|return|>",
        # around the answer, too
        f"<think>\nNo roots.\n</think>\n<answer>\n{TEXT}\n</answer>",
        f"<think>\nNo roots.\n</think>\n\n<response>\n{TEXT}\n</response>\n<|im_end|>",
        f"<think>No roots.</think><answer>{TEXT}",
        f"<|begin_of_thought|>\nNo roots.\n<|end_of_thought|>\n\n<|begin_of_solution|>\n{TEXT}\n<|end_of_solution|>",
        # channels without their tokens, or with one more
        f"analysisuser asks about moss. No roots.assistantfinal{TEXT}",
        f"analysisWe need leaves.assistantfinal\n\n{TEXT}",
        f"analysis We need leaves.\n\nassistantfinal {TEXT}",
        f"<|channel|>analysis<|message|>No.<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{TEXT}",
        f"Here is my thought process: No roots. Here is my response: {TEXT}",
        f"Here's my thought process: No roots.\n\n**Here's my response:** {TEXT}",
    ],
)
def test_the_answer_is_what_comes_after_the_thoughts(written):
    text, thought = without_thoughts(written)
    assert (text.strip(), thought > 0) == (TEXT, True)


def test_an_answer_that_begins_with_code_comes_after_its_thoughts():
    code = "```python\nmoss()\n```"
    assert without_thoughts(f"No roots.</seed:think>{code}")[0] == code


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
        "analysis of variance compares means.",
        "analysisResult.map(row => row.mean)",
        "analysis = run(data)",
        "gpt-oss writes `analysis…assistantfinal…` where its tokens are lost.",
        "analysis ends where `assistantfinal` begins.",
        "It answers in `<|channel|>final<|message|>` behind `<|end|><|start|>assistant<|channel|>final<|message|>`.",
        "```\nNo roots.<|end|><|start|>assistant<|channel|>final<|message|>Leaves.\n```",
        "<|channel|> names what follows.",
        "Here is my response: mosses drink through their leaves.",
        "I was asked how mosses drink. Here is my response: through their leaves.",
        "Here is my thought process: first the leaves, then the stem.",
        "Close it with </think> and go on.",
        "A thought ends with </think>.",
        "The tag that ends it is </think>",
        "It is `No roots.</think>` here.",
        '"No roots.</think>" ends it.',
        "```\nNo roots.\n</think>\nLeaves.\n```",
        "Struck through: <s>roots</s>.",
        "<s>roots</s> leaves",
        "<reason>late</reason>\n<date>2024-01-31</date>",
        "<order>\n<reason>\nlate\n</reason>\n</order>",
        "<answer>42</answer>",
        "assistant\nsecretary\nclerk",
        "assistant professors teach.",
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


@pytest.mark.parametrize(
    "end", ["<pad><pad>", "<EOS_TOKEN>", "[gMASK]<sop>", "<0x0A><0x0A>", "<unk>", "<|im_end|><|assistant|>"]
)
def test_so_are_those_that_only_fill(end):
    assert without_thoughts(TEXT + end) == (TEXT, 0)


@pytest.mark.parametrize(
    "beginning",
    [
        "<unk>",
        "<s>",
        "<s> ",
        "<|begin_of_text|>",
        "assistant\n\n",
        "[gMASK]<sop>",
        "<｜Assistant｜>",
        "<bos><start_of_turn>model\n",
    ],
)
def test_template_tokens_at_the_beginning_are_taken_off(beginning):
    assert without_thoughts(beginning + TEXT) == (TEXT, 0)


@pytest.mark.parametrize(
    "written",
    [
        f"Sure.\n[THINK]\nNo roots. {TEXT}",
        f"{TEXT}\n◁think▷\nNo roots.",
        "Sure.\n<unused94>thought\nNo roots.",
        f"{TEXT}\n<seed:think>\nNo",
    ],
)
def test_a_thought_without_an_end_behind_first_words_is_counted_and_stays_for_a_rule(written):
    text, thought = without_thoughts(written)
    assert (text, thought > 0) == (written, True)


@pytest.mark.parametrize("tag", ["answer", "response"])
def test_tags_around_an_answer_stay_where_they_were_asked_for_or_hold_more(tag):
    whole = f"<{tag}>42</{tag}>"
    assert without_thoughts(f"<think>No.</think>{whole}", f"Put the number into <{tag}> tags.")[0] == whole
    for other in (f"<{tag}><status>ok</status></{tag}>", f"{whole} It is even."):
        assert without_thoughts(f"<think>No.</think>{other}")[0] == other


def test_template_tokens_inside_stay_for_a_rule():
    assert without_thoughts(f"{TEXT}<|im_end|>\nMore.")[0] == f"{TEXT}<|im_end|>\nMore."


@pytest.mark.parametrize(
    "part",
    [
        *(
            "<think></think>",
            "</s> ",
            " ",
            "<think>",
            "</think> ",
            "\n<think>\n",
            ". </think> X",
            "`</think>` ",
            "<s>",
        ),
        *(
            "<|end|>assistant",
            "analysis",
            "Here is my thought process:",
            "<reason>x</reason>",
            "< / think ",
            "<think a=b",
        ),
    ],
)
def test_any_number_of_tags_is_read_at_once(part):
    text, thought = without_thoughts(part * 100_000 + TEXT)  # quadratic time would take hours
    assert len(text) + thought <= len(part * 100_000 + TEXT)
