"""What the Hub double keeps, in memory: repositories with commits, branches and tags; their files and large objects.

repository = Repository("tester/prompts")
repository.write("main", {"README.md": Blob(b"# Prompts")}, "Describe")    # a Commit: oid, message, files
repository.at("main").files                                                # {".gitattributes": b"…", "README.md": b"…"}
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import yaml

LARGE = frozenset({".arrow", ".bin", ".gz", ".parquet", ".safetensors", ".zip", ".zst"})
LARGE_SIZE = 1 << 20
_CARD = re.compile(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", re.DOTALL)
_ATTRIBUTES = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in sorted(LARGE)).encode()


class Refused(Exception):
    """A request that gets an error.

    Args:
        status: of the answer.
        message: what the answer says.
        code: of the Hub for clients: "RepoNotFound", "RevisionNotFound", "EntryNotFound" or none.
        headers: of the answer, besides those of every error.
        **body: of the answer, besides the message.
    """

    def __init__(
        self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None, **body: Any
    ):
        super().__init__(message)
        self.status, self.code, self.headers, self.body = status, code, dict(headers or {}), body


@dataclass(frozen=True)
class Blob:
    """The content of a file, and whether git holds only a pointer to it."""

    content: bytes
    lfs: bool = False

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @cached_property
    def git_oid(self) -> str:
        """Of what git holds."""
        held = self.pointer if self.lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(held) + held).hexdigest()

    @property
    def oid(self) -> str:
        """By which clients tell whether the content has changed."""
        return self.sha256 if self.lfs else self.git_oid

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def lfs_fields(self) -> dict[str, Any]:
        fields = {"oid": self.sha256, "sha256": self.sha256, "size": self.size, "pointerSize": len(self.pointer)}
        return {"lfs": fields} if self.lfs else {}


@dataclass(frozen=True)
class Commit:
    """All files as they were once."""

    oid: str
    parent: str | None
    message: str
    blobs: dict[str, Blob]
    number: int

    @property
    def files(self) -> dict[str, bytes]:
        return {path: blob.content for path, blob in self.blobs.items()}

    @property
    def date(self) -> str:
        """One second after the commit before it: nothing here depends on the clock."""
        return f"{datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=self.number):%Y-%m-%dT%H:%M:%S.000Z}"

    def under(self, folder: str) -> dict[str, Blob]:
        """Returns the files below a folder, by their whole paths."""
        prefix = f"{folder}/" if folder else ""
        return {path: blob for path, blob in self.blobs.items() if path.startswith(prefix)}


@dataclass
class Repository:
    """A data set's repository; as on the Hub it begins with one commit on main.

    Attributes:
        objects: the large files that were uploaded, by SHA-256, committed or not.
        announced: SHA-256 of what a client may upload.
    """

    id: str
    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    announced: set[str] = field(default_factory=set)

    def __post_init__(self):
        self._add("main", None, {".gitattributes": Blob(_ATTRIBUTES)}, "initial commit")

    def at(self, revision: str) -> Commit:
        """Returns the commit that a branch, a tag or an object id names."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def head(self, branch: str) -> Commit:
        """Returns the last commit of a branch: only there can one more be made."""
        if branch not in self.branches:
            raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        return self.commits[self.branches[branch]]

    def history(self, revision: str) -> list[Commit]:
        """Returns the commits up to a revision, newest first."""
        commits = [self.at(revision)]
        while commits[-1].parent is not None:
            commits.append(self.commits[commits[-1].parent])
        return commits

    def write(self, branch: str, changes: Mapping[str, Blob | None], message: str) -> Commit:
        """Makes a commit. A change to None deletes the file."""
        head = self.head(branch)
        blobs = {path: blob for path, blob in {**head.blobs, **changes}.items() if blob is not None}
        return self._add(branch, head.oid, blobs, message)

    def _add(self, branch: str, parent: str | None, blobs: dict[str, Blob], message: str) -> Commit:
        number = len(self.commits)
        content = [self.id, number, parent, message, sorted((path, blob.git_oid) for path, blob in blobs.items())]
        oid = hashlib.sha1(repr(content).encode()).hexdigest()
        self.commits[oid] = commit = Commit(oid, parent, message, dict(sorted(blobs.items())), number)
        self.branches[branch] = oid
        return commit

    def info(self, revision: str) -> dict[str, Any]:
        """Returns what the Hub tells about the repository."""
        commit, first = self.at(revision), self.history(revision)[-1]
        card = card_data(commit.files.get("README.md", b"").decode(errors="replace")) or {}
        head = {"id": self.id, "author": self.id.rpartition("/")[0], "sha": commit.oid, "private": self.private}
        dates = {"createdAt": first.date, "lastModified": commit.date, "gated": False, "disabled": False}
        siblings = [{"rfilename": path} for path in commit.blobs]
        return {**head, **dates, "tags": card.get("tags") or [], "cardData": card, "siblings": siblings}

    def tree(self, revision: str, folder: str, recursive: bool) -> list[dict[str, Any]]:
        """Returns the entries of a folder, and with `recursive` of those in it."""
        commit = self.at(revision)
        if folder and not commit.under(folder):
            raise Refused(
                404, f"{folder} does not exist on {revision}", "EntryNotFound", {"X-Repo-Commit": commit.oid}
            )
        paths = set(commit.under(folder))
        depth = len(PurePosixPath(folder).parts)
        for path in list(paths):
            parents = [str(parent) for parent in PurePosixPath(path).parents if len(parent.parts) > depth]
            paths.update(parents)
        if not recursive:
            paths = {path for path in paths if len(PurePosixPath(path).parts) == depth + 1}
        return [self._entry(commit, path) for path in sorted(paths)]

    def _entry(self, commit: Commit, path: str) -> dict[str, Any]:
        blob = commit.blobs.get(path)
        if blob is not None:
            return {"type": "file", "oid": blob.git_oid, "size": blob.size, "path": path, **blob.lfs_fields}
        oid = hashlib.sha1(repr([(name, one.git_oid) for name, one in commit.under(path).items()]).encode())
        return {"type": "directory", "oid": oid.hexdigest(), "size": 0, "path": path}


def is_large(path: str, size: int) -> bool:
    """Whether a new file is kept outside of git."""
    return size > 0 and (PurePosixPath(path).suffix in LARGE or size > LARGE_SIZE)


def card_data(readme: str) -> dict[str, Any] | None:
    """Returns the metadata at the beginning of a README, if there is any; raises `yaml.YAMLError`."""
    found = _CARD.match(readme)
    data = yaml.safe_load(found[1]) if found else None
    return data if isinstance(data, dict) else None
