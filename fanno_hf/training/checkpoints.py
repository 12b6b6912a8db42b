"""The checkpoints of a training, and which of them a killed one can go on from.

student.training/checkpoint-9   half written, or damaged since: left out, and it goes
student.training/checkpoint-6   whole: from here
"""

import json
import logging
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_NAME = re.compile(r"checkpoint-(\d+)")
_NEEDED = ("trainer_state.json", "*.safetensors", "optimizer*", "scheduler.pt", "rng_state*.pth")


def last_checkpoint(workshop: Path) -> Path | None:
    """Returns the last checkpoint that is whole; those that are not are said and removed. None: there is none."""
    found = [(int(match[1]), path) for path in workshop.glob("*") if (match := _NAME.fullmatch(path.name))]
    for step, path in sorted(found, reverse=True):
        if (fault := _fault(path, step)) is None:
            return path
        logger.warning("%s is left out: %s", path.name, fault)
        shutil.rmtree(path, ignore_errors=True)
    return None


def _fault(path: Path, step: int) -> str | None:
    """Returns what is wrong with a checkpoint."""
    for name in _NEEDED:
        if not any(path.glob(name)):
            return f"it has no {name}"
    for file in sorted(path.iterdir()):
        if not _is_whole(file):
            return f"{file.name} is damaged"
    # transformers writes this file last
    state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
    return None if isinstance(state, dict) and state.get("global_step") == step else "it was not finished"


def _is_whole(file: Path) -> bool:
    """Whether a file is as long as it says, and, where it has checksums (those of torch do), as it was written."""
    with suppress(OSError, ValueError, RecursionError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        if file.suffix in (".pt", ".pth"):
            with zipfile.ZipFile(file) as packed:
                return packed.testzip() is None
        if file.suffix == ".safetensors":
            return _tensors_end(file) == file.stat().st_size
        if file.suffix == ".json":
            json.loads(file.read_text(encoding="utf-8"))
        return True
    return False


def _tensors_end(file: Path) -> int:
    """Returns where the last tensor of a file ends, in bytes from its beginning, as its head says."""
    with open(file, "rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError("the head is longer than the file")
        head = json.loads(opened.read(length))
    ends = [entry["data_offsets"][1] for name, entry in head.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0)
