"""Cutting documents into passages: what the search for headings, fences and tables adds to plain text, and what Markdown takes.

The text is the sample's, over and over; as Markdown each has a heading, and every tenth a table and a fence. `--quick` takes less of it.
"""

from functools import partial
from itertools import cycle, islice

from fanno_hf.sources.sample import read_sample
from fanno_hf.texts.blocks import has_marks
from fanno_hf.texts.cuts import cuts
from fanno_hf.texts.segment import TokenCounter, split_passages
from tests.benchmarks import RATIO, cpu_timed, report, start
from tests.texts.test_segment import MINILM

MAX_TOKENS = 512


def plain(count: int) -> str:
    """Documents of the sample that are nothing but text."""
    texts = [row["text"] for row in read_sample() if not has_marks(row["text"])]
    return "\n\n".join(islice(cycle(texts), count))


def markdown(count: int) -> str:
    """The same, with headings, tables and fences."""
    table = "\n".join(["| plant | height |", "|---|---|", *(f"| moss {row} | {row} mm |" for row in range(60))])
    code = "\n".join(["```python", *(f"height[{row}] = grow(moss, days={row})" for row in range(40)), "```"])
    paragraphs = plain(count).split("\n\n")
    parts = [f"## Section {place}\n\n{text}" for place, text in enumerate(paragraphs)]
    for place in range(0, len(parts), 10):
        parts[place] += f"\n\n{table}\n\n{code}"
    return "\n\n".join(parts)


def measure(name: str, text: str, counter: TokenCounter, limit: float | None) -> None:
    """Ours against the plain cuts of the same text."""
    ours = partial(split_passages, text, counter, MAX_TOKENS)
    count = counter.ruler(text).count
    peer = lambda: list(cuts(text, (0, len(text)), count, MAX_TOKENS))  # noqa: E731
    found = [(passage.start, passage.start + len(passage.text)) for passage in ours()]
    unit = f"s of CPU{RATIO}"
    report(name, len(text), cpu_timed(ours), cpu_timed(peer), limit=limit, unit=unit, equal=found == peer())


def main(quick: bool) -> None:
    """Plain text and Markdown, counted in words and by a tokenizer."""
    count = 300 if quick else 3_000
    for counting, name in (("words", "words"), (str(MINILM), "tokenizer")):
        counter = TokenCounter.load(counting)
        measure(f"plain_text_{name}", plain(count), counter, 1.1)
        measure(f"markdown_{name}", markdown(count), counter, None)


if __name__ == "__main__":
    start(main)
