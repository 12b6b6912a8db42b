"""stage=train with a model of some 100,000 weights: what it learns, what it saves, and what it says of what it cannot."""

import csv
import json
import logging
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from fanno_hf.cli.configuration import resolve
from fanno_hf.errors import FannoError, UserError
from fanno_hf.training import training
from fanno_hf.training.training import train
from tests.conftest import compose_config
from tests.doubles.tiny_model import make

WORDS = "mosses drink water leaves roots bread rises yeast sugar gas tide moves moon sea good bad".split()
PAIRS = [
    {"instruction": f"why do {a} {b}", "input": "", "output": f"{b} {c} through the {a}"}
    for a, b, c in zip(WORDS * 2, [*WORDS[3:], *WORDS[:3], *WORDS[5:], *WORDS[:5]], WORDS[7:] + WORDS + WORDS, strict=False)
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return make(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def settings(tmp_path, tiny):
    """Settings of a full training on PAIRS, written as Alpaca."""
    (tmp_path / "pairs.json").write_text(json.dumps(PAIRS), encoding="utf-8")

    def make_settings(*overrides: str):
        defaults = (
            *(f"run={tmp_path / 'run'}", f"train.data={tmp_path / 'pairs.json'}", f"train.model={tiny}"),
            *("train.method=full", "train.max_steps=6", "train.save_steps=2", "train.log_steps=1"),
            *("train.batch_size=8", "train.micro_batch_size=8", "train.learning_rate=0.01"),
        )
        return resolve(compose_config(*defaults, *overrides))

    return make_settings


def answer(model, tokenizer, instruction: str) -> str:
    """What a model answers, by transformers alone."""
    turns = [{"role": "user", "content": instruction}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    made = model.generate(**ids, max_new_tokens=40, do_sample=False)[0, ids["input_ids"].shape[1] :]
    assert made[-1] == tokenizer.eos_token_id, "it does not stop by itself"
    return tokenizer.decode(made, skip_special_tokens=True)


def test_a_student_learns_its_pairs_by_heart_and_stops(settings, tmp_path):
    train(settings("train.max_steps=250", "train.batch_size=32", "train.micro_batch_size=32", "train.save_steps=1000"))
    folder = tmp_path / "run" / "students" / "student"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert [answer(model, tokenizer, pair["instruction"]) for pair in PAIRS[:8]] == [p["output"] for p in PAIRS[:8]]
    with open(folder / "loss.csv", encoding="utf-8") as file:
        assert float(list(csv.DictReader(file))[-1]["loss"]) < 0.1
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
