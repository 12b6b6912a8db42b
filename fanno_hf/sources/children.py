"""Files read in order by processes of their own, several at a time. One that crashes or takes too long costs its file alone.

with Children(processes=4, options) as children:
    for item in children.read(files):        # Document, Unread or Said, in the order of the files, whoever is first
        …
"""

import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import fanno_hf
from fanno_hf.errors import UserError
from fanno_hf.sources.document import Document, Said, Unread, Unreadable
from fanno_hf.sources.frames import pack, unpack
from fanno_hf.sources.kinds import KINDS
from fanno_hf.sources.options import Options
from fanno_hf.sources.reading import documents_of, is_read, open_file, unknown

Item = Document | Unread | Said
File = tuple[Path, str]

_AHEAD = 4  # files in work or done, for each process, beyond the one whose turn it is
_BUFFERED = 16 << 20  # bytes of a file whose turn has not come that wait here; its process waits with the rest
_BLOCK = 1 << 20


@dataclass
class _Job:
    """One file, until all that is in it is handed on."""

    path: Path
    name: str
    is_parsed: bool
    items: deque[Item] = field(default_factory=deque)
    bytes: int = 0  # that wait in `items`
    leaf: str = ""  # the file, or the member of an archive, that is read; "" between two
    leaves: int = 0  # that were begun
    told: int = 0  # items of this leaf that came
    losses: int = 0  # processes that were killed while they read it
    is_sent: bool = False
    is_done: bool = False


class _Child:
    """One process and the file that it reads."""

    def __init__(self):
        home = str(Path(fanno_hf.__file__).resolve().parents[1])
        paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fanno_hf.sources.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C, or the stop button of a notebook, is for the parent
        )
        self.output = self._process.stdout
        self.buffer, self.job = bytearray(), None

    def send(self, job: _Job, options: Options) -> bool:
        """Gives it a file; returns False where it has ended since its last one."""
        values = {
            "path": os.fsencode(job.path).hex(),
            "name": job.name,
            "options": asdict(options),
            "skip": job.leaves,
        }
        try:
            self._process.stdin.write(pack("file", values))
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        self.job, job.is_sent = job, True
        return True

    def end(self) -> int:
        """Ends the process; returns how it ended, a negative number where it was by a signal."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self.end()


class Children:
    """Reads files; use it as a context.

    Args:
        processes: that parse at a time, at least 1. Kinds that need no parser are read here.
        options: for all files.
    """

    def __init__(self, processes: int, options: Options):
        self._most, self._options = processes, options
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: Any) -> None:
        for child in self._children:
            child.kill()
        self._selector.close()

    def read(self, files: Iterable[File]) -> Iterator[Item]:
        """Yields what is in each file, in order; `Unread` where one cannot be read. Raises UserError: a package is missing."""
        jobs: deque[_Job] = deque()
        rest = (self._job(*file) for file in files)
        while True:
            jobs.extend(islice(rest, max(0, 1 + _AHEAD * self._most - len(jobs))))
            if not jobs:
                return
            first = jobs[0]
            if not first.is_parsed:
                self._assign(jobs)  # others go on while this one is read here
                yield from self._read_here(first)
                jobs.popleft()
                continue
            while first.items:
                yield first.items.popleft()
            first.bytes = 0
            if first.is_done:
                jobs.popleft()
                continue
            self._assign(jobs)
            self._take(first)

    def _job(self, path: Path, name: str) -> _Job:
        try:
            file = open_file(path, name, self._options)
        except Unreadable as error:
            return _Job(path, name, True, deque([Unread(name, error.reason, error.detail)]), is_done=True)
        if not is_read(file):
            return _Job(path, name, True, deque([unknown(file)]), is_done=True)
        return _Job(path, name, KINDS[file.kind].is_parsed)

    def _read_here(self, job: _Job) -> Iterator[Item]:
        yield from documents_of(open_file(job.path, job.name, self._options), self._options)

    def _assign(self, jobs: Iterable[_Job]) -> None:
        """Gives the next files to processes that have none."""
        waiting = (job for job in jobs if job.is_parsed and not job.is_sent and not job.is_done)
        for job in waiting:
            while not job.is_sent:
                child = next((child for child in self._children if child.job is None), None)
                if child is None:
                    if len(self._children) == self._most:
                        return
                    child = self._start()
                if not child.send(job, self._options):
                    self._bury(child)

    def _start(self) -> _Child:
        child = _Child()
        self._children.append(child)
        self._selector.register(child.output, selectors.EVENT_READ, child)
        return child

    def _take(self, first: _Job) -> None:
        """Waits for what any process has to say, but for those whose files have enough waiting here already."""
        heard = False
        while not heard:
            for key, _ in self._selector.select():
                child = key.data
                if child.job is not first and child.job is not None and child.job.bytes > _BUFFERED:
                    continue
                data = os.read(child.output.fileno(), _BLOCK)
                heard |= child.job is first
                if not data:
                    self._bury(child)
                    continue
                self._hear(child, data)

    def _hear(self, child: _Child, data: bytes) -> None:
        job = child.job
        job.bytes += len(data)
        child.buffer += data
        for name, value in unpack(child.buffer):
            if name == "leaf":
                job.leaf, job.leaves, job.told = value, job.leaves + 1, 0
            elif name == "left":
                job.leaf = ""
            elif name == "end":
                job.is_done, child.job = True, None
            elif name == "fault":
                raise UserError(value)
            else:
                job.items.append(value)
                job.told += 1

    def _bury(self, child: _Child) -> None:
        """A process has ended: what it was at is left out, and the rest of an archive goes to another one. One that had no file
        is nobody's loss."""
        self._selector.unregister(child.output)
        self._children.remove(child)
        code, job = child.end(), child.job
        if job is None:
            return
        # somebody's doing, or the kernel's; not the file's
        if code == -signal.SIGKILL and not job.told and not job.losses:
            job.leaves, job.leaf, job.losses, job.is_sent = job.leaves - bool(job.leaf), "", 1, False
            return
        if code == -signal.SIGALRM:
            reason, words = (
                "too_slow",
                f" takes longer than data.max_seconds={self._options.max_seconds} to read: raise it, or leave the file out",
            )
        else:
            reason, words = "crashed", f" ends its parser ({_ended(code)}): it is damaged, or made to do so"
        job.items.append(Unread(job.leaf or job.name, reason, words))
        job.is_sent, job.is_done = False, job.leaf in ("", job.name)


def _ended(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"
