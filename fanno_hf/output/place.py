"""The folder of a run, and the errors where it cannot be written, or `load_dataset` could not read it.

run=demo  ->  runs/demo        run=./demo  ->  ./demo        run=a[1]  ->  a name that load_dataset takes for a pattern
"""

import errno
import os
import re
from pathlib import Path

from fanno_hf.errors import FannoError, UserError, is_disk_full
from fanno_hf.texts.fit import clean


def run_folder(run: str) -> Path:
    """Returns the folder of `run=`: runs/<name>, or with a slash in it the folder itself; raises UserError without a name."""
    if run in (None, "", ".", ".."):
        raise UserError(f"run={run} names no run: give a name, as in run=demo, or a folder, as in run=./demo")
    name = str(run)
    if "/" not in name and os.sep not in name:
        return Path("runs", name)
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise UserError(f"run={run}: nobody here has the home {Path(name).parts[0]}: give another folder") from error


# `load_dataset` of datasets 5.2 makes a pattern of the whole path of a folder, and of its name one for its cache
_PATTERN, _VARIABLE = re.compile(r"[*?[]|::"), re.compile(r"\$(?:\w+|\{[^}]*\})")
_CAPITAL = re.compile("[a-z0-9](?=[A-Z])")  # gets one more character there
_LONGEST = 220  # bytes


def check_loadable(run: str) -> None:
    """Raises UserError where `load_dataset` could not read the folder of `run=`, or would read others with it."""
    path = Path(os.path.realpath(run_folder(run)))
    *above, name = path.parts
    better = re.sub(r"[^\w+-]+", "-", clean(name).removesuffix(".py")).strip("-")[:40] or "demo"
    start = f"run={clean(str(run))}: load_dataset could not read it, for"
    if fault := _fault(name) or _fault_of_last(name):
        raise UserError(f"{start} its name {fault}: give another one, as in run={better}")
    for part in above:
        if fault := _fault(part):
            raise UserError(
                f"{start} the name of the folder {clean(part)} above it {fault}: give a folder elsewhere, as in run=~/{better}"
            )


def _fault(name: str) -> str | None:
    """Returns what is wrong with the name of a folder on the way to a run, or of the run."""
    if found := _PATTERN.search(name):
        return f"has {found.group()} in it, which makes it a pattern"
    if found := _VARIABLE.search(name):
        return f"has {found.group()} in it, as if it were a variable"
    return "is not UTF-8" if clean(name) != name else None


def _fault_of_last(name: str) -> str | None:
    if name.endswith(".py"):
        return "ends with .py, as that of a script does"
    return "is too long" if len(name.encode()) + len(_CAPITAL.findall(name)) > _LONGEST else None


def disk_error(path: Path, error: OSError) -> FannoError:
    """Returns the error of a file or folder of a run that cannot be written."""
    if is_disk_full(error):
        return FannoError(
            f"The disk is full: {path} cannot be written. Free some space and run the same command again."
        )
    if error.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
        return UserError(f"{path} cannot be written ({error.strerror}): check its permissions or give another run=")
    return UserError(f"{path} cannot be used as a run folder ({error.strerror or error}): give another run=")
