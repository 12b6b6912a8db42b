"""What a run is compared with: benchmarks and earlier documents. Each is read once, when it is first needed."""

import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.columns import RAW_DOCUMENT
from fanno_hf.identity import digest, hashed
from fanno_hf.settings import Decontamination
from fanno_hf.sources.named import reference_documents, reference_items
from fanno_hf.steps.rows import Spilled, spill
from fanno_hf.texts import contamination

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

AGAINST, BENCHMARKS = "stages.prescreen.against", "decontamination.benchmarks"


class NamedBenchmarks:
    """The benchmarks that `decontamination.benchmarks` names; see `steps.context.Benchmarks`."""

    def __init__(self, settings: Decontamination):
        self._settings = settings

    @cached_property
    def _items(self) -> list[tuple[str, list[str]]]:
        """Returns (name, texts) of each item."""
        found = [item for entry in self._settings.benchmarks for item in reference_items(entry, BENCHMARKS)]
        logger.log(logging.INFO if found else logging.WARNING, "%s: %d items", BENCHMARKS, len(found))
        return found

    @cached_property
    def digest(self) -> str:
        """Digest of the items and of the settings for finding them."""
        return digest(
            [self._settings.model_dump(exclude={"benchmarks"}), [digest([name, texts]) for name, texts in self._items]]
        )

    @cached_property
    def _index(self) -> contamination.Benchmarks:
        return contamination.Benchmarks(self._items, self._settings.ngram, self._settings.min_words)

    def find(self, text: str) -> tuple[str, str] | None:
        """Returns the item that a text shares words with, and the words; None where it shares none."""
        return self._index.find(text)


class NamedDocuments:
    """The documents of the runs, files and Hub data sets that `stages.prescreen.against` names; see `steps.context.Against`."""

    def __init__(self, entries: Sequence[Any], scratch: Path | None = None):
        self._entries, self._scratch = entries, scratch

    @cached_property
    def _read(self) -> tuple[Spilled, str]:
        found = (
            one
            for entry in self._entries
            for one in reference_documents(entry, AGAINST)
            if isinstance(one.text, str) and one.text.strip()
        )
        documents = (one.as_row(place) for place, one in enumerate(found))
        sha256 = hashlib.sha256()
        rows = spill(hashed(documents, sha256), RAW_DOCUMENT, self._scratch)
        logger.info("%s: %d documents", AGAINST, rows.count)
        return rows, sha256.hexdigest()

    @cached_property
    def documents(self) -> "Dataset":
        """Columns of RAW_DOCUMENT."""
        return self._read[0].open()

    @property
    def digest(self) -> str:
        """Digest of their texts and sources."""
        return self._read[1]
