"""Which models are compared: the base, students of the run, models from elsewhere, servers.

evaluate.models=null, students "student" and "long" in the run  ->  base, long, student
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fanno_hf.errors import FannoError, UserError, did_you_mean
from fanno_hf.evaluating.inputs import FILE
from fanno_hf.settings import PoolSettings, Settings, check_pool
from fanno_hf.students.backend import StudentBackend
from fanno_hf.students.language_model import MODEL_FILES, PACKAGED, LanguageModel, identify, load
from fanno_hf.teacher.base import Backend
from fanno_hf.teacher.pool import Pool

BASE = "base"
KEY = "evaluate.models"
STUDENTS = "students"
RECORD = "training.json"
"""Beside a student's weights: what it was trained from, as `model` and `revision`."""
_LOCAL, _SERVER = ("name", "model", "revision"), ("name", "base_url", "model", "api_key_env")
_AS_TEACHERS = tuple(name for name in PoolSettings.model_fields if name not in ("price", *_SERVER))
_TAKEN = (BASE, PACKAGED, FILE)  # names that mean something here


@dataclass(frozen=True)
class Server:
    """A model behind /v1."""

    name: str  # in the table
    config: Mapping[str, Any]  # base_url, model, api_key_env, and what a teacher may have
    is_local = False

    @cached_property
    def backend(self) -> Backend:
        """The pool of its servers. Raises UserError where an address or a key is wrong."""
        try:
            pool = Pool(**self.config)
        except FannoError as error:
            raise UserError(str(error).replace("teacher.", f"{KEY}: {self.name}.")) from None
        pool.name_role(f"{KEY}: {self.name}")
        return pool


@dataclass(frozen=True)
class Local:
    """A model of this machine."""

    name: str  # in the table
    source: str  # a folder, owner/name, or "packaged"
    revision: str | None
    batch_size: int
    threads: int | None = None  # of the CPU; None leaves it to torch
    base: str | None = None  # of a student: what it was trained from
    is_local = True
    _held: list[LanguageModel] = field(default_factory=list, compare=False)

    @cached_property
    def identity(self) -> str:
        """Differs where its weights do. Raises UserError where there is no such model."""
        return identify(self.source, KEY, self.revision)

    @property
    def backend(self) -> Backend:
        """Answers with it; it is loaded at the first request."""
        return StudentBackend(self.load, self.identity, self.batch_size)

    def load(self) -> LanguageModel:
        """Loads it, once, on a GPU where there is one. Raises as `language_model.load` does."""
        if not self._held:
            self._held.append(_on_device(self.source, self.revision, self.threads))
        return self._held[0]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps it in memory while it is at work, and no longer."""
        try:
            yield
        finally:
            self._held.clear()


Model = Server | Local


def _on_device(source: str, revision: str | None, threads: int | None) -> LanguageModel:
    try:
        import torch
        from transformers.utils import logging as transformers_logging
    except ModuleNotFoundError:
        return load(source, KEY, revision)  # says what to install
    transformers_logging.disable_progress_bar()
    if threads:  # where other programs work on the same cores, one thread may be ten times as fast as all of them
        torch.set_num_threads(threads)
    has_gpu = torch.cuda.is_available()
    loaded = load(source, KEY, revision, dtype="auto" if has_gpu else "float32")
    if has_gpu:
        loaded.model.to("cuda")
    return loaded


def find_models(settings: Settings, folder: Path) -> list[Model]:
    """Returns the models that are to be compared, with different names.

    Raises UserError where one does not exist, two have one name, or one has a name that means something else.
    """
    students = {
        path.parent.name: path.parent
        for path in sorted((folder / STUDENTS).glob("*/*config.json"))
        if path.name in MODEL_FILES
    }
    entries = settings.evaluate.models
    if entries is None:
        entries = _all(students, folder)
    if not entries:
        raise UserError(f"{KEY}=[] names no model: give one at least, or null for the base and every student")
    judged = settings.evaluate.judged.reference if "judged" in settings.evaluate.measures else None
    if judged == BASE and BASE not in entries:  # what the others are held against
        entries = [BASE, *entries]
    students = {name: path for name, path in students.items() if name not in _TAKEN}
    others = [_model(entry, students, settings) for entry in entries if entry != BASE]
    found: list[Model] = list(others)
    for place in (place for place, entry in enumerate(entries) if entry == BASE):
        found.insert(place, Local(BASE, *_base(others, students, settings), **_how(settings)))
    _check_names(entries, found)
    for model in found:
        if model.is_local:
            _ = model.identity  # says what is wrong before anything is made or asked
    return found


def _all(students: Mapping[str, Path], folder: Path) -> list[str]:
    """Returns the names of base and students. Raises UserError where there is none, or one whose name means another model."""
    if not students:
        raise UserError(
            f"{KEY}=null compares the students of the run, and {folder} has none: run stage=train first, or name models, as in "
            f"'{KEY}=[packaged]'"
        )
    if taken := next((name for name in students if name in _TAKEN), None):
        raise UserError(f"{KEY}: {taken} means something else than {students[taken]}: give that folder another name")
    return [BASE, *students]


def _check_names(entries: Sequence[Any], found: Sequence[Model]) -> None:
    """Raises UserError where a name stands for two models."""
    names = [model.name for model in found]
    cure = f"give one a name of its own, as in '{KEY}=[{{name: other, model: FOLDER}}]'"
    for entry, name in zip(entries, names, strict=True):
        if name in _TAKEN and entry != name:
            raise UserError(f"{KEY}: {name} means something else here: {cure}")
    if double := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"{KEY}: two models are called {double}: {cure}, or leave one out")


def _model(entry: Any, students: Mapping[str, Path], settings: Settings) -> Model:
    if isinstance(entry, Mapping):
        return _server(entry) if "base_url" in entry else _named(entry, students, settings)
    if not isinstance(entry, str) or not entry.strip():
        raise UserError(f"{KEY}: {entry!r} is neither a model nor {{{', '.join(_SERVER)}}}")
    if entry in students:
        return Local(entry, str(students[entry]), None, **_how(settings), base=_trained_from(students[entry]))
    path = Path(entry).expanduser()
    if entry != PACKAGED and not path.is_dir() and entry.count("/") != 1:
        known = [BASE, PACKAGED, *students]
        raise UserError(
            f"{KEY}={entry} is no model{did_you_mean(entry, known) or '.'} There are: {', '.join(known)}, folders in Hub form, owner/name "
            f"on the Hub, and {{{', '.join(_SERVER)}}}"
        )
    if path.is_dir() and entry != PACKAGED:
        return Local(Path(os.path.abspath(path)).name, entry, None, **_how(settings), base=_trained_from(path))
    return Local(entry, entry, None, **_how(settings))


def _how(settings: Settings) -> dict[str, Any]:
    return {"batch_size": settings.evaluate.batch_size, "threads": settings.threads}


def _named(entry: Mapping[str, Any], students: Mapping[str, Path], settings: Settings) -> Local:
    """Returns a model of this machine under a name of its own."""
    given = {key: value for key, value in entry.items() if value is not None}
    are_texts = all(isinstance(value, str) and value.strip() for value in given.values())
    if not are_texts or not {"name", "model"} <= set(given) <= set(_LOCAL) or given["model"] == BASE:
        raise UserError(
            f"{KEY}: {dict(entry)} is no model: give {{{', '.join(_LOCAL)}}} of this machine or the Hub, or {{{', '.join(_SERVER)}}} "
            "of a server, the first two at least"
        )
    found = _model(given["model"], students, settings)
    is_folder = Path(found.source).expanduser().is_dir()  # of which there is one revision
    return replace(found, name=given["name"], revision=None if is_folder else given.get("revision"))


def _server(entry: Mapping[str, Any]) -> Server:
    name, url = entry.get("name"), entry.get("base_url")
    known = (*_SERVER, *_AS_TEACHERS)
    if not set(entry) <= set(known) or not isinstance(name, str) or not name or not isinstance(url, str | list):
        raise UserError(
            f"{KEY}: {dict(entry)} is no server: give {{{', '.join(_SERVER)}}}, the first two at least; also: {', '.join(_AS_TEACHERS)}"
        )
    config = {key: value for key, value in entry.items() if key != "name" and value is not None}
    check_pool({key: value for key, value in config.items() if key in ("model", *_AS_TEACHERS)}, f"{KEY}: {name}")
    return Server(name, config)


def _base(others: Sequence[Model], students: Mapping[str, Path], settings: Settings) -> tuple[str, str | None]:
    """Returns name and revision of what the students that are compared were trained from; without any, of what those of the run
    were; without these, of what stage=train would train."""
    compared = [Path(model.source) for model in others if model.is_local and model.base]
    found = {origin for path in compared or students.values() if (origin := _origin(path))}
    if len(found) > 1:
        several = ", ".join(sorted(name for name, _ in found))
        raise UserError(
            f"{KEY}: base: the students come from several models ({several}): compare those of one, or name another "
            "evaluate.judged.reference="
        )
    return found.pop() if found else (settings.train.model, settings.train.revision)


def _origin(student: Path) -> tuple[str, str | None] | None:
    """Returns name and revision of what a student was trained from; the same for the same folder, which has no revisions."""
    record = _record(student.expanduser())
    name, revision = record.get("model"), record.get("revision")
    if not isinstance(name, str):
        return None
    folder = Path(name).expanduser()
    if name != PACKAGED and folder.is_dir():
        return str(folder.resolve()), None
    return name, revision if isinstance(revision, str) and name != PACKAGED else None


def _trained_from(student: Path) -> str | None:
    origin = _origin(student)
    return origin[0] if origin else None


def _record(student: Path) -> dict[str, Any]:
    try:
        record = json.loads((student / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def kin(judge: str, models: Sequence[Model], identities: Sequence[str]) -> list[str]:
    """Returns the names of models that are the judge itself, or were trained from it: judges prefer what is like them."""
    return [
        model.name
        for model, identity in zip(models, identities, strict=True)
        if _bare(judge) in {_bare(identity), _bare(_packaged(getattr(model, "base", None)))}
    ]


def _packaged(base: str | None) -> str:
    return identify(PACKAGED, KEY) if base == PACKAGED else base or ""


def _bare(identity: str) -> str:
    """Returns a model's name without owner and revision, the same for all ways to write it."""
    return re.sub(r"[^a-z0-9.]+", "-", identity.split("@")[0].rpartition("/")[2].casefold())
