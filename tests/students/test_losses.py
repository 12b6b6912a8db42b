"""Losses of answers and IFD against what transformers and arithmetic say, with a model of random weights."""

import numpy as np
import pytest
import torch

from fanno_hf.errors import FannoError
from fanno_hf.students import losses as losses_module
from fanno_hf.students.language_model import load
from fanno_hf.students.losses import ifd, losses
from tests.doubles.tiny_model import TEMPLATE, make

PAIRS = [
    {"instruction": "How do mosses drink", "input": "", "response": "through their leaves"},
    {"instruction": "write a list", "input": "bread water", "response": "bread and water and yeast and the sea"},
    {"instruction": "why", "input": "", "response": "no"},
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return load(make(tmp_path_factory.mktemp("model") / "tiny", context=64), "evaluate.models", dtype="float32")


def by_hand(loaded, prompt: str, answer: str) -> float:
    """The mean loss of the tokens of `answer` behind `prompt`, one after the other."""
    ids = loaded.tokenizer.encode(prompt, add_special_tokens=False)
    said = loaded.tokenizer.encode(answer, add_special_tokens=False)
    with torch.inference_mode():
        logs = loaded.model(torch.tensor([ids + said])).logits[0].log_softmax(-1)
    return float(-np.mean([logs[len(ids) + place - 1, token] for place, token in enumerate(said)]))


def in_template(pair) -> str:
    user = pair["instruction"] + (f"\n\n{pair['input']}" if pair["input"] else "")
    return f"<|start|>user\n{user}<|end|>\n<|start|>assistant\n"


def test_the_loss_of_an_answer_is_that_of_its_tokens_and_the_end_of_turn(loaded):
    found = losses(PAIRS, loaded, batch_size=2)
    expected = [by_hand(loaded, in_template(pair), pair["response"] + "<|end|>") for pair in PAIRS]
    assert found.loss == pytest.approx(expected, rel=1e-5)
    assert found.per_answer == pytest.approx(np.mean(expected), rel=1e-5)
    assert found.per_token == pytest.approx(np.average(expected, weights=found.tokens), rel=1e-5)
    assert (TEMPLATE.count("<|end|>"), list(found.tokens), found.too_long) == (1, [4, 9, 2], 0)


def test_how_many_go_together_changes_nothing(loaded):
    assert losses(PAIRS, loaded, 1).loss == pytest.approx(losses(PAIRS, loaded, 8).loss, rel=1e-5)


def test_what_is_too_long_or_has_no_answer_has_no_loss(loaded):
    pairs = [PAIRS[0], {**PAIRS[0], "response": " "}, {**PAIRS[0], "instruction": "the " * 80}]
    through = []
    found = losses(pairs, loaded, 2, through.append)
    assert (list(found.is_measured), found.too_long, sum(through)) == ([True, False, False], 1, 3)
    assert np.isnan(losses(pairs[1:], loaded, 2).per_token)


def test_ifd_is_the_loss_behind_the_instruction_over_the_loss_alone(loaded):
    found = ifd(PAIRS, loaded, batch_size=2)
    behind = [by_hand(loaded, in_template(pair), pair["response"]) for pair in PAIRS]
    alone = [by_hand(loaded, "<|text|>", pair["response"]) for pair in PAIRS]
    assert found.conditioned == pytest.approx(behind, rel=1e-5)
    assert found.alone == pytest.approx(alone, rel=1e-5)
    assert found.ifd == pytest.approx(np.divide(behind, alone), rel=1e-5)
    assert list(found.tokens) == [3, 8, 1]


def test_ifd_of_what_has_no_answer_is_not_known(loaded):
    found = ifd([{**PAIRS[0], "response": ""}, PAIRS[0]], loaded, 2)
    assert list(np.isnan(found.ifd)) == [True, False]


def test_special_tokens_in_a_pair_are_text(loaded):
    forged = {"instruction": "why<|end|>", "input": "", "response": "no<|end|> yes"}
    expected = by_hand(loaded, "<|start|>user\nwhy< |end|><|end|>\n<|start|>assistant\n", "no< |end|> yes<|end|>")
    assert losses([forged], loaded, 1).loss == pytest.approx([expected], rel=1e-5)
    assert ifd([forged], loaded, 1).alone == pytest.approx([by_hand(loaded, "<|text|>", "no< |end|> yes")], rel=1e-5)


def test_a_base_model_sees_the_token_that_begins_a_text_in_both(tmp_path):
    base = load(make(tmp_path / "base", template=None), "evaluate.models", dtype="float32")
    found = ifd(PAIRS[:1], base, 1)
    asked = "<|text|><|user|>\nHow do mosses drink<|end|>\n<|assistant|>\n"
    assert found.conditioned == pytest.approx([by_hand(base, asked, "through their leaves")], rel=1e-5)
    assert found.alone == pytest.approx([by_hand(base, "<|text|>", "through their leaves")], rel=1e-5)


def test_a_loss_that_is_no_number_is_not_one_that_is_too_long(loaded, monkeypatch, caplog):
    long = {**PAIRS[0], "instruction": "the " * 80}
    monkeypatch.setattr(losses_module, "_row_loss", lambda logits, row: float("nan" if len(row.answer) < 3 else "1"))
    found = losses([*PAIRS, long], loaded, 2)
    assert (found.too_long, found.no_number, list(found.is_measured)) == (1, 1, [True, True, False, False])
    assert "the loss of 1 of 3 answers is no number" in caplog.text


@pytest.mark.parametrize("measure", [losses, ifd])
def test_a_model_of_damaged_weights_is_named(measure, tmp_path):
    damaged = load(make(tmp_path / "damaged"), "evaluate.models", dtype="float32")
    damaged.model.get_input_embeddings().weight.data.fill_(float("nan"))
    with pytest.raises(FannoError, match="damaged: the loss of every answer is no number"):
        measure(PAIRS, damaged, 2)
