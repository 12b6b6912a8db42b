"""The instructions so far, as the arms of the bandit: what is drawn from, and what is learned from each window.

Its whole state is in columns: `pulls`, and who was made with whom (`counterexamples`). So a saved pool is a checkpoint:
given as seeds it goes on with the same rewards and pulls (what the surplus of the last window taught aside), in windows that
are numbered from 1 again.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from datasets import Dataset, concatenate_datasets

from fanno_hf.bandit import Nearest, acceptance, draw_window, mix
from fanno_hf.columns import DOCUMENT, INSTRUCTION, full_text
from fanno_hf.identity import spread_seed
from fanno_hf.steps.context import Context
from fanno_hf.steps.rewarding import ASKED, ask_rewards
from fanno_hf.steps.rows import column, conform, with_columns


@dataclass(frozen=True)
class Learned:
    """What was measured when a window ended."""

    # mean over its accepted rows of the similarity to the nearest row of the pool before
    nearest_similarity: float | None = None
    mean_similarity: float | None = None  # mean similarity of its accepted rows to all rows of the pool before
    # of its accepted rows, where the reward asks for them; else empty
    response_tokens: np.ndarray = field(default_factory=lambda: np.empty(0))
    spent: Mapping[str, int] = field(default_factory=dict)  # tokens of the requests for rewards, as in SPENT


class InstructionPool:
    """A pool that grows by windows, from at least one seed; pulls of an earlier stage count on.

    Args:
        documents: whose titles and headings the prompts of asked rewards may use; without them these are "".
    """

    def __init__(self, seeds: Dataset, context: Context, documents: Dataset | None = None):
        self._settings, self._context, self._documents = context.settings.augment, context, documents
        self._weights = self._settings.reward
        self.rows = conform(seeds, INSTRUCTION)
        # float32, shape (n, dimension)
        self.embeddings = context.embedder.encode([full_text(row) for row in self.rows])
        self.failed_rewards = 0  # requests for rewards that the teacher failed on
        self.nearest = Nearest()
        self.nearest.add(self.embeddings[:0], self.embeddings)
        # int64, shape (n,), draws so far
        self.pulls = np.array([pulls or 0 for pulls in column(self.rows, "pulls")], dtype=np.int64)
        self._place = {name: place for place, name in enumerate(column(self.rows, "instruction_id"))}
        self._tried, self._accepted = self.pulls.copy(), np.zeros(len(seeds), dtype=np.int64)
        self._credit(self.rows)
        self._fixed, spent = self._ask_fixed(self.rows)
        self.learned = Learned(None, None, self._fixed.get("response_length", np.empty(0)), spent)

    def __len__(self) -> int:
        return len(self.rows)

    def _ask_fixed(self, rows: Dataset) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """The rewards that never change, and the tokens that the teacher spent on them."""
        found, spent = {"instruction_length": np.array(list(column(rows, "num_tokens")), dtype=np.float64)}, Counter()
        for name in self._weights:
            if name in ASKED:
                found[name], tokens, failed = ask_rewards(name, self._described(rows), self._context)
                spent.update(tokens)
                self.failed_rewards += failed
        return found, spent

    def _described(self, rows: Dataset) -> Dataset:
        """Returns the rows with the title and heading of their documents."""
        of = [self._descriptions.get(name, (None, None)) for name in column(rows, "document_id")]
        values = {"title": [title for title, _ in of], "heading": [heading for _, heading in of]}
        return with_columns(rows, values, {name: DOCUMENT[name] for name in values})

    @cached_property
    def _descriptions(self) -> dict[str, tuple[str | None, str | None]]:
        documents = self._documents
        if documents is None:
            return {}
        described = zip(column(documents, "title"), column(documents, "heading"), strict=True)
        return dict(zip(column(documents, "document_id"), described, strict=True))

    @property
    def rewards(self) -> np.ndarray:
        """The reward of each instruction as it stands: float64, shape (n,), in [0, 1]."""
        parts = {
            **self._fixed,
            "novelty": 1.0 - self.nearest.similarities,
            "acceptance": acceptance(self._accepted, self._tried),
        }
        return mix(parts, self._weights)

    def draw(self, num_documents: int, number: int) -> np.ndarray:
        """Draws the counterexamples of a window: int64, shape (num_documents, counterexamples), and counts the pulls."""
        settings = self._settings
        draws, self.pulls = draw_window(
            self.rewards,
            self.pulls,
            num_documents,
            counterexamples=settings.counterexamples if settings.think_different else 0,
            exploration=settings.exploration,
            top_fraction=settings.top_fraction,
            policy=settings.policy,
            rng=np.random.default_rng(spread_seed(self._context.random_seed, "augment", "draws", number)),
        )
        return draws

    def undo(self, draws: np.ndarray) -> None:
        """Takes back the pulls of a window that was not asked."""
        np.subtract.at(self.pulls, draws, 1)

    def add(self, rows: Dataset, embeddings: np.ndarray, draws: np.ndarray) -> Learned:
        """Ends a window: takes in what was accepted and learns from it.

        Args:
            rows: accepted ones, with the columns of INSTRUCTION; only they are compared and rewarded.
            embeddings: float32, shape (len(rows), dimension).
            draws: of the whole window, see `draw`.
        """
        np.add.at(self._tried, draws, 1)
        self._credit(rows)
        fixed, spent = self._ask_fixed(rows)
        similarities = (None, None)
        if len(rows):
            mean = float((embeddings @ self.embeddings.mean(axis=0)).mean())
            similarities = float(self.nearest.add(self.embeddings, embeddings).mean()), mean
            self._append(rows, embeddings, fixed)
        return Learned(*similarities, fixed.get("response_length", np.empty(0)), spent)

    def _append(self, rows: Dataset, embeddings: np.ndarray, fixed: Mapping[str, np.ndarray]) -> None:
        size, none = len(self.rows), np.zeros(len(rows), dtype=np.int64)
        self._place.update((name, size + place) for place, name in enumerate(column(rows, "instruction_id")))
        self.rows = concatenate_datasets([self.rows, rows])
        self.embeddings = np.concatenate([self.embeddings, embeddings])
        self._fixed = {name: np.concatenate([values, fixed[name]]) for name, values in self._fixed.items()}
        self.pulls, self._tried, self._accepted = (
            np.concatenate([column, none]) for column in (self.pulls, self._tried, self._accepted)
        )

    def _credit(self, rows: Dataset) -> None:
        """Counts an accepted instruction for each counterexample that it was made with."""
        for names in column(rows, "counterexamples"):
            places = [self._place[name] for name in names or () if name in self._place]
            self._accepted[places] += 1

    def finished(self) -> Dataset:
        """Returns the rows with their rewards and pulls."""
        values = {"reward": self.rewards.tolist(), "pulls": self.pulls.tolist()}
        columns = {name: INSTRUCTION[name] for name in values}
        return conform(with_columns(self.rows, values, columns), INSTRUCTION)
