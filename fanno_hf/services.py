"""From configuration to what a run works with: documents, teacher, embedder and counter."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra.errors
import hydra.utils
from datasets import Dataset

from fanno_hf.columns import DOCUMENT, features
from fanno_hf.errors import FannoError, UserError
from fanno_hf.steps.context import Context
from fanno_hf.teacher.budget import Budget
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.service import Teacher

logger = logging.getLogger(__name__)


def build(key: str, config: Mapping[str, Any]) -> Any:
    """Makes the object that a configuration group describes; a mistake in it becomes one line that names the key."""
    try:
        return hydra.utils.instantiate(config)
    except hydra.errors.InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, FannoError):
            raise cause from None
        raise UserError(f"{key}: {str(cause or error).splitlines()[0]}") from error


@contextmanager
def services(config: Mapping[str, Any], journal: Path) -> Iterator[Context]:
    """Builds teacher, embedder and counter; models are loaded and servers reached only when they are needed.

    Args:
        config: the resolved configuration.
        journal: file of the completions.
    """
    backend, embedder, counter = (build(key, config[key]) for key in ("teacher", "embedder", "tokenizer"))
    teacher = Teacher(backend, Journal(journal), Budget(**config["budget"]))
    try:
        yield Context(config, teacher, embedder, counter)
    finally:
        teacher.close()


def read_documents(config: Mapping[str, Any]) -> Dataset:
    """Reads the configured source; what is no string becomes null, for prescreen to drop with a reason."""
    texts, sources = [], []
    for text, source in build("data", config).documents():
        texts.append(text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else None)
        sources.append(source)
    if not texts:
        raise UserError("The data source holds no document: check data.path (or data.name) and data.limit")
    logger.info("read %d documents", len(texts))
    columns = {"text": DOCUMENT["text"], "source": DOCUMENT["source"]}
    return Dataset.from_dict({"text": texts, "source": sources}, features=features(columns))
