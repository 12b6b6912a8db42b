"""Every completion that was paid for, in one SQLite file (WAL), under the hash of everything that decides it.

    key sha256([teacher, messages, sampling, seed])  ->  {"text": "Why do mosses …", "finish_reason": "stop", …}

A run asks the journal first, so after a crash nothing that was answered is asked again. A write is one transaction:
it survives the death of the process; after a power cut the last moments may be missing, never torn (WAL with
synchronous=NORMAL, https://sqlite.org/wal.html#performance_considerations). Several processes may share one file.

Each record has a checksum. A damaged one counts as not there: the first that is met has the whole file looked through, what is
damaged is taken out and counted in the log, and the teacher is asked again.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fanno_hf.errors import FannoError, UserError
from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.records import checksum, pack, parse, unpack

logger = logging.getLogger(__name__)

APPLICATION_ID = 0x46414E4F  # "FANO": tells our file from any other SQLite file
SCHEMA_VERSION = 2  # version 1 had no checksums: they are added when it is opened
PATIENCE = 60.0
"""Seconds to wait for another process that holds the file."""

_TABLE = "(key BLOB PRIMARY KEY, record TEXT NOT NULL, checksum BLOB)"
_INSERT = "INSERT OR {} INTO {} (key, record, checksum) VALUES (?, CAST(? AS TEXT), ?)"
# the rows themselves, without the index, which may be damaged on its own
_ROWS = "SELECT key, record, checksum FROM completions NOT INDEXED"


class Journal:
    """Completions by key.

    Raises:
        UserError: the file is not a journal of this version, is truncated, or may not be read or written.
        FannoError: the disk is full, or another process holds the file.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._mended = False
        try:
            _check_file(self.path)
            # autocommit: each statement is a transaction, except within `_transaction`
            self._connection = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
        except sqlite3.DatabaseError as error:
            raise _explain(self.path, error) from error
        except OSError as error:
            raise UserError(f"{self.path} cannot be read ({error.strerror}): check its permissions") from error
        self._connection.text_factory = bytes  # damaged text may be no UTF-8
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        self._execute("PRAGMA journal_mode=WAL")
        self._execute("PRAGMA synchronous=NORMAL")
        # fold the log into the file every 40 MB: four times the writes a second of the default 4 MB
        self._execute("PRAGMA wal_autocheckpoint=10000")
        # in this order: another process that makes the file just now marks it before it adds the table
        tables = self._number("SELECT count(*) FROM sqlite_master")
        application, version = self._number("PRAGMA application_id"), self._number("PRAGMA user_version")
        if tables and application != APPLICATION_ID:
            raise UserError(
                f"{self.path} is an SQLite file of another program: move it away, or give another run= or journal="
            )
        if tables and self._execute("PRAGMA encoding") != [(b"UTF-8",)]:  # texts would be read as others than they are
            raise _explain(self.path, sqlite3.DatabaseError("not in UTF-8"))
        if tables and version == 1:
            self._add_checksums()
        elif tables and version != SCHEMA_VERSION:
            raise UserError(
                f"{self.path} has journal version {version}, this fanno_hf reads version {SCHEMA_VERSION}: "
                "use the fanno_hf that made it, or give another run="
            )
        if not tables:
            self._execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            self._execute(f"CREATE TABLE IF NOT EXISTS completions {_TABLE}")

    def _add_checksums(self) -> None:
        """Goes on with a journal of version 1: what is in it and has the right types was paid for and stays."""
        with self._transaction():
            if self._number("PRAGMA user_version") != 1:  # another process was faster
                return
            self._execute("ALTER TABLE completions ADD COLUMN checksum BLOB")
            for rowid, key, record in self._each("SELECT rowid, key, record FROM completions NOT INDEXED"):
                if isinstance(key, bytes) and isinstance(record, bytes) and parse(record):
                    self._execute(
                        "UPDATE completions SET checksum = ? WHERE rowid = ?", (checksum(key, record), rowid)
                    )
            self._execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def get(self, key: bytes) -> Completion | None:
        """Returns the completion kept under `key`, or None."""
        rows = self._execute("SELECT record, checksum FROM completions WHERE key = ?", (key,))
        if not rows:
            return None
        if (found := unpack(key, *rows[0])) is not None or self._mended:
            return found
        self._mend()
        return self.get(key)

    def put(self, key: bytes, completion: Completion) -> None:
        """Keeps a completion; when this returns, the death of the process cannot lose it. The first one stays."""
        self._execute(_INSERT.format("IGNORE", "completions"), (key, *pack(key, completion)))

    def absorb(self, path: Path) -> None:
        """Takes over the completions of another journal; where both have one, ours stays. No file there: nothing."""
        if not Path(path).exists():
            return
        other = Journal(path)  # says what is wrong with it, if anything is
        try:
            with self._transaction():
                self._take(other, "completions", "IGNORE")
        finally:
            other.close()

    def totals(self) -> tuple[int, int]:
        """Returns how many completions are kept, and the tokens of their prompts and texts."""
        tokens = [found.tokens for row in self._each(_ROWS) if (found := unpack(*row)) is not None]
        return len(tokens), sum(tokens)

    def fold(self) -> None:
        """Folds the write-ahead log into the file: it is all there is, for those who read it without locks."""
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Closes the file; the write-ahead log is folded into it."""
        self._connection.close()

    def _mend(self) -> None:
        """Writes the records that are whole to a new table, and thereby a new index, in place of the old one."""
        self._mended = True  # once: what is damaged again afterwards is not there
        with self._transaction():
            self._execute("DROP TABLE IF EXISTS whole")
            self._execute(f"CREATE TABLE whole {_TABLE}")
            # a damaged index may have hidden a record, so that it was asked again: the later one is what the run has used
            damaged = self._take(self, "whole", "REPLACE")
            self._execute("DROP TABLE completions")
            self._execute("ALTER TABLE whole RENAME TO completions")
        if not damaged:
            logger.warning("%s: its index was damaged and is made again; every completion is there", self.path)

    def _take(self, other: "Journal", table: str, twice: str) -> int:
        """Copies the records of a journal that are whole into a table of ours; logs and returns how many are not.

        `twice` is what happens to the second one under a key.
        """
        damaged = 0
        for key, record, kept in other._each(_ROWS):
            if unpack(key, record, kept) is None:
                damaged += 1
            else:
                self._execute(_INSERT.format(twice, table), (key, record, kept))
        if damaged:
            words = "1 damaged record counts" if damaged == 1 else f"{damaged} damaged records count"
            logger.warning("%s: %s as not there, and what a run needs of it is asked again", other.path, words)
        return damaged

    def _number(self, statement: str) -> int:
        return self._execute(statement)[0][0]

    def _execute(self, statement: str, values: tuple = ()) -> list[tuple]:
        with self._explained():
            return self._connection.execute(statement, values).fetchall()

    def _each(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a statement, as many as there are."""
        with self._explained():
            yield from self._connection.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is written within it, or nothing."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:  # of SQLite's own words about a damaged schema, which they quote
            raise _explain(self.path, sqlite3.DatabaseError("malformed database schema")) from error
        except sqlite3.DatabaseError as error:
            raise _explain(self.path, error) from error


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
