"""A context that is too small for the prompts is said when the teacher is opened, with how many there are."""

from types import SimpleNamespace

import pytest
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.pipeline.room import warn_of_small_context
from tests.conftest import SMALL, compose_config


@pytest.fixture
def said(caplog):
    """A function that opens a teacher of so many tokens before a stage of three documents; returns the warnings."""

    def warn(stage: str, limit: int | None, *overrides: str) -> list[str]:
        context = SimpleNamespace(
            settings=resolve(compose_config(*SMALL, *overrides)),
            counter=SimpleNamespace(count=lambda text: 200),
            teacher=SimpleNamespace(when_open=lambda tell: tell(limit)),
        )
        warn_of_small_context(stage, Dataset.from_dict({"num_tokens": [100, 250, 400]}), context)
        return [record.getMessage() for record in caplog.records]

    return warn


def test_passages_that_do_not_fit_are_counted(said):
    [line] = said("seed", 512, "stages.seed.max_tokens=64")
    assert (
        "seed: the server's context of 512 tokens is too small for the prompts of 2 of 3 passages (with 64 tokens"
        in line
    )


def test_a_grounded_answer_holds_several_passages(said):
    [line] = said("respond", 1024, "stages.respond.max_tokens=100", "stages.respond.retrieved=2")
    assert "2 of 3 passages" in line


@pytest.mark.parametrize("limit", [None, 4096])
def test_where_all_fit_or_nothing_is_told_nothing_is_said(said, limit):
    assert said("seed", limit) == []
