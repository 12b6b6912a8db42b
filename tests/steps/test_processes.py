"""Documents are screened by several processes as by one."""

import os
import select
import signal
from contextlib import suppress

import multiprocess
import pyarrow as pa
import pytest
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.columns import RAW_DOCUMENT
from fanno_hf.errors import FannoError
from fanno_hf.pipeline.references import NamedDocuments
from fanno_hf.sources.sample import read_sample
from fanno_hf.steps import processes
from fanno_hf.steps.context import Context
from fanno_hf.steps.rows import features
from fanno_hf.steps.screened import screened
from fanno_hf.texts import sections
from fanno_hf.texts.segment import TokenCounter
from tests.conftest import compose_config


@pytest.fixture
def documents() -> Dataset:
    """The sample, with a document that is far larger than the others and one without a text."""
    texts = [row["text"] for row in read_sample()]
    texts = [*texts[:30], "\n\n".join(filter(None, texts)), None, *texts[30:]]
    rows = [
        {"text": text, "source": f"{place}.txt", "title": None, "places": [], "position": place}
        for place, text in enumerate(texts)
    ]
    return Dataset.from_list(rows, features=features(RAW_DOCUMENT))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(processes, "_WORTH_IT", 1)


def context(*overrides: str) -> Context:
    settings = resolve(compose_config("teacher=scripted", "tokenizer=words", *overrides))
    return Context(settings, None, None, TokenCounter.load("words"))


def small_sections(monkeypatch):
    monkeypatch.setattr(sections, "SIZE", 10_000)
    monkeypatch.setattr(sections, "_WINDOWS", 0)


def rows_of(documents, several: int) -> list[dict]:
    """The passages and rejected rows, by their place."""
    kept, rejected = screened(documents, context(f"processes={several}"))
    return sorted([*kept, *rejected], key=lambda row: row["position"])


def test_rows_are_the_same_and_in_order_for_any_number_of_processes(documents, monkeypatch):
    small_sections(monkeypatch)
    alone = rows_of(documents, 1)
    assert rows_of(documents, 3) == alone
    assert {row["position"] for row in alone} == set(documents["position"])
    assert {row.get("phase") for row in alone} == {None, "empty", "text rules"}


def test_passages_of_a_document_that_is_cut_in_sections_are_numbered_as_one(documents, monkeypatch):
    def large() -> list[tuple[str, str]]:
        rows = [(row["source"], row["text"]) for row in rows_of(documents, 2) if row["position"] == 30]
        return sorted(rows, key=lambda row: int(row[0].partition("#")[2]))

    whole = large()
    small_sections(monkeypatch)
    cut = large()
    assert len(cut) > len(whole) > 10
    assert [source for source, _ in cut] == [f"30.txt#{number}" for number in range(1, len(cut) + 1)]
    words, same = (" ".join(text for _, text in rows).split() for rows in (cut, whole))
    assert words == same


def test_a_section_knows_its_place_and_the_heading_before_it(monkeypatch):
    small_sections(monkeypatch)
    paragraphs = [f"{n}. Mosses of kind {n} have no roots and drink through their {n} leaves." for n in range(800)]
    text = "\n\n".join(["# Moss", *paragraphs])
    places = [{"start": 0, "name": "page 1"}, {"start": text.index("500. Mosses"), "name": "page 2"}]
    row = {"text": text, "source": "moss.pdf", "title": None, "places": places, "position": 0}
    kept, _ = screened(Dataset.from_list([row], features=features(RAW_DOCUMENT)), context(), judged=False)
    assert set(kept["heading"]) == {"Moss"}
    first, last = kept[0], kept[len(kept) - 1]
    assert (first["source"], last["source"].partition("#")[0]) == ("moss.pdf:page 1", "moss.pdf:page 2")
    assert len(set(kept["source"])) == len(kept)


def test_large_documents_of_an_earlier_run_keep_their_names(tmp_path, monkeypatch):
    small_sections(monkeypatch)
    kinds = ("moss", "fern")
    for kind in kinds:
        lines = [f"{n}. The {kind} of kind {n} drinks through its {n} leaves, not by roots." for n in range(800)]
        (tmp_path / f"{kind}.txt").write_text("\n\n".join(lines), encoding="utf-8")
    against = NamedDocuments([str(tmp_path / f"{kind}.txt") for kind in kinds])
    kept, _ = screened(against.documents, context(), judged=False)
    names = [row["source"] for row in kept]
    assert len(set(names)) == len(names) > 10
    assert all(row["source"].startswith(kind) for kind in kinds for row in kept if f"The {kind} of" in row["text"])


def who(rows: pa.Table) -> pa.Table:
    ignores = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return pa.table({"process": [os.getpid()] * len(rows), "ignores": [ignores] * len(rows)})


WHO = {"process": "int64", "ignores": "bool"}


def test_others_leave_ctrl_c_to_the_first_and_nothing_stays_changed(documents):
    before = dict(os.environ), signal.getsignal(signal.SIGINT)
    rows = processes.map_tables(documents, who, WHO, "who", 2)
    assert os.getpid() not in rows["process"] and all(rows["ignores"])
    assert (dict(os.environ), signal.getsignal(signal.SIGINT)) == before


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_it_forks_whatever_the_program_around_it_starts_processes_by(documents, monkeypatch, method):
    monkeypatch.setattr(multiprocess.context._default_context, "_actual_context", multiprocess.get_context(method))
    assert all(processes.map_tables(documents, who, WHO, "who", 2)["ignores"])
    assert multiprocess.get_start_method() == method


def test_little_is_done_here(documents, monkeypatch):
    monkeypatch.setattr(processes, "_WORTH_IT", 1 << 30)
    assert set(processes.map_tables(documents, who, WHO, "who", 2)["process"]) == {os.getpid()}


def killed(rows: pa.Table) -> pa.Table:
    os.kill(os.getpid(), signal.SIGKILL)
    return rows


def test_a_process_that_ends_by_itself_is_named_in_one_sentence(documents):
    with pytest.raises(FannoError, match=r"^who: a process ended by itself, .*: repeat the command with processes=1"):
        processes.map_tables(documents, killed, WHO, "who", 2)


def test_when_the_first_process_is_killed_no_other_stays(documents):
    ours, theirs = os.pipe()

    def wait(rows: pa.Table) -> pa.Table:
        os.write(theirs, b".")
        signal.pause()
        return rows

    first = os.fork()
    if not first:
        os.setsid()
        processes.map_tables(documents, wait, WHO, "wait", 2)
        os._exit(0)
    os.close(theirs)
    assert os.read(ours, 1) == b"."
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    while (ready := select.select([ours], [], [], 30)[0]) and os.read(ours, 9):
        pass
    with suppress(ProcessLookupError):
        os.killpg(first, signal.SIGKILL)
    assert ready  # the pipe is at its end: nobody else holds it
    os.close(ours)
