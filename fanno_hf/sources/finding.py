"""Which files there are below a path, and what is left out and why.

find_files("manuals/", "data.path")  ->  Found(files=[(manuals/policy.pdf, "policy.pdf"), …], left_out={".png": 12, "hidden": 2})
"""

import glob
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fanno_hf.errors import UserError
from fanno_hf.sources.document import HIDDEN
from fanno_hf.sources.kinds import KINDS, KNOWN, LOOKED_AT, kind_by_content, kind_of, packing_by_content
from fanno_hf.texts.fit import clean, fit_to_show

LINKED, SPECIAL = "linked to twice", "no regular file"


@dataclass
class Found:
    """Files to be read, sorted, each with its name below the path; and how many others there are, by what they are."""

    files: list[tuple[Path, str]]
    left_out: Counter[str] = field(default_factory=Counter)
    is_alone: bool = False  # the path is a file


def find_files(where: str | None, key: str) -> Found:
    """Returns the files at a file, a folder or a glob.

    Hidden files are left out, and those of a kind that is not read. Links are followed, each file is read once.

    Raises UserError with the `key` where there is none.
    """
    if not where:
        raise UserError(f"{key} is missing: give a file, a folder or a glob, as in {key}=notes/")
    try:
        path = Path(where).expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # a glob, or nothing
    except (OSError, ValueError, RuntimeError) as error:  # a name that is too long, a zero byte, nobody's home
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{key}={fit_to_show(where, limit=80)} cannot be looked at: {why}") from error
    if path.is_dir():
        return _sorted(_walk(path), path, f"{key}={where}")
    if path.exists():
        return _alone(path, key)
    # a folder that is there is no pattern, whatever its name
    root = next((folder for folder in path.parents if folder.is_dir()), Path())
    pattern = os.path.join(glob.escape(str(root)), *path.parts[len(root.parts) :])
    found = [Path(name) for name in glob.iglob(pattern, recursive=True, include_hidden=True)]
    if not found:
        raise UserError(f"{key}={where}: there is no such file or folder (from {Path.cwd()})")
    return _sorted((file for file in found if not file.is_dir()), root, f"{key}={where}")


def _alone(path: Path, key: str) -> Found:
    if not path.is_file():
        raise UserError(f"{key}={path} is no regular file: give a file, a folder or a glob")
    if not _is_known(path):
        raise UserError(f"{key}={path}: files of this kind are not read; known: {KNOWN}")
    return Found([(path, clean(path.name))], is_alone=True)


def _walk(root: Path) -> Iterator[Path]:
    """Yields the files below a folder, those below linked folders too, but no folder twice; and the hidden folders."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        here = os.stat(folder)
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = sorted(set(folders) - set(hidden))  # what is in a hidden folder is not even looked at
        yield from (Path(folder, name) for name in (*hidden, *names))


def _sorted(files: Iterator[Path], root: Path, what: str) -> Found:
    found, seen = Found([]), set()
    for file in sorted(files):
        if reason := _left_out(file, root, seen):
            found.left_out[reason] += 1
        else:
            # a name may have bytes that are no UTF-8; a column of texts may not
            found.files.append((file, clean(file.relative_to(root).as_posix())))
    if not found.files:
        others = f" ({told})" if (told := counted(found.left_out)) else ""
        raise UserError(f"{what}: no file in it can be read{others}; known: {KNOWN}")
    return found


def _left_out(file: Path, root: Path, seen: set[tuple[int, int]]) -> str:
    """Returns why a file is not read; "" where it is."""
    if any(part.startswith(".") for part in file.relative_to(root).parts):
        return HIDDEN
    try:
        status = file.stat()
    except OSError:
        return "broken link" if file.is_symlink() else ""
    if not stat.S_ISREG(status.st_mode):
        return SPECIAL
    if not _is_known(file):
        return f".{kind_of(file.name)[0]}" if kind_of(file.name)[0] else "of unknown kind"
    if (status.st_dev, status.st_ino) in seen:
        return LINKED
    seen.add((status.st_dev, status.st_ino))
    return ""


def _is_known(file: Path) -> bool:
    kind, packing = kind_of(file.name)
    if kind or packing:
        return kind in KINDS or (packing != "" and kind == "")
    try:
        with open(file, "rb") as opened:
            head = opened.read(LOOKED_AT)
            return packing_by_content(head) != "" or kind_by_content(head) != ""
    except OSError:
        return True  # which reading it will say


def counted(left_out: Counter[str]) -> str:
    """Returns in words what is left out: "12 .png, 2 hidden"."""
    return ", ".join(f"{count:,} {what}" for what, count in left_out.most_common())
