"""Killed at any moment, a run goes on from what it has: no answer is asked for again, and every byte comes out the same.

Moments are told by progress, not by time: so many requests sent, or a folder that has just come into being.
"""

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
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
    Journal(copy / "journal.sqlite").close()
    with closing(sqlite3.connect(copy / "journal.sqlite")) as journal:
        keys = {key.hex() for (key,) in journal.execute("SELECT key FROM completions")}
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
        time.sleep(0.005)
    process.kill()
    return process.wait() == -9


def ordeal(folder: Path, moments: list[Callable[[], bool]]) -> tuple[int, list[tuple[set[str], int]]]:
    """Runs and kills at each moment, then runs to the end.

    Returns:
        The last exit code, and for each kill the keys in the journal and how many requests had been sent.
    """
    held = []
    for moment in moments:
        if kill_at(moment, start(folder)):
            held.append((kept(folder), len(sent(folder))))
    return start(folder).wait(timeout=SECONDS), held


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.long)])
def test_a_run_that_is_killed_loses_nothing_asks_nothing_twice_and_ends_the_same(tmp_path, kills):
    documents = DOCUMENTS if kills == 2 else [row["text"] for row in read_sample()]
    peaceful, killed = tmp_path / "peaceful", tmp_path / "killed"
    for folder in (peaceful, killed):
        folder.mkdir()
        write_documents(folder / "documents.jsonl", documents)
    stages = small_run(peaceful).manifest["stages"]

    code, held = ordeal(killed, moments(killed, stages, kills, seed=kills))

    # one test, because the runs are dear; what is wrong shows by its name
    sent_at_last = sent(killed)
    needless = {key for keys, before in held for key in keys & set(sent_at_last[before:])}
    assert (code, len(held)) == (0, kills), (killed / "stderr").read_text()
    assert parquet(peaceful) == parquet(killed)
    assert list(killed.rglob("*.tmp")) == []
    assert needless == set(), "sent although the journal had it"
    assert kept(peaceful) <= set(sent_at_last)
    assert len(sent_at_last) - len(set(sent_at_last)) <= kills * CONCURRENCY, "sent twice beyond what was in flight"
