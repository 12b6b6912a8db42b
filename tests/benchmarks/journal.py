"""The journal: completions written a second (peer: bare sqlite3 inserts), and its share of a run's time."""

import sqlite3
import tempfile
import time
from pathlib import Path

from fanno_hf.cli.configuration import resolve
from fanno_hf.pipeline.run import execute
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.journal import Journal
from tests.benchmarks import report, start
from tests.conftest import compose_config

SIZE = 20_000
REQUESTS = [Request([{"role": "user", "content": f"What do mosses know? {i}"}], 64).key("m") for i in range(SIZE)]
COMPLETION = Completion("Through the surface of their leaves. " * 20, "stop", 300, 150)


def write_journal() -> float:
    """Completions a second through the journal."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder, "journal.sqlite"))
        started = time.perf_counter()
        for key in REQUESTS:
            journal.put(key, COMPLETION)
        rate = SIZE / (time.perf_counter() - started)
        assert journal.totals()[0] == SIZE
        journal.close()
    return rate


def write_bare() -> float:
    """The same rows by bare sqlite3, one transaction a row, same pragmas, the JSON made beforehand."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder, "bare.sqlite"), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=10000")
        connection.execute("CREATE TABLE c (key BLOB PRIMARY KEY, record TEXT)")
        record = COMPLETION.text
        started = time.perf_counter()
        for key in REQUESTS:
            connection.execute("INSERT OR IGNORE INTO c VALUES (?, ?)", (key, record))
        rate = SIZE / (time.perf_counter() - started)
        connection.close()
    return rate


def journal_share() -> float:
    """Seconds in the journal ÷ seconds of a whole run whose teacher takes up to 50 ms a request."""
    spent = 0.0
    plain = Journal.get, Journal.put

    def timed(method):
        def call(*args):
            nonlocal spent
            started = time.perf_counter()
            try:
                return method(*args)
            finally:
                spent += time.perf_counter() - started

        return call

    Journal.get, Journal.put = map(timed, plain)
    try:
        with tempfile.TemporaryDirectory() as folder:
            overrides = ["teacher=scripted", "teacher.delay=0.05", "embedder=hashing", "tokenizer=words"]
            started = time.perf_counter()
            execute(resolve(compose_config(*overrides, f"run={folder}/run", "log_level=ERROR")))
            return spent / (time.perf_counter() - started)
    finally:
        Journal.get, Journal.put = plain


def main(quick: bool) -> None:
    report("journal_writes", SIZE, write_journal, write_bare, limit=5_000, unit="completions/s")
    report("journal_share", 1, journal_share, limit=0.02, unit="share of a run's time")


if __name__ == "__main__":
    start(main)
