"""Files that have their name only when they are complete and on the disk.

with whole_file(runs/demo/run.json) as file: …  ->  written as .run.json.tmp beside it, flushed, renamed
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for writing that takes the place of `path` at the end, unless an error comes first.

    Raises OSError, with the name of `path`, where it cannot be written. A link under the name that it has meanwhile is
    never followed: what it leads to is somebody else's.
    """
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.unlink(missing_ok=True)  # what a killed process left, or a link
        with open(beside, "xb", opener=_opened_here) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        error.filename = str(path)  # a failed write does not say which file it was
        raise


def _opened_here(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
