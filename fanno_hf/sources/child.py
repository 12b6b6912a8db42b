"""The process in which files are parsed: `python -m fanno_hf.sources.child`. It may crash or be killed; that costs one file.

stdin   ["file", {path, name, options, skip}]      skip: members of an archive that are done
stdout  ["leaf", name], ["document", …], ["unread", …], …, ["left", null], …, ["end", null] or ["fault", sentence]
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fanno_hf.errors import UserError
from fanno_hf.sources.document import Unread, Unreadable
from fanno_hf.sources.frames import pack, pack_item, read_piece
from fanno_hf.sources.options import Options
from fanno_hf.sources.reading import documents_of, leaves, open_file

_OWN_MEMORY = 1 << 28  # bytes of the process itself
_TIMES = 6  # the largest file may be in memory: its bytes, its text, what is made of them


def main() -> None:
    """Reads files as they are named, until there are no more."""
    given, taken = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a parser prints is no piece
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us by closing the pipe
    while (job := read_piece(given)) is not None:
        options = Options(**job["options"])
        most = _OWN_MEMORY + _TIMES * options.max_file_size
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
        try:
            _read(Path(os.fsdecode(bytes.fromhex(job["path"]))), job["name"], options, job["skip"], taken)
            taken.write(pack("end", None))
        except UserError as error:
            taken.write(pack("fault", str(error)))
        taken.flush()


def _read(path: Path, name: str, options: Options, skip: int, taken: BinaryIO) -> None:
    try:
        file = open_file(path, name, options)
    except Unreadable as error:
        taken.write(pack_item(Unread(name, error.reason, error.detail)))
        return
    for number, leaf in enumerate(_timed(leaves(file, options), options.max_seconds, each=True)):
        if number < skip:
            continue
        taken.write(pack("leaf", leaf.file if isinstance(leaf, Unread) else leaf.name))
        taken.flush()
        try:
            items = [leaf] if isinstance(leaf, Unread) else documents_of(leaf, options)
            for item in _timed(items, options.max_seconds):
                taken.write(pack_item(item))
        except MemoryError:
            taken.write(pack_item(Unread(leaf.name, "too_large", " takes more memory than a file may: lower it")))
        except (UserError, OSError, KeyboardInterrupt):
            raise
        except Exception as error:  # of a parser, over a file that nobody could foresee
            words = f" cannot be read: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            taken.write(pack_item(Unread(leaf.name, "damaged", words)))
        taken.write(pack("left", None))
        taken.flush()  # what takes too long now is on the way to the next one


def _timed(items: Iterable[Any], seconds: int, each: bool = False) -> Iterator[Any]:
    """Hands items on; takes more time than that to make them (`each`: to make one), the system ends this process, even amid
    native code."""
    iterator, left = iter(items), float(seconds)
    while True:
        started = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))
        try:
            item = next(iterator)
        except StopIteration:
            return
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        left -= 0 if each else time.monotonic() - started
        yield item


if __name__ == "__main__":
    sys.exit(main())
