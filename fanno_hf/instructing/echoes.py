"""Takes off the lines of a prompt that a teacher says again in its answer: what was demanded, and in which manner.

    "Kind of task: advice\\nDemand: short\\nManner: polite\\n\\nMay I repot it?"  ->  "Kind of task: advice\\n\\nMay I repot it?"

Data may have such lines too ("Demand: 100\\nSupply: 90"), so they go only in each other's company or beside a form's labels.
"""

from itertools import groupby

from fanno_hf.instructing.labels import Label, labels
from fanno_hf.instructing.words import CERTAIN_KINDS
from fanno_hf.instructing.wrapping import Removed


def without_echoes(text: str, removed: Removed) -> str:
    """Returns the text without the echoed lines, which count as "label"."""
    found = labels(text)
    if not any(label.field == "wish" for label in found):
        return text
    at = {label.start: label for label in found}
    form = next((label.start for label in found if label.field == "instruction"), len(text))
    lines, offset = [], 0
    for line in text.split("\n"):
        if line.strip():
            lines.append((at.get(offset), offset, line))
        offset += len(line) + 1
    echoed: set[int] = set()
    place = 0
    for wish, group in groupby(lines, key=lambda entry: entry[0] is not None and entry[0].field == "wish"):
        run = list(group)
        before = lines[place - 1][0] if place else None
        place += len(run)
        after = lines[place][0] if place < len(lines) else None
        if wish and _is_echo({label.word for label, _, _ in run}, before, after, run[0][1], form, len(text)):
            echoed.update(start for _, start, _ in run)
    kept, offset = [], 0
    for line in text.split("\n"):
        if offset in echoed:
            removed.take("label", line)
        else:
            kept.append(line)
        offset += len(line) + 1
    return "\n".join(kept).strip("\n")


def _is_echo(words: set[str], before: Label | None, after: Label | None, start: int, form: int, size: int) -> bool:
    """Tells whether lines of these words are the prompt's: `form` is where the first instruction's label starts."""
    if {"demand", "manner"} <= words:
        return True
    if before and before.word in CERTAIN_KINDS:
        return words != {"style"} or form < size
    if after and after.field == "instruction":
        return start < form and words != {"demand"}
    return words == {"manner"} and form < start and (after is None or after.field == "input")
