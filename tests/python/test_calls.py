"""fanno_hf.run and its sisters: what the shell does, for a guest in somebody's process."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest
from hydra import initialize_config_dir

import fanno_hf
from fanno_hf.commands.doctor import Diagnosis
from fanno_hf.commands.doctor_checks import Finding
from fanno_hf.python.asked import Asked
from fanno_hf.python.manners import told_in_words
from fanno_hf.teacher.scripted import ScriptedTeacher
from tests.conftest import DOCUMENTS, SMALL, write_documents
from tests.python.conftest import as_it_was, tables


def in_a_notebook(call):
    """Calls it as the cell of a notebook does: within an event loop that runs."""

    async def cell():
        return call()

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(cell())
    finally:
        loop.close()


def manifest(folder):
    """run.json without what differs between two equal runs: times, and the checksums that cover them."""
    stages = json.loads((folder / "run.json").read_text())["stages"]
    times = ("seconds", "busy_seconds", "checksum")
    return {name: {key: entry[key] for key in entry if key not in times} for name, entry in stages.items()}


def without_sources(path):
    """A table without where its rows are from."""
    rows = pq.read_table(path)
    return rows.drop_columns("source") if "source" in rows.column_names else rows


def test_a_path_gives_the_bytes_that_the_shell_gives_and_texts_the_same_rows(cli, tmp_path, caplog, whole):
    documents = write_documents(tmp_path / "documents.jsonl")
    assert cli("data=files", f"data.path={documents}", *SMALL, "run=shell")[0] == 0
    with initialize_config_dir(str(tmp_path), version_base="1.2"), as_it_was():  # the caller has a Hydra of his own
        run = in_a_notebook(lambda: fanno_hf.run(documents, *SMALL, "run=python"))
    shell = tmp_path / "runs" / "shell"
    assert run.folder == tmp_path / "runs" / "python"
    assert len(tables(shell)) == 10
    assert tables(run.folder) == tables(shell)
    assert manifest(run.folder) == manifest(shell)
    # `whole` was given the texts themselves
    assert [
        name for name in tables(shell) if without_sources(whole.folder / name) != without_sources(shell / name)
    ] == []
    assert whole.stage("prescreen")["source"][:2] == ["documents:1", "documents:2"]
    # and once more in the same process: nothing is left to do
    with as_it_was(), caplog.at_level("INFO", "fanno_hf"):
        before = (run.folder / "run.json").read_bytes()
        again = fanno_hf.run(documents, *SMALL, "run=python", "log_level=INFO")
    assert (again.folder / "run.json").read_bytes() == before
    assert [record.message[:18] for record in caplog.records if "up to date" in record.message] == [
        "prescreen: up to d",
        "seed: up to date (",
        "augment: up to dat",
        "respond: up to dat",
    ]
    assert "respond: up to date" in (run.folder / "logs" / "run.log").read_text()


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """A shell has what it starts in the background ignore Ctrl-C, and so the tests."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("requests", [5, 95])  # in a thread of a part; while the answers are asked for
def test_stopped_by_the_button_it_goes_on(requests, whole, tmp_path, monkeypatch):
    """What is being answered when the button is pressed is asked again, and nothing else."""
    answer, asked = ScriptedTeacher.complete, []

    async def pressing(self, request, urgent=False):
        asked.append(request)
        if len(asked) == requests:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return await answer(self, request, urgent)

    monkeypatch.setattr(ScriptedTeacher, "complete", pressing)
    given = (list(DOCUMENTS), *SMALL, {"run": tmp_path / "run"})
    with heeded(signal.SIGINT), as_it_was(), pytest.raises(KeyboardInterrupt):
        in_a_notebook(lambda: fanno_hf.run(*given))
    run = in_a_notebook(lambda: fanno_hf.run(*given))
    assert tables(run.folder) == tables(whole.folder)
    needed = sum(entry["requests"] for entry in manifest(whole.folder).values())
    assert needed <= len(asked) <= needed + 16  # teacher.concurrency


MISTAKES = {
    "stages.sed.combinations=2": "stages.sed.combinations is not a configuration key; did you mean 'stages.seed.combinations'?",
    "stages.seed.combinations=0": "stages.seed.combinations=0: it must be a whole number of at least 1",
    "data=files": "data.path has no value: give it on the command line, as in data.path=…",
    "stage": "'stage' is not an override: write key=value, as in stage=augment (quote values with commas)",
}


@pytest.mark.parametrize("word", MISTAKES)
def test_a_mistake_is_the_sentence_that_the_shell_prints(word, cli):
    code, said = cli(*SMALL, word)
    with as_it_was(), pytest.raises(fanno_hf.UserError) as raised:
        fanno_hf.run(None, *SMALL, word)
    assert code == 2
    assert said.splitlines()[-1].endswith(str(raised.value))  # behind the time, where the log is set up already
    assert str(raised.value).startswith(MISTAKES[word])
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("run=a,b", 'run=a,b has a comma: give a mapping, as in {"run": "a,b"}, or call it once for each'),
        (
            "teacher.log=/a=b",
            'teacher.log=/a=b has a character with a meaning in Hydra: give a mapping, as in {"teacher.log": "/a=b"}',
        ),
        (
            "parser=[a b,(c]",
            'parser=[a b,(c] has a character with a meaning in Hydra: give a mapping, as in {"parser": ["a b", "(c"]}',
        ),
    ],
)
def test_what_must_be_quoted_is_a_mapping_in_python(word, sentence):
    with pytest.raises(fanno_hf.UserError) as raised:
        fanno_hf.run(None, *SMALL, word)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("documents", "sentence"),
    [
        ([], "documents is an empty list: give texts, a Dataset or a path"),
        (["a", 7], "documents[1] is a int, not a text: give texts"),
        ([{"text": "a"}], "documents[0] is a dict, not a text: give texts, or Dataset.from_list(documents)"),
        ({"text": ["a"]}, "documents is a dict: give a Dataset, an IterableDataset, a list of texts or a path"),
        ("one\ntext", "documents is one long text, where a path is expected: give a list of texts, as in [text]"),
        ("a text " * 99, "documents is one long text, where a path is expected: give a list of texts, as in [text]"),
    ],
)
def test_documents_that_are_none_are_refused(documents, sentence, tmp_path):
    with pytest.raises(fanno_hf.UserError) as raised:
        fanno_hf.run(documents, *SMALL, {"run": tmp_path / "run"})
    assert str(raised.value).startswith(sentence)


def test_a_run_that_fails_says_so_in_one_sentence_behind_its_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # where the caller has a log, the lines are there
    with as_it_was(), pytest.raises(fanno_hf.FannoError) as raised:
        fanno_hf.run(["Too short."], *SMALL, {"run": tmp_path / "run", "log_level": "INFO"})
    assert str(raised.value).startswith("The stage prescreen kept no row (too_short 1).")
    assert not isinstance(raised.value, fanno_hf.UserError)
    shown, said = capsys.readouterr()
    assert shown == ""
    assert said.splitlines()[0].endswith(" read 1 documents")


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_that_nobody_expected_shows_where_it_is_from_on_demand(debug):
    with pytest.raises(fanno_hf.FannoError, match="^Unexpected ZeroDivisionError: ") as raised, told_in_words(debug):
        _ = 1 / 0
    assert isinstance(raised.value.__cause__, ZeroDivisionError) is debug
    assert Asked(overrides=("debug=true",)).debug and Asked(overrides=({"debug": True},)).debug and not Asked().debug


def test_what_leaves_no_run_is_named():
    with pytest.raises(fanno_hf.UserError, match=r"^stage=doctor leaves no run to return: call fanno_hf.doctor\(\)$"):
        fanno_hf.run(None, *SMALL, "stage=doctor")


def test_doctor_returns_what_it_found(tmp_path):
    found = in_a_notebook(lambda: fanno_hf.doctor(*SMALL, {"run": tmp_path / "run"}))
    assert found.ready
    assert found.findings[-1] == (
        "teacher scripted-1@0.2",
        Finding("ok", "answers", "no server: replies are computed"),
    )
    assert str(found).endswith("  ok    answers            no server: replies are computed\nready")
    away = Diagnosis([*found.findings, ("http://127.0.0.1:9", Finding("bad", "answers", "no"))])
    assert not away.ready
    assert str(away).endswith("http://127.0.0.1:9\n  bad   answers            no\nnot ready: look at answers")


def test_estimate_returns_numbers():
    found = in_a_notebook(lambda: fanno_hf.estimate(DOCUMENTS[:4], *SMALL, "estimate.rows=2"))
    assert [stage.stage for stage in found.stages] == ["prescreen", "seed", "augment", "respond"]
    assert found.total.requests == sum(stage.requests for stage in found.stages) > 10
    assert found.total.rows_out == found.stages[-1].rows_out > 0
    assert f"at most {found.total.rows_out} pairs" in str(found)


def test_importing_the_package_loads_nothing():
    code = "import sys, fanno_hf; dir(fanno_hf); print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in ("torch", "datasets", "hydra", "omegaconf", "yaml", "pydantic", "pyarrow", "numpy", "huggingface_hub"):
        assert f"'{name}'" not in loaded
    assert set(fanno_hf.__all__) == {"run", "open", "doctor", "estimate", "Run", "UserError", "FannoError"}
