"""Takes off the lines of a prompt that a teacher says again in its answer: what was demanded, and in which manner.

    "Kind of task: advice\\nDemand: short\\nManner: polite\\n\\nMay I repot it?"  ->  "Kind of task: advice\\n\\nMay I repot it?"

Data may have such lines too ("Demand: 100\\nSupply: 90"), so they go only in each other's company or beside a form's labels.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from fanno_hf.parsing.labels import Label, labels, lines_with_fences
from fanno_hf.parsing.removed import Removed
from fanno_hf.parsing.words import CERTAIN_KINDS


def without_echoes(text: str, removed: Removed) -> str:
    """Returns the text without the echoed lines, which count as "label"."""
    found = {label.start: label for label in labels(text)}
    first = next((label for label in found.values() if label.field == "instruction"), None)
    runs = [list(run) for _, run in groupby(_lines(text, found), key=itemgetter(2))]
    echoed: set[int] = set()
    for place, run in enumerate(runs):
        words = {label.word for _, label, is_wish in run if is_wish and label}
        before = runs[place - 1][-1][1] if place else None
        last = place + 1 == len(runs)
        after = None if last else runs[place + 1][0][1]
        if words and ({"demand", "manner"} <= words or _is_beside(words, before, after, first, last)):
            echoed.update(start for start, _, _ in run)
    removed.take("label", "".join(line for start, line, _ in lines_with_fences(text) if start in echoed))
    return "\n".join(line for start, line, _ in lines_with_fences(text) if start not in echoed).strip("\n")


def _lines(text: str, found: dict[int, Label]) -> Iterator[tuple[int, Label | None, bool]]:
    """Yields (offset, label, whether it is a wish) of each line with text; below "## Demand" its value is one."""
    open_wish = False
    for start, line, _ in lines_with_fences(text):
        if line.strip():
            label = found.get(start)
            is_wish = open_wish if label is None else label.field == "wish"
            yield start, label, is_wish
            open_wish = bool(label) and is_wish and not text[label.end : start + len(line)].strip()


def _is_beside(words: set[str], before: Label | None, after: Label | None, first: Label | None, last: bool) -> bool:
    """Tells whether wishes stand where a prompt has them: behind the kind, before the `first` instruction, or at its end.

    `before` and `after` are the labels of the lines next to them, `last` is whether there is no line behind them.
    """
    if before and before.word in CERTAIN_KINDS and words != {"style"}:
        return True
    if first is None or words == {"demand"}:
        return False
    return after is first or (words == {"manner"} and (last or bool(after and after.field == "input")))
