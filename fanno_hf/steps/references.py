"""What a run is held against, read once and only when a stage needs it: benchmarks, and what earlier runs kept."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from datasets import Dataset

from fanno_hf.columns import DOCUMENT, POSITION
from fanno_hf.identity import digest, hashed
from fanno_hf.sources.references import reference_documents, reference_items
from fanno_hf.steps.funnel import Funnel, Reason
from fanno_hf.steps.rows import spill
from fanno_hf.texts.contamination import Benchmarks

logger = logging.getLogger(__name__)

AGAINST = "stages.prescreen.against"


class References:
    """The references that the configuration names.

    Args:
        config: keys `decontaminate`, `decontamination` and `stages.prescreen.against` of the resolved configuration.
        scratch: folder for rows at work; None keeps them in memory.
    """

    def __init__(self, config: Mapping[str, Any], scratch: Path | None = None):
        self._config, self._scratch = config, scratch

    @cached_property
    def benchmarks(self) -> tuple[Benchmarks, str] | None:
        """The index of all benchmark items and the digest of what it is made of and how it looks; None where none are named."""
        entries = self._config["decontaminate"]
        if not entries:
            return None
        digests = []

        def items():
            for entry in entries:
                for name, texts in reference_items(entry, "decontaminate"):
                    digests.append(digest([name, texts]))
                    yield name, texts

        settings = self._config["decontamination"]
        index = Benchmarks(items(), **settings)
        level = logging.INFO if digests else logging.WARNING
        logger.log(level, "decontaminate: %d benchmark items", len(digests))
        return index, digest([settings, digests])

    @cached_property
    def _against(self) -> tuple[Dataset, str] | None:
        """Documents that must not be repeated (columns text, source and position) and their digest."""
        entries = self._config["stages"]["prescreen"]["against"]
        if not entries:
            return None
        documents = (
            {"text": text, "source": source, "position": 0}
            for entry in entries
            for text, source in reference_documents(entry, AGAINST)
            if isinstance(text, str) and text.strip()
        )
        columns = {"text": DOCUMENT["text"], "source": DOCUMENT["source"], **POSITION}
        sha256 = hashlib.sha256()
        rows = spill(hashed(documents, sha256), columns, self._scratch)
        logger.info("%s: %d documents", AGAINST, len(rows))
        return rows, sha256.hexdigest()

    @property
    def against(self) -> Dataset | None:
        """Documents that must not be repeated: columns text, source and position; None where none are named."""
        return self._against and self._against[0]

    def identity(self, stage: str) -> dict[str, str]:
        """Returns the digests of what decides a stage's rows; empty where nothing is named."""
        found = {}
        if self.benchmarks:
            found["decontaminate"] = self.benchmarks[1]
        if stage == "prescreen" and self._against:
            found["against"] = self._against[1]
        return found

    def decontaminate(self, rows: Dataset, text_of: Callable[[dict], str], funnel: Funnel) -> Dataset:
        """Drops the rows whose text contains a piece of a benchmark; the detail names the item and the words."""
        if not self.benchmarks:
            return rows
        return funnel.screen(rows, lambda row: self.contamination(text_of(row)), "decontamination")

    def contamination(self, text: str) -> Reason:
        """Returns why a text that contains a piece of a benchmark leaves; None where it has none."""
        found = self.benchmarks[0].find(text) if self.benchmarks else None
        return found and ("contaminated", f"{found[0]}: {found[1]}")
