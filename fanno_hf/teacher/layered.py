"""A journal over another one that is only read: what a client of several finds in the run's, and what it adds in its own.

The other one must not be written meanwhile: it is read without locks, which fail between machines on a shared folder.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.records import unpack


class LayeredJournal(Journal):
    """The journal at `path`, and what it lacks from the one at `below`."""

    def __init__(self, path: Path, below: Path):
        super().__init__(path)
        self._below = sqlite3.connect(f"{below.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False)
        self._below.text_factory = bytes
        self._reading = threading.Lock()

    def get(self, key: bytes) -> Completion | None:
        """Returns the completion kept under `key` here or below, or None. What is damaged below is not there."""
        if (found := super().get(key)) is not None:
            return found
        with self._reading, suppress(sqlite3.DatabaseError):
            rows = self._below.execute("SELECT record, checksum FROM completions WHERE key = ?", (key,)).fetchall()
            return unpack(key, *rows[0]) if rows else None
        return None

    def close(self) -> None:
        """Closes both."""
        self._below.close()
        super().close()
