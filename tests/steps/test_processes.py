"""Documents are screened by several processes as by one."""

import os
import signal

import pyarrow as pa
import pytest
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.columns import RAW_DOCUMENT
from fanno_hf.errors import FannoError
from fanno_hf.sources.sample import read_sample
from fanno_hf.steps import processes
from fanno_hf.steps.rows import features
from fanno_hf.steps.screening import CUT, SCREENED, Screening
from tests.conftest import compose_config
from tests.texts.test_segment import COUNTERS


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


def screened(documents, several):
    screening = Screening(resolve(compose_config("teacher=scripted")).prescreen, COUNTERS["minilm"])
    cut = processes.map_tables(documents, screening.cut, CUT, "cut", several)
    return processes.map_tables(cut, screening.judge, SCREENED, "judge", several).to_list()


def test_rows_are_the_same_and_in_order_for_any_number_of_processes(documents):
    alone = screened(documents, 1)
    assert screened(documents, 3) == alone
    assert [row["position"] for row in alone] == sorted(row["position"] for row in alone)
    assert {row["position"] for row in alone} == set(documents["position"])
    assert {row["phase"] for row in alone} == {None, "empty", "text rules"}
    large = [row["source"] for row in alone if row["position"] == 30]
    assert large[:2] == ["30.txt#1", "30.txt#2"]


def who(rows: pa.Table) -> pa.Table:
    ignores = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return pa.table({"process": [os.getpid()] * len(rows), "ignores": [ignores] * len(rows)})


WHO = {"process": "int64", "ignores": "bool"}


def test_others_leave_ctrl_c_to_the_first_and_nothing_stays_changed(documents):
    before = dict(os.environ), signal.getsignal(signal.SIGINT)
    rows = processes.map_tables(documents, who, WHO, "who", 2)
    assert len(set(rows["process"])) == 2 and os.getpid() not in rows["process"] and all(rows["ignores"])
    assert (dict(os.environ), signal.getsignal(signal.SIGINT)) == before


def test_little_is_done_here(documents, monkeypatch):
    monkeypatch.setattr(processes, "_WORTH_IT", 1 << 30)
    assert set(processes.map_tables(documents, who, WHO, "who", 2)["process"]) == {os.getpid()}


def killed(rows: pa.Table) -> pa.Table:
    os.kill(os.getpid(), signal.SIGKILL)
    return rows


def test_a_process_that_ends_by_itself_is_named_in_one_sentence(documents):
    with pytest.raises(FannoError, match=r"^who: a process ended by itself, .*: repeat the command with processes=1"):
        processes.map_tables(documents, killed, WHO, "who", 2)
