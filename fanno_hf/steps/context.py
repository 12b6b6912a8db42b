"""What a stage works with besides its rows: the settings and the services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fanno_hf.columns import Reason
from fanno_hf.communities.workers import Workers
from fanno_hf.settings import Settings
from fanno_hf.teacher.service import Teacher
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.vectors.store import EmbeddingStore

if TYPE_CHECKING:
    from datasets import Dataset


class Benchmarks(Protocol):
    """Benchmark items that must not show up in the data."""

    digest: str  # of the items and of how they are looked for

    def find(self, text: str) -> tuple[str, str] | None:
        """Returns the item that a text shares words with, and the words; None where it shares none."""


class Against(Protocol):
    """Documents of earlier runs that must not be repeated."""

    digest: str  # of their texts and sources
    documents: "Dataset"  # columns text, source and position


class Engine(Workers, Protocol):
    """What does the work of a run in other processes, on other machines."""

    def screen(self, documents: "Dataset", marker: Mapping[str, Any], context: "Context") -> "StageOutput":
        """Does `screen_alone` for all documents; `marker` tells for which settings and documents a part was made."""

    def rest(self) -> None:
        """Gives back what waits for work: the next stage may wait long for the teacher."""

    def ask_ahead(self, function: str, rows: "Dataset", context: "Context") -> None:
        """Asks about all rows, for the journal, by `function` ("module:name"), which gets some rows and a context."""


@dataclass(frozen=True)
class Context:
    """Handed to every stage."""

    settings: Settings  # of the run
    teacher: Teacher  # answers through the journal
    embedder: EmbeddingStore  # texts to unit vectors
    counter: TokenCounter  # texts to token counts
    benchmarks: Benchmarks | None = None  # what texts must not contain; None where none are named
    against: Against | None = None  # what passages must not repeat; None where none is named
    scratch: Path | None = None  # folder for rows at work; None keeps them in memory
    engine: Engine | None = None  # what does the work elsewhere; None does it here

    @property
    def random_seed(self) -> int:
        """The one seed from which everything random is spread."""
        return self.settings.random_seed

    def ask_ahead(self, function: str, rows: "Dataset") -> None:
        """Has the teacher's answers about all rows in the journal, where the engine has several clients for it; else nothing."""
        if self.engine:
            self.engine.ask_ahead(function, rows, self)

    def contamination(self, text: str) -> Reason | None:
        """Returns why a text that contains a piece of a benchmark leaves; None where it contains none."""
        found = self.benchmarks.find(text) if self.benchmarks else None
        return ("contaminated", f"{found[0]}: {found[1]}") if found else None


@dataclass(frozen=True)
class StageOutput:
    """What a stage hands back."""

    kept: "Dataset"  # rows that go on
    rejected: "Dataset"  # rows that left, with phase, reason and detail
    history: "Dataset | None" = None  # figures of each window, for augment and respond; else None
    notes: Mapping[str, Any] = field(default_factory=dict)  # what else run.json should say, by name
