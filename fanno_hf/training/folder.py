"""Where a student is made and kept.

runs/demo/students/student.training/   checkpoints and tokens, while it is made: a killed training goes on from here
runs/demo/students/student/            the student, once it is complete
"""

import errno
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fanno_hf.errors import UserError, causes, is_disk_full
from fanno_hf.identity import file_sha256
from fanno_hf.output.place import disk_error, run_folder
from fanno_hf.students.language_model import model_files, shown_name
from fanno_hf.whole_files import whole_file

logger = logging.getLogger(__name__)

RECORD = "training.json"
"""What a student was made of and how, beside its weights."""
# of safetensors and of torch, whose errors are no OSError
_NO_ROOM = re.compile(
    r"no space left|file too large|quota exceeded|unexpected pos \d+ vs|file write failed", re.IGNORECASE
)
_TAKEN = ("base", "packaged", "file")  # which mean something else in evaluate.models
_NAME = re.compile(r"(?!\.)[\w.-]{1,80}")


def student_folder(run: str, name: str) -> Path:
    """Returns where a finished student is."""
    return run_folder(run) / "students" / name


@contextmanager
def telling_full_disk(path: Path) -> Iterator[None]:
    """Raises FannoError where the disk is full, in whatever words the libraries that write weights put it."""
    try:
        yield
    except Exception as error:
        for cause in causes(error):
            if is_disk_full(cause) or _NO_ROOM.search(str(cause)):
                raise disk_error(path, OSError(errno.ENOSPC, "")) from error
        raise


class StudentFolder:
    """The folder of one student, and its workshop. A context manager: locked within.

    Raises UserError where its name is none, it cannot be written, or another process makes the same student.
    """

    def __init__(self, run: str, name: str):
        if not _NAME.fullmatch(name) or name.endswith(".training"):
            raise UserError(f"train.name={name} is no name of a folder: letters, digits, dots, dashes and underscores")
        if name in _TAKEN:
            raise UserError(f"train.name={name} means another model in evaluate.models: give another name")
        self.path = student_folder(run, name)
        self.workshop = self.path.with_name(f"{name}.training")
        self._lock = FileLock(self.path.with_name(f".{name}.lock"), timeout=0)

    def __enter__(self) -> "StudentFolder":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise UserError(
                f"{self.path} is being made by another process: wait for it, or give another train.name="
            ) from error
        except OSError as error:
            raise disk_error(self.path.parent, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def record(self) -> dict[str, Any]:
        """Returns what the finished student was made of; empty where there is none, or its record cannot be read."""
        return _read(self.path / RECORD)

    def is_made_of(self, plan: Mapping[str, Any]) -> bool:
        """Whether the finished student was made of this plan and is still as it was written; what is gone is said."""
        record = self.record()
        if record.get("plan") != json.loads(json.dumps(plan)):
            return False
        for name, sha256 in record.get("files", {}).items():
            file = self.path / name
            # whoever edits its generation config has not changed what was learnt
            if not file.is_file() or (file.suffix == ".safetensors" and file_sha256(file) != sha256):
                logger.warning("%s is not as it was written, and the student is made again", file)
                return False
        return "files" in record

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Gets the workshop ready for this plan; what an earlier attempt with another plan left there goes."""
        try:
            if _read(self.workshop / RECORD) != json.loads(json.dumps(plan)):
                shutil.rmtree(self.workshop, ignore_errors=True)
            self.workshop.mkdir(parents=True, exist_ok=True)
            _write(self.workshop / RECORD, plan)
        except OSError as error:
            raise disk_error(self.workshop, error) from error

    def finish(self, made: Path, record: Mapping[str, Any]) -> None:
        """Gives a complete student (a folder in the workshop) its final name, in place of an earlier one."""
        old = self.workshop / "replaced"
        try:
            files = {file.name: file_sha256(file) for file in model_files(made)}
            _write(made / RECORD, {**record, "files": files})
            shutil.rmtree(old, ignore_errors=True)
            if self.path.exists():
                os.replace(self.path, old)
            os.replace(made, self.path)
        except OSError as error:
            raise disk_error(self.path, error) from error
        shutil.rmtree(self.workshop, ignore_errors=True)


def without_paths(student: Path) -> bytes:
    """Returns training.json as others may see it: of a base on this machine its name alone."""
    record = _read(student / RECORD)
    return _as_json({**record, "model": shown_name(str(record.get("model", "")))})


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        if isinstance(found := json.loads(path.read_text(encoding="utf-8")), dict):
            return found
    return {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with whole_file(path) as file:
        file.write(_as_json(content))


def _as_json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
