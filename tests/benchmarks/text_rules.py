"""What all rules for texts and the masking of personal data take, beside one pass of the tokenizer over the same text.

    python -m tests.benchmarks.text_rules [FILE…] [--quick]

Without a file the text is the sample's, over and over. Documents are masked whole, the rules look at pieces of 2,000 characters.
"""

import sys
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import yaml

from fanno_hf.rules.garbled import garbled_reason
from fanno_hf.rules.personal_data import mask_personal_data
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.rules.text import markup_reason, prompt_injection_reason
from fanno_hf.sources.sample import read_sample
from fanno_hf.texts.segment import TokenCounter
from tests.benchmarks import RATIO, cpu_timed, report, start
from tests.conftest import CONFIGURATION
from tests.texts.test_segment import MINILM

CONFIG = yaml.safe_load((CONFIGURATION / "stages/prescreen.yaml").read_text(encoding="utf-8"))
PIECE = 2_000  # characters
LIMIT = 2  # documents of a few hundred characters cost most, by the character


def apply(documents: Sequence[str], pieces: Sequence[str]) -> list[Any]:
    """Applies everything to all of them, whatever an earlier rule says."""
    private = {name: CONFIG["personal_data"][name] for name in ("kinds", "region", "roles")}
    injections = compile_patterns("prompt_injections", CONFIG["prompt_injections"])
    rules = [partial(markup_reason, **CONFIG["markup"]), partial(garbled_reason, **CONFIG["garbled"])]
    rules += [
        partial(repetition_reason, **CONFIG["repetition"]),
        partial(prompt_injection_reason, patterns=injections),
    ]
    masked = [mask_personal_data(document, **private) for document in documents]
    return [*masked, *(rule(piece) for rule in rules for piece in pieces)]


def measure(name: str, documents: Sequence[str]) -> None:
    """The rules against the tokenizer."""
    pieces = [text[place : place + PIECE] for text in documents for place in range(0, len(text), PIECE)]
    counter = TokenCounter.load(str(MINILM))
    ours, peer = cpu_timed(partial(apply, documents, pieces)), cpu_timed(partial(counter.count_batch, list(pieces)))
    report(name, sum(map(len, documents)), ours, peer, limit=LIMIT, unit=f"s of CPU{RATIO}")


def main(quick: bool) -> None:
    """The files that are named, else the sample."""
    files = [Path(name) for name in sys.argv[1:] if not name.startswith("-")]
    for file in files:
        measure(f"text_rules_{file.name}", [file.read_text(encoding="utf-8", errors="replace")])
    if not files:
        texts = [row["text"] for row in read_sample()]
        measure("text_rules", list(islice(cycle(texts), 100 if quick else 2_000)))


if __name__ == "__main__":
    start(main)
