"""Rows are mapped in several processes, by `Dataset.map(num_proc=)`: the same rows in the same order for any number of them.

map_tables(documents, screening.cut, CUT, "prescreen: passages", processes=4)
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fanno_hf.errors import FannoError
from fanno_hf.steps.rows import empty, features, fingerprint

if TYPE_CHECKING:
    from datasets import Dataset

Function = Callable[[pa.Table], pa.Table]

_WORTH_IT = (
    1 << 21
)  # bytes of rows from which on other processes are started: about as many seconds of work as it takes
_BATCH = 200  # rows at a time


def map_tables(
    dataset: "Dataset", function: Function, columns: Mapping[str, Any], desc: str, processes: int
) -> "Dataset":
    """Replaces each batch of rows by those that the function returns, however many.

    Args:
        function: is pickled for other processes. They are forks of this one, without its threads: what it calls must not wait
            for a library's.
        columns: of the result, with their types.
        processes: at most; 1 does all of it here.

    Raises:
        FannoError: one of the processes ended by itself.
    """
    types = features(columns)
    if not len(dataset):
        return empty(types)
    several = min(processes, len(dataset)) if dataset.data.nbytes >= _WORTH_IT else 1
    with _no_threads_of_tokenizers():
        try:
            mapped = dataset.with_format("arrow").map(
                _Undisturbed(function) if several > 1 else function,
                batched=True,
                batch_size=_BATCH,
                remove_columns=dataset.column_names,
                features=types,
                num_proc=several if several > 1 else None,
                load_from_cache_file=False,
                new_fingerprint=fingerprint(dataset, desc),
                desc=desc,
            )
        except RuntimeError as error:
            if "abruptly died" not in str(error):
                raise
            raise FannoError(
                f"{desc}: a process ended by itself, of too little memory perhaps: repeat the command with processes=1, or give the "
                "machine more"
            ) from error
    return mapped.with_format(None)


class _Undisturbed:
    """A function that, once it is in another process, is not interrupted by Ctrl-C: that is for the first one, which ends the
    others."""

    def __init__(self, function: Function):
        self._function = function

    def __reduce__(self) -> tuple[Any, ...]:
        return _undisturbed, (self._function,)

    def __call__(self, rows: pa.Table) -> pa.Table:
        return self._function(rows)


def _undisturbed(function: Function) -> Function:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return function


@contextmanager
def _no_threads_of_tokenizers() -> Iterator[None]:
    """Says to tokenizers that a process has no threads of them after a fork; left to themselves they print a warning."""
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    os.environ[name] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
