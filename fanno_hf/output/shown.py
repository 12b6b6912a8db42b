"""A run as a person sees it at its end: the funnel, what was asked of the teacher, and a few of the pairs.

| stage | in | kept | rejected …
instruction: How do mosses drink without roots?
output:      Through the surface of their leaves, …
"""

import textwrap
from collections.abc import Iterator
from itertools import islice
from typing import Any

from fanno_hf.output.table import funnel_table
from fanno_hf.output.tables import RunTables
from fanno_hf.output.usage import usage_in_words, usage_of_all

_PAIR = ("instruction", "input", "output")


def funnel_in_words(run: RunTables) -> str:
    """Returns the funnel as a table, and the sum of what the stages asked of the teacher."""
    return f"{funnel_table(run.manifest)}\n\n{usage_in_words(usage_of_all(run.manifest))}"


def few_pairs(run: RunTables, count: int = 3) -> Iterator[dict[str, Any]]:
    """Yields instruction, input and output of a few pairs, from all over the run; none before its last stage is done."""
    if made := run.manifest["stages"].get("respond", {}).get("kept"):
        yield from islice(run.stream_rows("default", _PAIR, every=max(1, made // count)), count)


def pairs_in_words(run: RunTables) -> str:
    """Returns a few pairs, wrapped for a terminal, and how to load all of them."""
    parts = []
    for row in few_pairs(run):
        shown = [_paragraph(f"{f'{name}:':12} ", row[name]) for name in _PAIR if row[name] or name != "input"]
        parts.append("\n".join(shown))
    made = run.manifest["stages"].get("respond", {}).get("kept", 0)
    return "\n\n".join([*parts, f'{made} pairs: load_dataset("{run.path}")'])


def _paragraph(label: str, text: str, width: int = 110, most: int = 500) -> str:
    """Returns a text wrapped beside its label, without control characters, which could harm a terminal."""
    text = "".join(ch if ch.isprintable() else " " for ch in text)
    text = text if len(text) <= most else text[:most] + " …"
    return textwrap.fill(text, width, initial_indent=label, subsequent_indent=" " * len(label))
