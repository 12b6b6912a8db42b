"""The folder of a run, and the errors where it cannot be written.

run=demo  ->  runs/demo        run=./demo  ->  ./demo
"""

import errno
import os
from pathlib import Path

from fanno_hf.errors import FannoError, UserError, is_disk_full


def run_folder(run: str) -> Path:
    """Returns the folder of `run=`: runs/<name>, or with a slash in it the folder itself; raises UserError without a name."""
    if run in (None, "", ".", ".."):
        raise UserError(f"run={run} names no run: give a name, as in run=demo, or a folder, as in run=./demo")
    name = str(run)
    return Path(name).expanduser() if "/" in name or os.sep in name else Path("runs", name)


def disk_error(path: Path, error: OSError) -> FannoError:
    """Returns the error of a file or folder of a run that cannot be written."""
    if is_disk_full(error):
        return FannoError(
            f"The disk is full: {path} cannot be written. Free some space and run the same command again."
        )
    if error.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
        return UserError(f"{path} cannot be written ({error.strerror}): check its permissions or give another run=")
    return UserError(f"{path} cannot be used as a run folder ({error.strerror or error}): give another run=")
