"""Takes off the lines of a prompt that a teacher says again in its answer: what was demanded, and in which manner.

    "Kind of task: advice\\nDemand: short\\nManner: polite\\n\\nMay I repot it?"  ->  "Kind of task: advice\\n\\nMay I repot it?"

Data may have such lines too ("Demand: 100\\nSupply: 90"), so they go only in each other's company or beside a form's labels.
"""

from collections.abc import Iterator
from itertools import groupby

from fanno_hf.instructing.labels import Label, labels, lines_with_fences
from fanno_hf.instructing.words import CERTAIN_KINDS
from fanno_hf.instructing.wrapping import Removed


def without_echoes(text: str, removed: Removed) -> str:
    """Returns the text without the echoed lines, which count as "label"."""
    found = {label.start: label for label in labels(text)}
    if not any(label.field == "wish" for label in found.values()):
        return text
    runs = [(is_wish, list(run)) for is_wish, run in groupby(_lines(text, found), key=lambda entry: entry[2])]
    echoed: set[int] = set()
    form = next((start for start, label in found.items() if label.field == "instruction"), None)
    for place, (is_wish, run) in enumerate(runs):
        before = runs[place - 1][1][-1][1] if place else None
        after = runs[place + 1][1][0][1] if place + 1 < len(runs) else None
        last = place + 1 == len(runs)
        if is_wish and _is_echo({label.word for _, label, _ in run if label}, before, after, form, run[0][0], last):
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


def _is_echo(
    words: set[str], before: Label | None, after: Label | None, form: int | None, start: int, last: bool
) -> bool:
    """Tells whether lines of these words are the prompt's: `form` is where the first instruction's label starts."""
    if {"demand", "manner"} <= words:
        return True
    if before and before.word in CERTAIN_KINDS:
        return form is not None or words != {"style"}
    if after and after.field == "instruction":
        return start < form and words != {"demand"}
    ends = last or bool(after and after.field == "input")
    return words == {"manner"} and form is not None and form < start and ends
