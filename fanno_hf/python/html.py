"""A run as a notebook shows it: funnel and a few pairs. Texts are a model's and anybody's: none of them becomes markup.

"<img src=x onerror=…>"  ->  &lt;img src=x onerror=…&gt;
"""

from html import escape
from typing import Any

from fanno_hf.output.shown import few_pairs
from fanno_hf.output.tables import RunTables
from fanno_hf.output.usage import usage_in_words, usage_of_all

_LONGEST = 500  # characters of a text that are shown
# notebooks typeset what stands between dollars, unless they are told not to
_OPEN, _CLOSE = '<div class="fanno-run tex2jax_ignore mathjax_ignore">', "</div>"
_TEXT = ' style="text-align: left; white-space: pre-wrap; vertical-align: top"'


def run_as_html(title: str, run: RunTables) -> str:
    """Returns a piece of HTML; raises UserError where a file of the run is damaged."""
    stages = run.manifest["stages"]
    funnel = [
        (stage, f"{entry['rows_in']:,}", f"{entry['kept']:,}", _reasons(entry["rejected"]))
        for stage, entry in stages.items()
    ]
    pairs = [(row["instruction"], row["input"], row["output"]) for row in few_pairs(run)]
    parts = [f"<p><b>{_shown(title)}</b></p>", _table(("stage", "in", "kept", "rejected"), funnel)]
    parts.append(f"<p>{_shown(usage_in_words(usage_of_all(run.manifest)))}</p>")
    if pairs:
        made = stages["respond"]["kept"]
        parts += [_table(("instruction", "input", "output"), pairs), f"<p>{len(pairs)} of {made:,} pairs</p>"]
    return f"{_OPEN}{''.join(parts)}{_CLOSE}"


def words_as_html(words: str) -> str:
    """Returns words that stand where a run cannot be shown."""
    return f"{_OPEN}<p{_TEXT}>{_shown(words)}</p>{_CLOSE}"


def _reasons(rejected: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in rejected.items()) or "none"


def _table(head: tuple[str, ...], lines: list[tuple[Any, ...]]) -> str:
    top = "".join(f"<th>{_shown(name)}</th>" for name in head)
    rows = ("".join(f"<td{_TEXT}>{_shown(cell)}</td>" for cell in line) for line in lines)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _shown(text: str) -> str:
    """Returns a text without what could be markup, turn the direction of what follows, or fill the page."""
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return escape("".join(ch if ch.isprintable() or ch == "\n" else " " for ch in text))
