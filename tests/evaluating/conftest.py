"""Two tiny models in a run folder, and a function that evaluates."""

import json
from pathlib import Path

import pytest

from fanno_hf.cli.configuration import resolve
from tests.conftest import compose_config
from tests.doubles.tiny_model import make

PEOPLE = [
    {"instruction": "How do mosses drink?", "input": "", "output": "through their leaves"},
    {"instruction": "Why does bread rise?", "input": "", "output": "yeast turns sugar into gas"},
    {"instruction": "What moves the sea?", "input": "the moon", "output": "the moon pulls water twice each day"},
]


def write_lines(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="package")
def models(tmp_path_factory) -> list[str]:
    """Folders of two models with different weights."""
    folder = tmp_path_factory.mktemp("models")
    return [make(folder / name, seed=seed) for seed, name in enumerate(("tiny", "other"))]


@pytest.fixture
def people(tmp_path) -> Path:
    """A file of pairs that people wrote."""
    return write_lines(tmp_path / "people.jsonl", PEOPLE)


# few tokens, no network, a second
QUICK = (
    *("stage=evaluate", "teacher=scripted", "embedder=hashing", "tokenizer=words", "log_level=WARNING", "threads=1"),
    *("evaluate.judged.max_tokens=8", "evaluate.graded.max_tokens=8", "evaluate.judged.bootstrap=200"),
)


@pytest.fixture
def evaluate(tmp_path):
    """A function that does stage=evaluate in `tmp_path`/run with some overrides and returns what is printed."""
    from fanno_hf.evaluating.evaluation import evaluate

    def do(*overrides: str, run: str = "run") -> str:
        return evaluate(resolve(compose_config(*QUICK, f"run={tmp_path / run}", *overrides)))

    return do


def table(folder: Path) -> dict:
    """What table.json says."""
    return json.loads((folder / "evaluation" / "table.json").read_text(encoding="utf-8"))
