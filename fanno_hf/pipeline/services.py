"""From the settings to what a run works with: documents, teacher, embedder, token counter, benchmarks, earlier runs."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra.errors
import hydra.utils

from fanno_hf.columns import RAW_DOCUMENT
from fanno_hf.costs import Costs
from fanno_hf.errors import FannoError, UserError
from fanno_hf.identity import hashed
from fanno_hf.pipeline.references import NamedBenchmarks, NamedDocuments
from fanno_hf.settings import Settings
from fanno_hf.sources.document import Unread
from fanno_hf.sources.memory import MemorySource
from fanno_hf.steps.context import Context
from fanno_hf.steps.rows import spill
from fanno_hf.teacher.budget import Budget
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.layered import LayeredJournal
from fanno_hf.teacher.service import Teacher
from fanno_hf.vectors.store import EmbeddingStore

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

_LIKE_TEACHERS = ("judge", "embedder")
Shard = tuple[int, int]  # (index, count): every count-th document, from the index-th on


def build(key: str, config: Mapping[str, Any]) -> Any:
    """Makes the object that a group of the configuration describes; raises UserError, with the group, where it cannot."""
    try:
        # a price is counted where answers are, and is nothing that a teacher has to know
        known = {name: _literal(value) for name, value in config.items() if name != "price"}
        made = hydra.utils.instantiate(known, _convert_="all")  # plain dicts and lists, however deep: they become JSON
    except hydra.errors.InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, FannoError):
            # judges and embedders behind servers are made as teachers are
            raise UserError(str(cause).replace("teacher.", f"{key}.")) if key in _LIKE_TEACHERS else cause from None
        raise UserError(f"{key}: {str(cause or error).splitlines()[0]}") from error
    if key in _LIKE_TEACHERS and hasattr(made, "name_role"):
        made.name_role(key)
    return made


def _literal(value: Any) -> Any:
    """Returns a value that Hydra leaves as it is: `${` is text by now, in the name of a file for example, and Hydra would
    resolve it twice."""
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", r"\1\1\1\1\\\\\\${", value)
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


@contextmanager
def services(settings: Settings, folder: Path, scratch: Path, below: Path | None = None) -> Iterator[Context]:
    """Builds what a stage works with. Models, servers and files are opened when they are first used.

    `folder` keeps the vectors (embeddings/), and the completions (journal.sqlite) unless `journal` names a file. What that journal
    lacks is read from the one at `below`, to which nobody may write meanwhile.
    Raises UserError where one cannot be built.
    """
    config = settings.resolved
    backend, embedder, counter = (build(key, config[key]) for key in ("teacher", "embedder", "tokenizer"))
    judge = build("judge", config["judge"]) if config["judge"]["_target_"] else None
    costs = Costs(settings.teacher.price, settings.judge.price if judge else None)
    budget = Budget(**settings.budget.model_dump())
    file = journal_file(settings, folder)
    teacher = Teacher(backend, LayeredJournal(file, below) if below else Journal(file), budget, judge, costs)
    decontamination, against = settings.decontamination, settings.prescreen.against
    try:
        yield Context(
            settings,
            teacher,
            EmbeddingStore(embedder, folder / "embeddings"),
            counter,
            benchmarks=NamedBenchmarks(decontamination) if decontamination.benchmarks else None,
            against=NamedDocuments(against, scratch) if against else None,
            scratch=scratch,
        )
    finally:
        teacher.close()
        embedder.close()


def journal_file(settings: Settings, folder: Path) -> Path:
    """Returns the file of completions; makes the folder of one that runs share."""
    if not settings.journal:
        return folder / "journal.sqlite"
    path = Path(settings.journal).expanduser()
    if path.is_dir():
        raise UserError(f"journal={path} is a folder: name a file, as in journal={path / 'journal.sqlite'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"journal={path} cannot be made ({error.strerror}): name another file") from error
    return path


@dataclass(frozen=True)
class DocumentsRead:
    """The documents of a source, in a file."""

    open: Callable[[], "Dataset"]  # columns of RAW_DOCUMENT; `position` is its place in the source, from 0
    sha256: str  # of all documents, those of other shards too
    unread: list[Unread]  # files that gave no text


def document_source(settings: Settings) -> Any:
    """Returns the source of the documents: those given in Python, or what the group `data` describes."""
    config = settings.resolved["data"]
    if settings.documents is None:
        return build("data", config)
    options = {key: value for key, value in config.items() if key not in ("_target_", "documents")}
    return MemorySource(settings.documents, **options)


def read_documents(
    settings: Settings, scratch: Path, shard: Shard | None = None, first: int | None = None
) -> DocumentsRead:
    """Reads the source of the documents into a file in `scratch`. What is not a string becomes null, which prescreen rejects.

    Args:
        first: reads so many documents and no more; None reads all.
    """
    index, count = shard or (0, 1)
    source = document_source(settings)
    every = (one.as_row(position) for position, one in enumerate(islice(source.documents(), first)))
    sha256 = hashlib.sha256()
    mine = (row for row in hashed(every, sha256) if row["position"] % count == index)
    documents = spill(mine, RAW_DOCUMENT, scratch)
    if not documents.count and not shard:
        what = (
            "data.path (or data.name) and data.limit"
            if settings.documents is None
            else "what was given, and data.limit"
        )
        raise UserError(f"The data source holds no document: check {what}")
    logger.info("read %d documents", documents.count)
    return DocumentsRead(documents.open, sha256.hexdigest(), list(getattr(source, "unread", ())))


def about_documents(settings: Settings) -> dict[str, Any]:
    """Returns what the source of the documents knows about itself, of name, config, split, revision and licence.

    Raises UserError where it cannot be reached.
    """
    source = document_source(settings)
    found = source.about() if hasattr(source, "about") else {}
    return {key: value for key, value in found.items() if value is not None}
