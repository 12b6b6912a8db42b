"""Every completion that was paid for, in one SQLite file (WAL), under the hash of everything that decides it.

    key sha256([teacher, messages, sampling, seed])  ->  {"text": "Why do mosses …", "finish_reason": "stop", …}

A run asks the journal first, so after a crash nothing that was answered is asked again. A write is one transaction:
it survives the death of the process; after a power cut the last moments may be missing, never torn (WAL with
synchronous=NORMAL, https://sqlite.org/wal.html#performance_considerations). Several processes may share one file.
"""

import json
import os
import sqlite3
from pathlib import Path

from fanno_hf.errors import FannoError, UserError
from fanno_hf.teacher.base import Completion
from fanno_hf.texts.fit import clean

APPLICATION_ID = 0x46414E4F  # "FANO": tells our file from any other SQLite file
SCHEMA_VERSION = 1


class Journal:
    """Completions by key.

    Raises:
        UserError: the file is not a journal of this version, is truncated, or may not be read or written.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            _check_file(self.path)
            self._connection = sqlite3.connect(self.path, timeout=60.0, isolation_level=None, check_same_thread=False)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise _explain(self.path, error) from error
        except OSError as error:
            raise UserError(f"{self.path} cannot be read ({error.strerror}): check its permissions") from error

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=NORMAL")
        # fold the log into the file every 40 MB: four times the writes a second of the default 4 MB
        execute("PRAGMA wal_autocheckpoint=10000")
        # in this order: another process that makes the file just now marks it before it adds the table
        tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application, version = (execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if tables and application != APPLICATION_ID:
            raise UserError(
                f"{self.path} is an SQLite file of another program: move it away, or give another run= or journal="
            )
        if tables and version != SCHEMA_VERSION:
            raise UserError(
                f"{self.path} has journal version {version}, this fanno_hf reads version {SCHEMA_VERSION}: "
                "use the fanno_hf that made it, or give another run="
            )
        if not tables:
            execute(f"PRAGMA application_id={APPLICATION_ID}")
            execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            execute("CREATE TABLE IF NOT EXISTS completions (key BLOB PRIMARY KEY, record TEXT NOT NULL)")

    def _execute(self, statement: str, values: tuple = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.DatabaseError as error:
            raise _explain(self.path, error) from error

    def get(self, key: bytes) -> Completion | None:
        """Returns the completion kept under `key`, or None."""
        row = self._execute("SELECT record FROM completions WHERE key = ?", (key,)).fetchone()
        return Completion.from_json(json.loads(row[0])) if row else None

    def put(self, key: bytes, completion: Completion) -> None:
        """Keeps a completion; when this returns, the death of the process cannot lose it. The first one stays."""
        # SQLite would refuse a lone surrogate
        record = clean(json.dumps(completion.to_json(), ensure_ascii=False, separators=(",", ":")))
        self._execute("INSERT OR IGNORE INTO completions VALUES (?, ?)", (key, record))

    def absorb(self, path: Path) -> None:
        """Takes over the completions of another journal; where both have one, ours stays. No file there: nothing."""
        if not Path(path).exists():
            return
        Journal(path).close()  # says what is wrong with it, if anything is
        self._execute("ATTACH DATABASE ? AS other", (str(path),))
        try:
            self._execute("INSERT OR IGNORE INTO completions SELECT key, record FROM other.completions")
        finally:
            self._execute("DETACH DATABASE other")

    def totals(self) -> tuple[int, int]:
        """Returns how many completions are kept, and the tokens of their prompts and texts."""
        tokens = "json_extract(record, '$.prompt_tokens') + json_extract(record, '$.completion_tokens')"
        return self._execute(f"SELECT count(*), coalesce(sum({tokens}), 0) FROM completions").fetchone()

    def close(self) -> None:
        """Closes the file; the write-ahead log is folded into it."""
        self._connection.close()


def _check_file(path: Path) -> None:
    """Refuses what is no SQLite file, or one that is shorter than its own header says.

    With a write-ahead log beside it a short file may be whole: the process was killed while it copied the log.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    with open(path, "rb") as file:
        header = file.read(100)
        size = os.fstat(file.fileno()).st_size
    if header[:16] != b"SQLite format 3\0":
        raise UserError(
            f"{path} is not a journal (not an SQLite file): move it away, or give another run= or journal="
        )
    page_size = int.from_bytes(header[16:18], "big")
    expected = (65536 if page_size == 1 else page_size) * int.from_bytes(header[28:32], "big")
    log = path.with_name(f"{path.name}-wal")
    if size < expected and not (log.exists() and log.stat().st_size):
        raise UserError(
            f"{path} is truncated ({size} of {expected} bytes): put a complete copy back, or move it away and "
            "its completions are asked again"
        )


def _explain(path: Path, error: sqlite3.DatabaseError) -> FannoError:
    """Turns SQLite's words into a line that says what to do."""
    words = str(error)
    if "full" in words:
        return FannoError(f"The disk is full: {path} cannot grow. Free some space and run the same command again.")
    if "readonly" in words or "unable to open" in words:
        return UserError(f"{path} cannot be written ({words}): check the folder's permissions or give another run=")
    if "I/O" in words:
        return FannoError(f"{path} cannot grow or be read ({words}): look at the disk and your quota, then run again")
    if "locked" in words:
        return FannoError(f"{path} is locked by another process for more than a minute: stop it and run again")
    return UserError(
        f"{path} is damaged ({words}): put a copy back, or move it away and its completions are asked again"
    )
