"""Pairs of a few words, a tiny model, and one thread: two workers with two threads each on two cores would wait for one another."""

import json

import pytest
import torch

from fanno_hf.cli.configuration import resolve
from tests.conftest import compose_config
from tests.doubles.tiny_model import make

_WORDS = [
    "mosses",
    "drink",
    "water",
    "leaves",
    "roots",
    "bread",
    "rises",
    "yeast",
    "sugar",
    "gas",
    "tide",
    "moves",
    "moon",
    "sea",
    "good",
    "bad",
]
PAIRS = [
    {"instruction": f"why do {a} {b}", "input": "", "output": f"{b} {c} through the {a}"}
    for a, b, c in zip(
        _WORDS * 2, [*_WORDS[3:], *_WORDS[:3], *_WORDS[5:], *_WORDS[:5]], _WORDS[7:] + _WORDS + _WORDS, strict=False
    )
]


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def tiny(tmp_path_factory) -> str:
    return make(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="package")
def settings_in(tmp_path_factory, tiny):
    """Makes the settings of a full training on PAIRS, written as Alpaca, for a run in a folder."""
    pairs = tmp_path_factory.mktemp("pairs") / "pairs.json"
    pairs.write_text(json.dumps(PAIRS), encoding="utf-8")

    def make_settings(folder, *overrides: str):
        defaults = (
            *(f"run={folder / 'run'}", f"train.data={pairs}", f"train.model={tiny}"),
            *("train.method=full", "train.max_steps=6", "train.save_steps=2", "train.log_steps=1"),
            *("train.batch_size=8", "train.micro_batch_size=8", "train.learning_rate=0.01"),
        )
        return resolve(compose_config(*defaults, *overrides))

    return make_settings


@pytest.fixture
def settings(tmp_path, settings_in):
    """Makes settings for a run of this test alone."""
    return lambda *overrides: settings_in(tmp_path, *overrides)
