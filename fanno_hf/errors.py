"""The errors a person reads: one sentence that names the key, file or row, what is wrong, and what to do."""

import errno
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any


class FannoError(Exception):
    """A failure that is reported as one clear line.

    `exit_code` is what the process returns: 1 for a failure of the run, 2 for a mistake in what was asked for, 3 for a
    budget that is reached.
    """

    exit_code = 1


class UserError(FannoError):
    """Something asked for cannot be: a wrong key, path, file or value. Exit code 2."""

    exit_code = 2


class TeacherUnavailable(FannoError):
    """The teacher cannot be reached or refuses every request. What was answered before stays in the journal."""


class BudgetReached(FannoError):
    """A limit under `budget` is reached. Exit code 3: nothing is wrong, and nothing is lost."""

    exit_code = 3


class StageEmpty(FannoError):
    """A stage kept no row. Names the stage, counts its reasons and says what to change; `rejected` has every row, with its
    reason (None: they are in the run folder)."""

    def __init__(self, message: str, rejected: Any = None):
        super().__init__(message)
        self.rejected = rejected


_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_disk_full(error: BaseException) -> bool:
    """Whether no space was left, the user's quota was reached, or a file was larger than its limit."""
    return isinstance(error, OSError) and error.errno in _DISK_FULL


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and those it came from, the last one first: libraries wrap what they catch."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def raise_if_disk_full(error: BaseException) -> None:
    """Raises the error of a full disk that another one came from: then it is not what was being read that is wrong."""
    for cause in causes(error):
        if is_disk_full(cause):
            raise cause


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns `"; did you mean 'augment'?"` for a misspelt word, or "" when nothing is near.

    >>> did_you_mean("agument", ["seed", "augment"])
    "; did you mean 'augment'?"
    """
    nearest = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def needs_extra(what: str, package: str, extra: str, also: str | None = None) -> UserError:
    """Returns the error of what only an extra of ours brings: it names the command, and another one that may be needed.

    >>> str(needs_extra("teacher=local", "xllamacpp", "local"))
    "teacher=local needs xllamacpp, not installed here: run `pip install 'fanno_hf[local]'`"
    """
    commands = f"`pip install 'fanno_hf[{extra}]'`" + (f" and `{also}`" if also else "")
    return UserError(f"{what} needs {package}, not installed here: run {commands}")
