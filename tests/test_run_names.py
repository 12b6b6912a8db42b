"""Names of run folders: what `load_dataset` could not read is refused before anything is done; the others it reads."""

from pathlib import Path

import pytest
from datasets import load_dataset

from fanno_hf.errors import UserError
from fanno_hf.output.place import check_loadable
from fanno_hf.steps.rows import empty
from tests.conftest import SMALL, write_documents

NOT_UTF8 = b"caf\xe9".decode("utf-8", "surrogateescape")
REFUSED = {
    "a[1]": "its name has [ in it, which makes it a pattern: give another one, as in run=a-1",
    "[": "its name has [ in it, which makes it a pattern: give another one, as in run=demo",
    "a*": "its name has * in it, which makes it a pattern: give another one, as in run=a",
    "what?": "its name has ? in it, which makes it a pattern: give another one, as in run=what",
    "a::b": "its name has :: in it, which makes it a pattern: give another one, as in run=a-b",
    "moss.py": "its name ends with .py, as that of a script does: give another one, as in run=moss",
    NOT_UTF8: "its name is not UTF-8: give another one, as in run=caf",
    "aA" * 80: f"its name is too long: give another one, as in run={'aA' * 20}",
    "a" * 221: f"its name is too long: give another one, as in run={'a' * 40}",
    "$HOME": "its name has $HOME in it, as if it were a variable: give another one, as in run=HOME",
    "a${x}": "its name has ${x} in it, as if it were a variable: give another one, as in run=a-x",
}
ALLOWED = [
    *(
        "a b",
        "a]",
        "{a}",
        "{a,b}",
        "a!",
        "a#b",
        "a%20b",
        "a:b",
        "a=b",
        "it's",
        'a"b',
        "a\\b",
        "a\nb",
        "$ 5",
        "ü",
        "@a",
    ),
    *("a" * 200, "(a)", ".a", "a.zip", "a&b;c"),
]


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_that_would_break_load_dataset_is_refused_with_a_suggestion(name):
    with pytest.raises(UserError) as refused:
        check_loadable(name)
    shown = name.encode("utf-8", "replace").decode()
    assert str(refused.value) == f"run={shown}: load_dataset could not read it, for {REFUSED[name]}"


@pytest.mark.parametrize("name", ["[2024] mosses", "a*", NOT_UTF8], ids=ascii)
def test_a_folder_above_counts_as_well(tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    for run in ("demo", "./demo", f"{tmp_path}/{name}/x/demo"):
        with pytest.raises(UserError, match=r"the name of the folder .* above it (has|is not) .*, as in run=~/demo"):
            check_loadable(run)
    check_loadable(f"{tmp_path}/demo")


def test_the_folder_that_a_link_leads_to_counts(tmp_path):
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a[1]")
    with pytest.raises(UserError, match=r"the name of the folder a\[1\] above it has \["):
        check_loadable(f"{tmp_path}/link/demo")


@pytest.mark.parametrize("name", ALLOWED, ids=lambda name: ascii(name)[:12])
def test_load_dataset_reads_the_others(tmp_path, name):
    check_loadable(f"{tmp_path}/{name}")
    assert load(tmp_path / name, tmp_path / "cache") == ["kept"]


@pytest.mark.parametrize("name", ["a[1]", "a::b", "moss.py", "aA" * 80, "${HOME}"])
def test_those_that_are_refused_would_not_be_read(tmp_path, name):
    with pytest.raises(
        Exception, match="No .* data files found|scripts are no longer supported|occurred while|No such file"
    ):
        load(tmp_path / name, tmp_path / "cache")


@pytest.mark.parametrize("name", ["a*", "a?"])
def test_or_would_be_read_with_the_rows_of_another_run(tmp_path, name):
    load(tmp_path / "ab", tmp_path / "cache")
    assert load(tmp_path / name, tmp_path / "cache") == ["kept", "kept"]


def load(folder: Path, cache: Path) -> list[str]:
    """Makes a folder with a table as a run has it, and returns what `load_dataset` reads of it."""
    (folder / "seed").mkdir(parents=True)
    rows = empty({"reason": "string"}).add_item({"reason": "kept"})
    rows.to_parquet(folder / "seed" / "train-00000-of-00001.parquet")
    head = "configs:\n- config_name: seed\n  data_files:\n  - split: train\n    path: seed/*.parquet\n"
    (folder / "README.md").write_text(f"---\n{head}---\n", encoding="utf-8")
    return list(load_dataset(str(folder), "seed", split="train", cache_dir=str(cache))["reason"])


@pytest.mark.parametrize("stage", ["all", "preview"])
def test_it_is_refused_before_anything_is_done(cli, tmp_path, stage):
    write_documents(tmp_path / "documents.jsonl")
    code, said = cli(*SMALL, "data=files", "data.path=documents.jsonl", "run=a[1]", f"stage={stage}")
    assert (code, "its name has [ in it" in said) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["documents.jsonl"]


def test_the_home_of_nobody_is_one_sentence():
    with pytest.raises(
        UserError, match="run=~nobody-here/a: nobody here has the home ~nobody-here: give another folder"
    ):
        check_loadable("~nobody-here/a")
