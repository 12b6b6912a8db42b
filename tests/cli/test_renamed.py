"""Old names of keys work for a version, and say the new one."""

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.cli.keys import RENAMED, renamed_override
from tests.conftest import compose_config


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a=demo", "diff.a=demo"),
        ("+b=old=one", "+diff.b=old=one"),
        ("~decontaminate", "~decontamination.benchmarks"),
        ("stages.prescreen.min_letter_share=0.5", "stages.prescreen.garbled.min_letter_share=0.5"),
        ("run=a", "run=a"),
        ("data=files", "data=files"),
        ("-cd", "-cd"),
    ],
)
def test_an_old_key_on_the_command_line_becomes_the_new_one(given, expected):
    assert renamed_override(given) == expected


def test_an_old_key_in_a_recipe_becomes_the_new_one_and_says_so(caplog):
    settings = resolve(compose_config("+decontaminate=[evals.jsonl]"))
    assert settings.decontamination.benchmarks == ["evals.jsonl"]
    assert "decontaminate is now called decontamination.benchmarks" in caplog.text


@pytest.mark.parametrize("new", RENAMED.values())
def test_every_new_name_is_a_key(new):
    node = compose_config()
    for part in new.split("."):
        assert part in node
        node = node[part]
