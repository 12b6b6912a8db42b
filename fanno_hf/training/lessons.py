"""What a student is shown: the pairs of a run, or of any data set, in the student's tokens.

{"instruction": "How do mosses drink?", "output": "Through their leaves."}  ->  input_ids, labels (see students/encoding.py)
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import UserError
from fanno_hf.identity import content_id, spread_seed
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.place import run_folder
from fanno_hf.settings import Settings
from fanno_hf.sources.pairs import Pair, draw_pairs, each_pair, name_of
from fanno_hf.steps.rows import Spilled, spill
from fanno_hf.students.encoding import encode
from fanno_hf.texts.fit import clean

if TYPE_CHECKING:
    from fanno_hf.students.chat import Chat

logger = logging.getLogger(__name__)

_COLUMNS = {"input_ids": ["int32"], "labels": ["int32"]}


@dataclass
class Lessons:
    """Pairs with an answer, in their order."""

    pairs: list[Pair]
    name: str  # of the data set, without the way to it
    of: int  # pairs that the data set has
    without_answer: int  # of these, left out
    sha256: str  # of the pairs


@dataclass
class Counts:
    """What became of the pairs in tokens."""

    trained_on: int = 0  # pairs
    too_long: int = 0
    tokens: int = 0  # of prompts and answers
    answer_tokens: int = 0  # with a loss
    longest: int = field(default=0)  # tokens of the longest pair, those that are too long among them


def read_lessons(settings: Settings) -> Lessons:
    """Reads the pairs to train on. Raises UserError: there are none, or none of them has an answer."""
    chosen = settings.train
    without = 0

    def answered(pairs: Iterable[Pair]) -> Iterator[Pair]:
        nonlocal without
        for pair in pairs:
            if pair["response"].strip():
                yield pair
            else:
                without += 1

    pairs = _of_run(settings) if chosen.data is None else each_pair(chosen.data, "train.data")
    entropy = spread_seed(settings.random_seed, "train", "rows")
    found, count = draw_pairs(answered(pairs), chosen.max_rows, entropy)
    name = Path(str(settings.run)).name if chosen.data is None else name_of(chosen.data)
    if not found:
        raise UserError(f"train.data={chosen.data or settings.run}: none of its {without:,} pairs has an answer")
    if without:
        logger.warning("%s: %d of %d pairs have no answer and are left out", name, without, without + count)
    return Lessons(found, clean(name), count + without, without, sha256_of(found))


def sha256_of(pairs: Iterable[Pair]) -> str:
    """Returns what differs where the pairs of a training do."""
    sha256 = hashlib.sha256()
    for pair in pairs:
        sha256.update(content_id(*pair.values()).encode())
    return sha256.hexdigest()


def _of_run(settings: Settings) -> Iterator[Pair]:
    """Yields the final pairs of the run."""
    path = run_folder(settings.run)
    if not (path / "run.json").is_file():
        raise UserError(f"stage=train needs pairs, and {path} is no run: run stage=all first, or give train.data=")
    with closing(RunFolder(path)) as folder:
        for row in folder.stream_rows("default", ["instruction", "input", "output"]):
            yield {"instruction": row["instruction"], "input": row["input"], "response": row["output"]}


def in_tokens(lessons: Lessons, chat: "Chat", most: int, folder: Path) -> tuple[Spilled, Counts]:
    """Writes the pairs of at most `most` tokens to a file in `folder`; the others are counted, and never cut.

    Raises UserError where no pair is short enough.
    """
    counts = Counts()

    def rows() -> Iterator[Mapping[str, Any]]:
        for pair in lessons.pairs:
            made = encode({**pair, "output": pair["response"]}, chat)
            length = len(made.input_ids)
            counts.longest = max(counts.longest, length)
            if length > most:
                counts.too_long += 1
                continue
            counts.trained_on, counts.tokens = counts.trained_on + 1, counts.tokens + length
            counts.answer_tokens += len(made.answer)
            yield {"input_ids": made.input_ids, "labels": made.labels}

    written = spill(rows(), _COLUMNS, folder)
    if not counts.trained_on:
        raise UserError(
            f"train.max_length={most}: every pair is longer, the longest has {counts.longest:,} tokens; raise it"
        )
    if counts.too_long:
        logger.warning(
            "%d of %d pairs have more than train.max_length=%d tokens (the longest %d) and are left out",
            *(counts.too_long, counts.trained_on + counts.too_long, most, counts.longest),
        )
    return written, counts
