"""The line that shows how to quote a value works when it is pasted: the shell and Hydra give back what was meant."""

import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from fanno_hf.cli.quoting import as_typed, for_a_shell, for_hydra

VALUES = [
    *("/a/b=c/x.txt", "/a/(b).txt", "/a,b.txt", "/a/[b].txt", "[a].txt", "{a}.txt", "it's.txt", 'say "x".txt'),
    *("/a b/c.txt", "/a/$HOME.txt", "a#b.txt", "a:b!c;d.txt", "ü&x.txt", " a", r"a\b=.txt", "<a>", "`a`", "a=\\"),
    *('it\'s "both"', r"\'", "007"),
]


def typed(line: str) -> str:
    """What bash hands to a program."""
    return subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("value", VALUES)
def test_a_pasted_line_gives_back_the_value(value):
    (override,) = OverridesParser.create().parse_overrides([typed(for_a_shell(f"data.path={value}"))])
    assert (override.key_or_group, override.value()) == ("data.path", value)


def test_of_a_list_each_item_is_quoted_that_needs_it():
    assert for_a_shell("decontaminate=[/a=b.txt, c.txt]") == "\"decontaminate=['/a=b.txt',c.txt]\""


@given(
    st.lists(st.sampled_from([*"\\${}'\"[]=, a\n", "${a}", "\udce9"]), max_size=8)
    .map("".join)
    .filter(lambda text: text != "???")
)
def test_a_quoted_text_comes_through_hydra_and_omegaconf(text):
    (override,) = OverridesParser.create().parse_overrides([f"data.path={for_hydra(text)}"])
    assert OmegaConf.create({"path": override.value()}).path == text


@pytest.mark.parametrize(
    ("word", "expected"),
    {
        # a name is a name, each of several, too
        "run=2024_01": "run='2024_01'",
        "run=007,null,x[1]": "run='007',null,'x[1]'",
        "diff.a=a b*": "diff.a='a b*'",
        # a path is one without quotes; with commas it may be several, unless it is there
        "data.path=/a/b=[c].txt": "data.path='/a/b=[c].txt'",
        "journal=2024": "journal='2024'",
        "data.records=[*].x[0]": "data.records='[*].x[0]'",
        "data.path=a,b": "data.path=a,b",
        # no verdicts
        "stages.prescreen.verdicts={}": "stages.prescreen.verdicts=null",
        "stages.seed.verdicts={ }": "stages.seed.verdicts=null",
        "stages.seed.verdicts={unsafe: 0.3}": "stages.seed.verdicts={unsafe: 0.3}",
        "teacher.extra_body={}": "teacher.extra_body={}",
        # what is written for Hydra stays as it is
        **{
            word: word
            for word in (
                *(
                    "run='a b'",
                    "run=a=b",
                    "run=null",
                    "run=",
                    "run=range(1,3)",
                    "data.path='a=b'",
                    "data.path=${sweep}",
                    "-m",
                ),
                *("data.path=???", "data.path=null", "train.data={name: me/x}", "stage=seed", "--cfg"),
            )
        },
    }.items(),
)
def test_an_argument_reaches_hydra_as_it_was_meant(word, expected):
    assert as_typed(word) == expected
