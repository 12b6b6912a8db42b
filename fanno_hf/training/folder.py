"""Where a student is made and kept.

runs/demo/students/student.training/   checkpoints and tokens, while it is made: a killed training goes on from here
runs/demo/students/student/            the student, once it is complete
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fanno_hf.errors import UserError
from fanno_hf.output.place import disk_error, run_folder
from fanno_hf.whole_files import whole_file

RECORD = "training.json"
"""What a student was made of and how, beside its weights."""
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_NAME = re.compile(r"(?!\.)[\w.-]{1,80}")


def student_folder(run: str, name: str) -> Path:
    """Returns where a finished student is."""
    return run_folder(run) / "students" / name


class StudentFolder:
    """The folder of one student, and its workshop. A context manager: locked within.

    Raises UserError where its name is none, it cannot be written, or another process makes the same student.
    """

    def __init__(self, run: str, name: str):
        if not _NAME.fullmatch(name) or name.endswith(".training"):
            raise UserError(f"train.name={name} is no name of a folder: letters, digits, dots, dashes and underscores")
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

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Gets the workshop ready for this plan; what an earlier attempt with another plan left there goes."""
        try:
            if _read(self.workshop / RECORD) != json.loads(json.dumps(plan)):
                shutil.rmtree(self.workshop, ignore_errors=True)
            self.workshop.mkdir(parents=True, exist_ok=True)
            _write(self.workshop / RECORD, plan)
        except OSError as error:
            raise disk_error(self.workshop, error) from error

    def last_checkpoint(self) -> Path | None:
        """Returns the last checkpoint that is whole; the others, which a killed process left, are removed."""
        whole = []
        for path in self.workshop.glob("checkpoint-*"):
            found = _CHECKPOINT.fullmatch(path.name)
            # transformers writes this file last
            if found and _read(path / "trainer_state.json").get("global_step") == int(found[1]):
                whole.append((int(found[1]), path))
            else:
                shutil.rmtree(path, ignore_errors=True)
        return max(whole)[1] if whole else None

    def finish(self, made: Path, record: Mapping[str, Any]) -> None:
        """Gives a complete student (a folder in the workshop) its final name, in place of an earlier one."""
        old = self.workshop / "replaced"
        try:
            _write(made / RECORD, record)
            shutil.rmtree(old, ignore_errors=True)
            if self.path.exists():
                os.replace(self.path, old)
            os.replace(made, self.path)
        except OSError as error:
            raise disk_error(self.path, error) from error
        shutil.rmtree(self.workshop, ignore_errors=True)


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        if isinstance(found := json.loads(path.read_text(encoding="utf-8")), dict):
            return found
    return {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with whole_file(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
