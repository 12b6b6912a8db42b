"""Killed at any moment, a run goes on from what it has: no answer is asked for again, and every byte comes out the same.

Moments are told by progress, not by time: so many requests sent, or a folder that has just come into being.
"""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fanno_hf.sources.sample import read_sample
from fanno_hf.teacher.journal import Journal
from tests.conftest import DOCUMENTS, SMALL, small_run, write_documents

ROOT = Path(__file__).resolve().parent.parent
CONCURRENCY = 4
SECONDS = 300
"""Patience with one process before the test fails."""


def start(folder: Path) -> subprocess.Popen:
    """The run of `folder`, each time the same command."""
    teacher = [f"teacher.concurrency={CONCURRENCY}", "teacher.delay=0.02", f"teacher.log={folder / 'requests.log'}"]
    source = ["data=files", f"data.path={folder / 'documents.jsonl'}", f"run={folder / 'run'}"]
    command = [sys.executable, "-m", "fanno_hf", *SMALL, *source, *teacher]
    with open(folder / "stderr", "ab") as stderr:
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr)


def sent(folder: Path) -> list[str]:
    """The keys of all requests so far, in the order of their arrival."""
    log = folder / "requests.log"
    return log.read_text().split() if log.exists() else []


def kept(folder: Path) -> set[str]:
    """The keys in the journal, read from a copy, so that the run finds the journal as the kill left it."""
    copy = folder / "copy"
    copy.mkdir()
    for file in (folder / "run").glob("journal.sqlite*"):
        shutil.copy(file, copy)
    if not (copy / "journal.sqlite").exists():
        shutil.rmtree(copy)
        return set()
    journal = Journal(copy / "journal.sqlite")
    keys = {key.hex() for (key,) in journal._connection.execute("SELECT key FROM completions")}
    journal.close()
    shutil.rmtree(copy)
    return keys


def parquet(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def moments(folder: Path, stages: dict, kills: int, seed: int) -> list[Callable[[], bool]]:
    """Returns when to kill, in order: mostly at some request, but up to four times when a stage begins to write.

    Args:
        stages: of the run.json of a run that nobody disturbed; tells how many requests come before each write.
    """
    rng = random.Random(seed)
    total = sum(entry["requests"] for entry in stages.values())
    writing = rng.sample(list(stages), min(len(stages), max(1, kills // 4)))
    places = [(number, "") for number in rng.sample(range(1, total), kills - len(writing))]
    for stage in writing:
        until = list(stages)[: list(stages).index(stage) + 1]
        places.append((sum(stages[name]["requests"] for name in until), stage))
    return [_moment(folder, *place) for place in sorted(places)]


def _moment(folder: Path, requests: int, stage: str) -> Callable[[], bool]:
    if stage:
        return (folder / "run" / stage).exists
    return lambda: len(set(sent(folder))) >= requests


def kill_at(moment: Callable[[], bool], process: subprocess.Popen) -> bool:
    """Kills the process at the moment; returns False where it ended before."""
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and not moment():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    return process.wait() == -9


@dataclass(frozen=True)
class Ordeal:
    """What a run went through.

    Attributes:
        undisturbed, disturbed: the folders of a run in peace and of the one that was killed.
        kills: how often it was.
        held: for each kill the keys in the journal, and how many requests had been sent.
        code: exit code of the process that nobody killed.
    """

    undisturbed: Path
    disturbed: Path
    kills: int
    held: list[tuple[set[str], int]]
    code: int


def ordeal(folders: tuple[Path, Path], documents: list[str], kills: int, seed: int) -> Ordeal:
    """Runs documents in peace, then again with kills."""
    for folder in folders:
        write_documents(folder / "documents.jsonl", documents)
    stages = small_run(folders[0]).manifest["stages"]
    held = []
    for moment in moments(folders[1], stages, kills, seed):
        if kill_at(moment, start(folders[1])):
            held.append((kept(folders[1]), len(sent(folders[1]))))
    code = start(folders[1]).wait(timeout=SECONDS)
    return Ordeal(*folders, len(held), held, code)


@pytest.fixture(
    scope="module",
    params=[3, pytest.param(20, marks=pytest.mark.kill20)],
    ids=lambda kills: f"{kills}-kills",
)
def suffered(request, tmp_path_factory) -> Ordeal:
    """A few documents killed three times, or the sample killed twenty times."""
    documents = DOCUMENTS if request.param == 3 else [row["text"] for row in read_sample()]
    folders = tmp_path_factory.mktemp("undisturbed"), tmp_path_factory.mktemp("disturbed")
    return ordeal(folders, documents, request.param, seed=request.param)


def test_it_was_killed_and_completes_all_the_same(suffered, request):
    assert (suffered.kills, suffered.code) == (request.node.callspec.params["suffered"], 0), stderr(suffered)


def test_every_parquet_file_is_what_it_would_have_been(suffered):
    assert parquet(suffered.disturbed) == parquet(suffered.undisturbed)


def test_nothing_half_written_is_left(suffered):
    assert list(suffered.disturbed.rglob("*.tmp")) == []


def test_what_the_journal_held_at_a_kill_is_not_sent_again(suffered):
    log = sent(suffered.disturbed)
    assert [keys & set(log[before:]) for keys, before in suffered.held] == [set()] * suffered.kills


def test_no_more_is_sent_again_than_was_in_flight_at_the_kills(suffered):
    log = sent(suffered.disturbed)
    assert len(log) - len(set(log)) <= suffered.kills * CONCURRENCY


def test_everything_that_is_needed_was_sent(suffered):
    assert set(sent(suffered.disturbed)) == kept(suffered.undisturbed)


def stderr(suffered: Ordeal) -> str:
    return (suffered.disturbed / "stderr").read_text()
