"""What a stage works with besides its rows: the resolved configuration and the services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset

from fanno_hf.steps.references import References
from fanno_hf.teacher.service import Teacher
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.vectors.embedder import Embedder


@dataclass(frozen=True)
class Context:
    """Handed to every stage.

    Attributes:
        config: the whole resolved configuration as plain dicts and lists.
        teacher: answers through the journal.
        embedder: texts to unit vectors.
        counter: texts to token counts.
        references: what rows are held against.
        scratch: folder for rows at work; None keeps them in memory.
    """

    config: Mapping[str, Any]
    teacher: Teacher
    embedder: Embedder
    counter: TokenCounter
    references: References
    scratch: Path | None = None

    @property
    def random_seed(self) -> int:
        """The one seed from which everything random is spread."""
        return self.config["random_seed"]


@dataclass(frozen=True)
class StageOutput:
    """What a stage hands back.

    Attributes:
        kept: rows that go on.
        rejected: rows that left, with phase, reason and detail.
        history: figures of each window, for augment and respond; else None.
        notes: what else run.json should say, by name.
    """

    kept: Dataset
    rejected: Dataset
    history: Dataset | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
