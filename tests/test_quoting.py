"""The line that shows how to quote a value works when it is pasted: the shell and Hydra give back what was meant."""

import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from fanno_hf.cli.quoting import for_a_shell

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
