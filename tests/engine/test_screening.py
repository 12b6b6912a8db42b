"""Pre-screening on Ray: the bytes of engine=local, whoever dies on the way."""

import logging
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from fanno_hf.engine import work
from fanno_hf.errors import FannoError, UserError
from tests.conftest import SMALL, small_run, write_documents
from tests.pipeline.test_shards import TEXTS, outputs

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.ray


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> list[bytes]:
    """The files of engine=local."""
    folder = tmp_path_factory.mktemp("whole")
    write_documents(folder / "documents.jsonl", TEXTS)
    small_run(folder, "stage=prescreen")
    return outputs(folder / "run")


@pytest.fixture
def do(cluster, tmp_path):
    """A function that runs stage=prescreen over TEXTS on the cluster, three documents a task."""
    write_documents(tmp_path / "documents.jsonl", TEXTS)
    return partial(
        small_run, tmp_path, "stage=prescreen", "engine=ray", f"engine.address={cluster.address}", "engine.rows=3"
    )


def screening(before, folder: Path):
    """What a task does, after `before(place of its first document, folder)`; pickled as it stands, for its processes."""

    def screen(name, given, documents):
        before(documents["position"][0].as_py(), folder)
        return screen_documents(name, given, documents)

    screen_documents = work.screen_documents
    return screen


def test_a_shard_is_no_work_for_an_engine(tmp_path):
    with pytest.raises(
        UserError, match=r"^shard=0/2 shares the work by hand, and engine=ray does it all: leave one out$"
    ):
        small_run(tmp_path, "stage=prescreen", "engine=ray", "shard=0/2")


def test_the_bytes_of_the_local_engine(do, whole, tmp_path):
    do()
    assert outputs(tmp_path / "run") == whole
    assert not (tmp_path / "run/parts").exists()


def test_a_process_that_is_killed_is_replaced(do, whole, tmp_path, monkeypatch):
    def die_once(place, folder):
        if place == 6 and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(work, "screen_documents", screening(die_once, tmp_path))
    do()
    assert (tmp_path / "died").exists()
    assert outputs(tmp_path / "run") == whole


def test_documents_that_kill_every_process_are_named(do, tmp_path, monkeypatch):
    def die(place, folder):
        if place == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(work, "screen_documents", screening(die, tmp_path))
    with pytest.raises(
        FannoError, match=r"the process with documents 3 to 5 was lost 4 times .*; what is done is kept"
    ):
        do()


def test_the_work_of_a_lost_node_is_done_elsewhere(cluster, do, whole, tmp_path, monkeypatch):
    node, head = cluster.add_node(num_cpus=1), cluster.head_node.node_id

    def lose_the_other_node(place, folder):
        import ray

        if ray.get_runtime_context().get_node_id() != head:
            (folder / "lost").touch()
            os.kill(os.getppid(), signal.SIGKILL)  # the raylet: the node itself
        while not (folder / "lost").exists():
            time.sleep(0.01)

    monkeypatch.setattr(work, "screen_documents", screening(lose_the_other_node, tmp_path))
    try:
        do()
    finally:
        cluster.remove_node(node)
    assert outputs(tmp_path / "run") == whole


DIES = """
import os, signal, sys
from fanno_hf.__main__ import main
from fanno_hf.engine import screening

def write_and_die(folder, *given):
    write(folder, *given)
    written.append(folder)
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

write, written, screening.write_shard = screening.write_shard, [], write_and_die
sys.exit(main())
"""


def test_a_driver_that_is_killed_goes_on_from_what_it_wrote(cluster, do, whole, tmp_path, monkeypatch, caplog):
    given = ["stage=prescreen", "engine=ray", f"engine.address={cluster.address}", "engine.rows=3"]
    paths = ["data=files", f"data.path={tmp_path / 'documents.jsonl'}", f"run={tmp_path / 'run'}"]
    killed = subprocess.run([sys.executable, "-c", DIES, *SMALL, *given, *paths], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list((tmp_path / "run/parts").glob("*/run.json"))) == 2

    def note(place, folder):
        (folder / f"again-{place}").touch()

    monkeypatch.setattr(work, "screen_documents", screening(note, tmp_path))
    with caplog.at_level(logging.INFO, "fanno_hf"):
        do()
    assert "prescreen: 2 of 6 parts are done" in caplog.text
    assert len(list(tmp_path.glob("again-*"))) == 4
    assert outputs(tmp_path / "run") == whole


def test_what_a_task_refuses_is_said_as_the_local_engine_says_it(do, tmp_path, monkeypatch):
    def refuse(place, folder):
        raise UserError("a pattern is wrong")

    monkeypatch.setattr(work, "screen_documents", screening(refuse, tmp_path))
    with pytest.raises(UserError, match=r"^a pattern is wrong$"):
        do()
