"""Names that files and folders of documents may have, as they are typed in a shell: none needs quotes for Hydra."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from fanno_hf.cli.quoting import as_typed
from fanno_hf.pipeline.services import build
from tests.conftest import DOCUMENTS, SMALL

NOT_UTF8 = b"caf\xe9".decode("utf-8", "surrogateescape")
NAMES = [
    *("a=b", "a[1]", "[a]", "a*", "a?", "a b", " a", "a ", "it's", 'say "x"', 'it\'s "both"', "$HOME", "${HOME}"),
    *(
        "a\\b",
        "a\\",
        "a\\${b}",
        "a\nb",
        NOT_UTF8,
        "a,b",
        "a(b)",
        "{a}",
        "a#b",
        "a:b",
        "-a",
        "007",
        "true",
        "!a",
        "a%b",
    ),
]
HARDEST = f"it's [1] = \"${{HOME}}\" {{*}}, 'a\\' \n({NOT_UTF8})?"


def sources(path) -> list[str]:
    """What is read where data.path= is typed so."""
    (given,) = OverridesParser.create().parse_overrides([as_typed(f"data.path={path}")])
    config = OmegaConf.create({"_target_": "fanno_hf.sources.files.FileSource", "path": given.value()})
    documents = build("data", OmegaConf.to_container(config, resolve=True)).documents()
    return [document.source for document in documents]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that makes a folder in the working directory, with two files: x.txt and one of the folder's name."""
    monkeypatch.chdir(tmp_path)

    def do(name: str):
        folder = tmp_path / name
        folder.mkdir()
        for file in (name, "x"):
            (folder / f"{file}.txt").write_text(DOCUMENTS[0], encoding="utf-8")
        return folder

    return do


@pytest.mark.parametrize("name", [*NAMES, HARDEST], ids=ascii)
def test_a_folder_or_file_is_read_by_whatever_name(written, name):
    folder = written(name)
    shown = name.encode("utf-8", "replace").decode() + ".txt"
    assert sorted(sources(folder)) == sorted(sources(f"{name}/")) == sorted([shown, "x.txt"])
    assert sources(folder / f"{name}.txt") == sources(f"{name}/{name}.txt") == [shown]


@pytest.mark.parametrize("name", ["it's", "a b", "a=b", "${HOME}", "a[1]", "a*"])
def test_a_pattern_below_a_folder_of_whatever_name_finds_its_files(written, name):
    assert sorted(sources(f"{written(name)}/*.txt")) == sorted([f"{name}.txt", "x.txt"])


def test_a_name_that_is_there_is_no_pattern(written, tmp_path):
    written("a*")
    written("ab")
    assert sorted(sources("a*")) == ["a*.txt", "x.txt"]


def test_the_command_line_does_the_same(written, cli, tmp_path):
    written(HARDEST)
    code, said = cli(*SMALL, "data=files", f"data.path={HARDEST}", "stage=prescreen", "stages.prescreen.verdicts={}")
    assert code == 0, said
    # one of two equal texts is kept, and nothing was asked about it
    assert "| prescreen |   2 |    1 | exact_duplicate 1 |" in cli.shown
    assert "\n0 requests answered\n" in cli.shown
