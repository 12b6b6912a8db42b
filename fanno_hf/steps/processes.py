"""Rows are mapped in several processes, by `Dataset.map(num_proc=)`: the same rows in the same order for any number of them.

map_tables(documents, screening.screen, SCREENED, "prescreen: documents", processes=4)
"""

import ctypes
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from fanno_hf.errors import FannoError
from fanno_hf.steps.rows import empty, features, fingerprint
from fanno_hf.together import Together

if TYPE_CHECKING:
    from datasets import Dataset

Function = Callable[[pa.Table], pa.Table]

_WORTH_IT = 1 << 21  # bytes of rows from which on other processes are started: seconds of work, as it takes
_BATCH = 200  # rows at a time


def map_tables(
    dataset: "Dataset", function: Function, columns: Mapping[str, Any], desc: str, processes: int
) -> "Dataset":
    """Replaces each batch of rows by those that the function returns, however many.

    Args:
        function: of the other processes, too. These are forks of this one, without its threads: what it calls must not wait for
            a library's.
        columns: of the result, with their types.
        processes: at most; 1 does all of it here.

    Raises:
        FannoError: one of the processes ended by itself.
    """
    types = features(columns)
    if not len(dataset):
        return empty(types)
    several = min(processes, len(dataset)) if dataset.data.nbytes >= _WORTH_IT else 1
    with _forking():
        try:
            mapped = dataset.with_format("arrow").map(
                _Inherited(function) if several > 1 else function,
                batched=True,
                batch_size=_BATCH,
                remove_columns=dataset.column_names,
                features=types,
                num_proc=several if several > 1 else None,
                load_from_cache_file=False,
                new_fingerprint=fingerprint(dataset, desc),
                desc=desc,
            )
        except Exception as error:
            if not _tells_of_a_lost_process(error):
                raise
            raise FannoError(
                f"{desc}: a process ended by itself, of too little memory perhaps: repeat the command with processes=1, or give the "
                "machine more"
            ) from error
    return mapped.with_format(None)


def _tells_of_a_lost_process(error: Exception) -> bool:
    """Whether `Dataset.map` raises this where one of its processes has ended, or that by which they speak."""
    from multiprocess import TimeoutError as Waited

    return isinstance(error, Waited | EOFError | ConnectionError) or "abruptly died" in str(error)


class _Inherited:
    """A function that a fork has already: it is not pickled, nor what it took long to make."""

    _known: ClassVar[dict[int, Function]] = {}

    def __init__(self, function: Function):
        self._key = id(self)
        self._known[self._key] = function

    def __del__(self) -> None:
        self._known.pop(self._key, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return _inherited, (self._key,)


def _inherited(key: int) -> Function:
    return _Inherited._known[key]


def _begin() -> None:
    """In a process that was just forked: Ctrl-C is for the first one, which ends the others; if it is killed, so are they. And
    the garbage collector leaves alone what the first one made: to look at it is to copy its memory, a fifth of the work."""
    if _FORKING:
        gc.freeze()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if _LIBC is not None and threading.get_ident() in _FORKING:
            # sent at the end of the thread that forked: never to one that the pool's own thread starts for another that was lost,
            # which might hold a lock that the pool waits for
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


_FORKING: set[int] = set()  # threads that fork processes of ours now
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
os.register_at_fork(after_in_child=_begin)


@contextmanager
def _forking() -> Iterator[None]:
    """For as long as processes are forked."""
    with _FORKS():
        _FORKING.add(threading.get_ident())
        try:
            yield
        finally:
            _FORKING.discard(threading.get_ident())


@contextmanager
def _forks() -> Iterator[None]:
    """Has `Dataset.map` fork, whatever its caller or a newer Python would have it do; and says to tokenizers that forks have no threads
    of theirs: else they print a warning."""
    import multiprocess

    name, method = "TOKENIZERS_PARALLELISM", multiprocess.get_start_method(allow_none=True)
    before = os.environ.get(name)
    os.environ[name] = "false"
    multiprocess.set_start_method("fork", force=True)
    try:
        yield
    finally:
        multiprocess.set_start_method(method, force=True)
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


_FORKS = Together(_forks)
