"""`pip install .` without extras: no stage imports what only an extra brings, and a run without models needs none of it."""

import configparser
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import fanno_hf.stages
import fanno_hf.steps

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    # imported as -> installed as
    **{"torch": "torch", "sentence_transformers": "sentence-transformers", "transformers": "transformers"},
    **{"faiss": "faiss-cpu", "xllamacpp": "xllamacpp"},
    **{"spacy": "spacy", "matplotlib": "matplotlib", "sklearn": "scikit-learn"},
}
TABLES = ("prescreen", "seed", "augment", "respond", "data", "rejected", "history")

HIDE = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else super().find_spec(name, path, target)

sys.meta_path = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
"""
COMMAND = "import sys; from fanno_hf.__main__ import main; sys.exit(main())"


def python(code: str, *arguments: str) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> dict[str, Path]:
    """The run folders of the smoke recipe, "without" the heavy packages and "with" them."""
    folder = tmp_path_factory.mktemp("smoke")
    # the history of augment counts verbs where spaCy is installed: neither run has it
    hidden = {"without": sorted(HEAVY), "with": ["spacy"]}
    codes = {name: f"HIDDEN = {modules}{HIDE}{COMMAND}" for name, modules in hidden.items()}
    runs = {
        name: python(
            code, "-cd", "recipes", "-cn", "smoke", "data.limit=30", f"run={folder / name}", "log_level=WARNING"
        )
        for name, code in codes.items()
    }
    said = {name: process.communicate(timeout=240)[1] for name, process in runs.items()}
    assert {name: process.returncode for name, process in runs.items()} == dict.fromkeys(runs, 0), said
    return {name: folder / name for name in runs}


def tables(folder: Path) -> dict[str, list[dict]]:
    """The rows of every table of a run, without the scores of passages: their last bits are those of who multiplies."""
    files = sorted(file for name in TABLES for file in (folder / name).rglob("*.parquet"))
    return {
        str(file.relative_to(folder)): [
            {key: value for key, value in row.items() if key != "passage_scores"}
            for row in pq.read_table(file).to_pylist()
        ]
        for file in files
    }


def test_a_run_has_the_same_rows_without_the_heavy_packages(smoke):
    without, expected = tables(smoke["without"]), tables(smoke["with"])
    assert len(expected) >= 9
    assert without == expected


def test_the_scores_of_its_passages_differ_in_their_last_bits_at_most(smoke):
    without, expected = (
        [row["passage_scores"] for row in pq.read_table(next((folder / "respond").rglob("*.parquet"))).to_pylist()]
        for folder in (smoke["without"], smoke["with"])
    )
    assert without == [pytest.approx(scores, abs=1e-6) for scores in expected]


def test_its_stages_have_the_same_fingerprints(smoke):
    without, expected = (json.loads((folder / "run.json").read_text())["stages"] for folder in smoke.values())
    assert [entry["fingerprint"] for entry in without.values()] == [
        entry["fingerprint"] for entry in expected.values()
    ]


def test_importing_stages_and_steps_imports_no_heavy_package():
    modules = [
        "fanno_hf.pipeline.run",
        "fanno_hf.communities",
        "fanno_hf.report.report",
        *(info.name for info in pkgutil.iter_modules(fanno_hf.stages.__path__, "fanno_hf.stages.")),
        *(info.name for info in pkgutil.iter_modules(fanno_hf.steps.__path__, "fanno_hf.steps.")),
    ]
    code = f"import {', '.join(modules)}, sys; print(sorted(set(sys.modules) & set({list(HEAVY)})))"
    said, wrong = python(code).communicate(timeout=120)
    assert (said.strip(), wrong) == ("[]", "")


def test_the_base_requires_no_heavy_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    base = re.findall(r"^[\w.-]+", setup["options"]["install_requires"], flags=re.MULTILINE)
    assert "datasets" in base
    assert set(base) & set(HEAVY.values()) == set()


def test_a_version_of_a_package_that_is_not_installed_is_left_out(monkeypatch):
    from fanno_hf.pipeline import versions

    monkeypatch.setattr(versions, "PACKAGES", ("numpy", "no-such-package", "pyarrow"))
    assert list(versions.versions()) == ["numpy", "pyarrow"]


def test_every_package_is_installed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    there = {
        ".".join(prefix + path.relative_to(folder).parent.parts)
        for folder, prefix in ((ROOT / "fanno_hf", ("fanno_hf",)), (ROOT / "conf", ("fanno_hf", "conf")))
        for path in folder.rglob("__init__.py")
    }
    assert set(config["options"]["packages"].split()) == there
