"""A few documents, and a whole run of them in a second: what most tests start from."""

import json
import logging
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, TextIO

import pytest
import yaml

from fanno_hf.checksum import seal
from fanno_hf.cli.console import QUIET
from fanno_hf.columns import RAW_DOCUMENT
from fanno_hf.steps.rows import features

os.environ |= QUIET  # as the command does, before `datasets` is imported

from datasets import Dataset, List, Value  # noqa: E402
from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

# Hydra reads the same files of conf/ hundreds of times: with the parser in C, where there is one
yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_load, _loaded = OmegaConf.load, {}


def _load_once(file: TextIO | Path) -> DictConfig:
    """OmegaConf.load; what is in a file that Hydra opened is parsed a first time only."""
    if isinstance(file, Path):
        return _load(file)
    text = file.read()
    file.seek(0)
    if text not in _loaded:
        _loaded[text] = pickle.dumps(_load(file))
    return pickle.loads(_loaded[text])


OmegaConf.load = _load_once
# `datasets` copies its schemas in every step, which is a sixth of a small run; nobody changes the type of a column
Value.__deepcopy__ = List.__deepcopy__ = lambda self, _: self
os.fsync = lambda _: None  # no test cuts the power

CONFIGURATION = Path(__file__).resolve().parent.parent / "conf"

# what makes a run need neither model nor network nor more than a second
SMALL = (
    *("teacher=scripted", "embedder=hashing", "tokenizer=words", "log_level=WARNING"),
    # two seeds a document and none off topic: so many that some pass, whatever the scripted teacher says
    *("stages.seed.combinations=2", "stages.seed.min_relevance=null", "stages.augment.min_relevance=null"),
    *("stages.augment.window=4", "stages.augment.epochs=1"),
    "parser=[]",  # loading one takes a second
)

DOCUMENTS = (
    # eight that pass every rule: one subject each, in English, longer than stages.prescreen.min_tokens
    "Mosses are small plants without true roots. They drink through the surface of their leaves, so a cushion of "
    "moss dries out within hours and revives just as quickly after rain.",
    "Tides turn turbines in the mouth of the river. Twice a day the basin fills and empties, and the difference in "
    "height between both sides of the barrage decides how much electricity is generated.",
    "In a sealed auction every bidder hands in one offer. The highest offer wins, but the winner pays only the amount "
    "of the second one, so nobody gains by bidding less than the painting is worth.",
    "Bread rises because yeast turns sugar into carbon dioxide. Gluten forms a net that holds the bubbles, and kneading "
    "stretches this net until the dough becomes smooth and elastic.",
    "Glaciers flow under their own weight. Ice near the bottom deforms slowly, meltwater lubricates the bed, and the "
    "crevasses at the surface show where the valley below suddenly becomes steeper.",
    "A violin sounds because the bow sticks to the string and slips again hundreds of times every second. The bridge "
    "carries this vibration to the wooden belly, which moves much more air than the string.",
    "Letters in medieval monasteries were copied by hand. A scribe ruled the parchment, mixed ink from oak galls and "
    "iron, and scraped mistakes away with a knife before writing the words again.",
    "Sorting algorithms differ in how often they compare elements. Merge sort divides the list into halves, sorts each "
    "half and merges them, while insertion sort shifts every element to its place.",
    # one that is too short for prescreen
    "Too short.",
)


@cache
def _compose(folder: Path, name: str, choices: tuple[str, ...]) -> bytes:
    with initialize_config_dir(str(folder), version_base="1.3"):
        return pickle.dumps(compose(name, list(choices)))


@cache
def _parse(override: str) -> Override:
    return OverridesParser.create().parse_override(override)


def compose_config(*overrides: str, name: str = "config", folder: Path = CONFIGURATION) -> DictConfig:
    """Returns the configuration as Hydra composes it for these overrides.

    Most tests choose the same files and differ in a few values: files are composed once, values are set as Hydra does.
    """
    choices, values = [], []
    for given in map(_parse, overrides):
        key = given.key_or_group
        is_value = not (given.is_add() or given.is_delete() or key.startswith("hydra."))
        is_value = is_value and not (CONFIGURATION / key).is_dir()
        (values if is_value else choices).append(given)
    config = pickle.loads(_compose(folder, name, tuple(given.input_line for given in choices)))
    for given in values:
        OmegaConf.update(config, given.key_or_group, given.value(), merge=True)
    return config


def write_documents(path: Path, documents=DOCUMENTS) -> Path:
    """Writes documents as JSON lines and returns the path."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in documents), encoding="utf-8")
    return path


def edit_run_json(folder: Path, change: Callable[[dict[str, Any]], object], *, renew: bool = True) -> None:
    """Changes a run.json as fanno_hf itself would; with `renew=False` as anybody else: the checksums stay those of before."""
    path = Path(folder, "run.json")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    if renew:
        seal(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def raw_documents(*texts: str | None) -> Dataset:
    """Documents as the pre-screening gets them; their sources are d0, d1, …"""
    rows = [
        {"text": text, "source": f"d{i}", "title": "", "places": [], "position": i} for i, text in enumerate(texts)
    ]
    return Dataset.from_list(rows, features=features(RAW_DOCUMENT))


@contextmanager
def restricted(path: Path, mode: int):
    """Gives a path another mode, which holds for a superuser too: meanwhile the process is somebody else.

    The path must be within reach of everybody, as what `tempfile` makes in /tmp is, and pytest's `tmp_path` is not.
    """
    before, user = path.stat().st_mode, os.geteuid()
    path.chmod(mode)
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        if user == 0:
            os.seteuid(user)
        path.chmod(before)


def small_run(folder: Path, *overrides: str):
    """Does a run of DOCUMENTS in `folder`/run and returns its RunFolder, closed."""
    from fanno_hf.cli.configuration import resolve
    from fanno_hf.pipeline.run import execute

    documents = folder / "documents.jsonl"
    if not documents.exists():
        write_documents(documents)
    given = (*SMALL, "data=files", f"data.path={documents}", f"run={folder / 'run'}", *overrides)
    return execute(resolve(compose_config(*given)))


@pytest.fixture
def documents(tmp_path) -> Path:
    """The file that holds DOCUMENTS."""
    return write_documents(tmp_path / "documents.jsonl")


@pytest.fixture
def run(tmp_path):
    """A function that does a small run below `tmp_path` with some overrides and returns its folder."""
    return partial(small_run, tmp_path)


class CommandLine:
    """Calls main() as a fresh process would, with nobody listening to the log yet.

    Attributes:
        shown: what the last call wrote to stdout.
    """

    def __init__(self, capsys):
        self._capsys, self.shown = capsys, ""

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Returns the exit code and what was written to stderr."""
        from fanno_hf.__main__ import main

        self._capsys.readouterr()
        terminate = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", ["fanno_hf", *arguments])
                # it composes everything a first time only to read hydra.mode, which nobody sets
                patch.setattr(Hydra, "get_mode", lambda *_, **__: None)
                patch.setattr(logging.root, "handlers", [])
                patch.setattr(logging, "raiseExceptions", True)
                patch.setenv("HYDRA_FULL_ERROR", "1")
                code = main()
        finally:
            signal.signal(signal.SIGTERM, terminate)
            logging.getLogger("fanno_hf").setLevel(logging.NOTSET)
        self.shown, said = self._capsys.readouterr()
        return code, said


@pytest.fixture
def cli(monkeypatch, tmp_path, capsys) -> CommandLine:
    """The command line, called in `tmp_path`: `cli("stage=seed")` gives (exit code, stderr)."""
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "model" not in item.keywords)  # the longest first: no worker begins one at the end
