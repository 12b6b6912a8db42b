"""What pre-screening costs before any model is asked: reading, cutting, rules and duplicates, in passes of the tokenizer.

Texts are made of the sample's sentences by a seeded generator: one file like a dictionary, pages of a few kilobytes as from the web, and
Chinese, of ideographs that are drawn like words. `--files=PATH` takes one's own (what `data.path` takes); `--quick` takes less text.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.columns import DOCUMENT
from fanno_hf.pipeline.services import read_documents, services
from fanno_hf.settings import Settings
from fanno_hf.sources.sample import read_sample
from fanno_hf.stages.prescreen import screen_alone
from fanno_hf.steps.duplicates import drop_duplicates
from fanno_hf.steps.funnel import Funnel
from tests.benchmarks import RATIO, report, start
from tests.conftest import compose_config

LIMIT_TOKENIZER, LIMIT_TWO = 3.0, 0.6
PAIRS = 3  # each takes half a minute


def sentences() -> np.ndarray:
    """The sentences of the sample."""
    return np.array(
        [part for row in read_sample() for part in (row["text"] or "").split(". ") if len(part.split()) > 3]
    )


def made_words(rng: np.random.Generator, count: int) -> np.ndarray:
    """Words that no text of the sample has, as a dictionary is full of."""
    syllables = np.array([a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "er", "on")])
    return np.array(["".join(rng.choice(syllables, rng.integers(2, 5))) for _ in range(count)])


def dictionary(size: int, rng: np.random.Generator) -> list[str]:
    """One text of so many characters: entries, each a word and a few indented lines about it."""
    known, words, entries, length = sentences(), made_words(rng, max(1, size // 80)), [], 0
    while length < size:
        about = ". ".join(rng.choice(known, rng.integers(1, 5)))
        names = " ".join(rng.choice(words, 6))
        entry = f"{rng.choice(words)}\n\n   <{rng.choice(words)}> {about} ({names}).\n\n   (19{rng.integers(70, 99)}-0{rng.integers(1, 9)})\n"
        entries.append(entry)
        length += len(entry)
    return ["\n".join(entries)]


def pages(size: int, rng: np.random.Generator) -> list[str]:
    """Texts of two to six thousand characters."""
    known, words, texts = sentences(), made_words(rng, max(1, size // 200)), []
    while sum(map(len, texts)) < size:
        paragraphs = [
            ". ".join([*rng.choice(known, rng.integers(2, 9)), " ".join(rng.choice(words, 8))])
            for _ in range(rng.integers(4, 9))
        ]
        texts.append("\n\n".join(paragraphs))
    return texts


def chinese(size: int, rng: np.random.Generator) -> list[str]:
    """Texts of ideographs: words of one to three, some of them far more frequent than others."""
    characters = np.array([chr(code) for code in range(0x4E00, 0x4E00 + 3000)])
    words = np.array(["".join(rng.choice(characters, rng.integers(1, 4))) for _ in range(20_000)])
    texts: list[str] = []
    while sum(map(len, texts)) < size:
        drawn = words[np.minimum(rng.zipf(1.3, 1200), len(words)) - 1]
        texts.append(
            "".join(
                word + ("。\n" if place % 40 == 39 else "，" if place % 9 == 8 else "")
                for place, word in enumerate(drawn)
            )
        )
    return texts


@contextmanager
def written(texts: list[str]) -> Iterator[str]:
    """The path of a folder or file with these texts."""
    with tempfile.TemporaryDirectory() as folder:
        if len(texts) == 1:
            path = Path(folder, "text.txt")
            path.write_text(texts[0], encoding="utf-8")
        else:
            path = Path(folder, "texts.jsonl")
            path.write_text(
                "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8"
            )
        yield str(path)


def screened(path: str, processes: int, clock: Callable[[], float]) -> tuple[float, list[dict], list[str]]:
    """Seconds by a clock; the rows that came out, kept and rejected; and the texts that went in."""
    settings: Settings = resolve(
        compose_config("teacher=scripted", "data=files", f"data.path={path}", f"processes={processes}")
    )
    with tempfile.TemporaryDirectory() as folder, services(settings, Path(folder), Path(folder)) as context:
        context.counter.ruler("")  # loads the tokenizer
        started = clock()
        documents = read_documents(settings, Path(folder)).open()
        alone = screen_alone(documents, context)
        funnel = Funnel("prescreen", DOCUMENT, alone.rejected)
        kept = drop_duplicates(alone.kept, funnel, context)
        spent = clock() - started
        return spent, [row for rows in (kept, funnel.rejected()) for row in rows], _texts(documents)


def _texts(documents: Dataset) -> list[str]:
    return [text for text in documents["text"] if text]


def cpu() -> float:
    """CPU seconds of this process and of those that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def tokenizer_pass(texts: list[str]) -> float:
    """CPU seconds of one pass of the tokenizer over texts, in pieces of two thousand characters."""
    counter = resolve(compose_config("teacher=scripted"))
    with tempfile.TemporaryDirectory() as folder, services(counter, Path(folder), Path(folder)) as context:
        pieces = [text[begin : begin + 2000] for text in texts for begin in range(0, len(text), 2000)]
        context.counter.count("")
        started = cpu()
        context.counter.count_batch(pieces)
        return cpu() - started


def measure(name: str, path: str) -> None:
    """The two ratios for the documents of a path."""
    _, alone, texts = screened(path, 1, cpu)
    _, together, _ = screened(path, 2, cpu)
    size, equal = sum(map(len, texts)), alone == together
    report(
        f"prescreen_{name}_in_tokenizer_passes",
        size,
        lambda: screened(path, 1, cpu)[0],
        lambda: tokenizer_pass(texts),
        limit=LIMIT_TOKENIZER,
        unit=f"s of CPU{RATIO}",
        pairs=PAIRS,
        equal=equal,
    )
    report(
        f"prescreen_{name}_two_processes",
        size,
        lambda: screened(path, 2, time.perf_counter)[0],
        lambda: screened(path, 1, time.perf_counter)[0],
        limit=LIMIT_TWO,
        unit=f"s{RATIO}",
        pairs=PAIRS,
        equal=equal,
    )


def main(quick: bool) -> None:
    """Own files, or the three kinds of text."""
    own = [word.removeprefix("--files=") for word in sys.argv[1:] if word.startswith("--files=")]
    for path in own:
        measure("files", path)
    size = 300_000 if quick else 4_000_000
    for kind in () if own else (dictionary, pages, chinese):
        with written(kind(size if kind is not chinese else size // 3, np.random.default_rng(0))) as path:
            measure(kind.__name__, path)


if __name__ == "__main__":
    start(main)
