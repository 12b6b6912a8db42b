"""Old names of keys work for a version, and say the new one."""

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.cli.keys import RENAMED, configuration_keys, renamed_override
from tests.conftest import compose_config


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a=demo", "diff.a=demo"),
        ("+b=old=one", "+diff.b=old=one"),
        ("~decontaminate", "~decontamination.benchmarks"),
        ("run=a", "run=a"),
        ("report.price.hour=2.5", "teacher.price.hour=2.5"),
        ("stages.prescreen.min_letter_share=0.5", "stages.prescreen.garbled.min_letter_share=0.5"),
    ],
)
def test_an_old_key_on_the_command_line_becomes_the_new_one(given, expected):
    assert renamed_override(given) == expected


def test_an_old_key_in_a_recipe_becomes_the_new_one_and_says_so(caplog):
    assert resolve(compose_config("+decontaminate=[evals.jsonl]")).decontamination.benchmarks == ["evals.jsonl"]
    assert "decontaminate is now called decontamination.benchmarks" in caplog.text


def test_a_group_of_old_keys_in_a_recipe_leaves_nothing_behind():
    recipe = ["+report.price.prompt_tokens=2.0", "+report.price.currency=EUR"]
    price = resolve(compose_config(*recipe)).teacher.price
    assert (price.prompt, price.currency) == (2.0, "EUR")


@pytest.mark.parametrize("new", RENAMED.values())
def test_every_new_name_is_a_key(new):
    assert new in configuration_keys()
