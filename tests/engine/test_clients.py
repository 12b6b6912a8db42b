"""Several clients: the bytes of one, each request once, whoever dies on the way."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.engine import work
from fanno_hf.errors import UserError
from tests.conftest import SMALL, compose_config, small_run, write_documents
from tests.test_kill import parquet

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.ray


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """A run of one process: its files, its requests and its run.json."""
    folder = tmp_path_factory.mktemp("alone")
    done = small_run(folder, f"teacher.log={folder / 'requests.log'}")
    return parquet(folder / "run"), requests(folder), done.manifest


def requests(folder: Path) -> Counter:
    return Counter((folder / "requests.log").read_text().split())


@pytest.fixture
def given(cluster, tmp_path) -> list[str]:
    """What makes two clients of a run, and writes down its requests."""
    engine = ["engine=ray", f"engine.address={cluster.address}", "engine.clients=2"]
    return [*engine, f"teacher.log={tmp_path / 'requests.log'}"]


def test_the_bytes_and_the_requests_of_one_process(given, alone, tmp_path):
    done = small_run(tmp_path, *given)
    files, asked, manifest = alone
    assert parquet(tmp_path / "run") == files
    assert requests(tmp_path) == asked
    assert not (tmp_path / "run/clients").exists()
    for stage in ("seed", "augment", "respond"):
        assert {
            name: done.manifest["stages"][stage][name] for name in ("requests", "from_journal", "prompt_tokens")
        } == {name: manifest["stages"][stage][name] for name in ("requests", "from_journal", "prompt_tokens")}


def test_a_client_that_is_killed_goes_on_from_its_journal(given, alone, tmp_path, monkeypatch):
    real, flag = work.ask, tmp_path / "died"

    def ask(function, given, folder, sign, client, rows, tally):
        from fanno_hf.teacher.journal import Journal

        put, count = Journal.put, []

        def put_and_die(journal, key, completion):
            put(journal, key, completion)
            count.append(key)
            if client == 1 and len(count) == 5 and not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)

        Journal.put = put_and_die
        try:
            return real(function, given, folder, sign, client, rows, tally)
        finally:
            Journal.put = put

    monkeypatch.setattr(work, "ask", ask)
    small_run(tmp_path, *given, "teacher.concurrency=1")
    assert flag.exists()
    assert parquet(tmp_path / "run") == alone[0]
    assert requests(tmp_path) == alone[1]  # one at a time: when it died all that it had asked was in its journal


DIES = """
import os, signal, sys, time
from pathlib import Path
from fanno_hf.__main__ import main
from fanno_hf.engine import clients

def die_instead(*given):
    while sum(1 for _ in open(log)) < int(count):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

log, count = sys.argv.pop(1), sys.argv.pop(1)
clients._wait = die_instead
sys.exit(main())
"""


def test_a_driver_that_is_killed_repeats_nothing_that_a_client_has_journaled(given, alone, tmp_path):
    log, whole = tmp_path / "requests.log", alone[2]["stages"]
    write_documents(tmp_path / "documents.jsonl")
    paths = ["data=files", f"data.path={tmp_path / 'documents.jsonl'}", f"run={tmp_path / 'run'}"]
    moment = whole["prescreen"]["requests"] + 8
    command = [sys.executable, "-c", DIES, log, str(moment), *SMALL, *given, *paths, "teacher.delay=0.05"]
    killed = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    kept = {
        key for file in (tmp_path / "run/clients").glob("*/journal.sqlite") for key in keys(file, tmp_path / "copy")
    }
    assert kept
    small_run(tmp_path, *given)
    assert parquet(tmp_path / "run") == alone[0]
    again = {key for key, count in requests(tmp_path).items() if count > 1}
    assert not again & kept


def keys(journal: Path, copy: Path) -> set[str]:
    """The keys of a journal, read from a copy: it stays as the kill left it."""
    copy.mkdir()
    for file in journal.parent.glob("journal.sqlite*"):
        shutil.copy(file, copy)
    with closing(sqlite3.connect(copy / "journal.sqlite")) as read:
        found = {key.hex() for (key,) in read.execute("SELECT key FROM completions")}
    shutil.rmtree(copy)
    return found


def test_a_node_that_does_not_see_the_run_folder_says_so(tmp_path):
    folder = tmp_path / "run/clients"
    assert work.why_no_client(str(folder), "sign", {}).startswith(
        f"it does not see {tmp_path / 'run'}: put the run folder"
    )
    folder.mkdir(parents=True)
    (folder / "sign").write_text("that of another run")
    assert work.why_no_client(str(folder), "sign", {}).startswith("it does not see")
    (folder / "sign").write_text("sign")
    assert work.why_no_client(str(folder), "sign", {}) == ""


def test_a_node_without_the_key_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("THE_KEY", raising=False)
    (tmp_path / "sign").write_text("sign")
    given = resolve(
        compose_config(*SMALL, "teacher=openai", "teacher.base_url=http://127.0.0.1:1", "teacher.api_key_env=THE_KEY")
    )
    keys = work.names_of_keys(given)
    assert keys == {"teacher.api_key_env": "THE_KEY"}
    words = "teacher.api_key_env=THE_KEY is not set there, and keys do not travel: set it before `ray start`"
    assert work.why_no_client(str(tmp_path), "sign", keys) == words
    monkeypatch.setenv("THE_KEY", "secret")
    assert work.why_no_client(str(tmp_path), "sign", keys) == ""


@pytest.mark.ray
def test_several_clients_are_refused_before_any_work_where_a_node_has_no_key(given, tmp_path, monkeypatch):
    monkeypatch.setenv("THE_KEY", "secret")
    monkeypatch.setattr(work, "names_of_keys", lambda _: {"teacher.api_key_env": "A_KEY_OF_NO_NODE"})
    with pytest.raises(
        UserError, match=r"^engine.clients, node \S+: teacher.api_key_env=A_KEY_OF_NO_NODE is not set there"
    ):
        small_run(tmp_path, *given)
    assert not (tmp_path / "run/clients").exists() and not (tmp_path / "run/prescreen").exists()


@pytest.mark.parametrize("other", ["budget.requests=5", "journal=shared.sqlite"])
def test_what_several_clients_cannot_promise_is_refused(given, tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"^engine.clients=2, and {other}.*engine.clients=1"):
        small_run(tmp_path, *given, other)
