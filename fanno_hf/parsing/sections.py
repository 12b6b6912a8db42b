"""Splits a completion at its labels into fields; what no label opens belongs to the task.

    "Instruction: Sort these.\\nInput: b, a\\nOutput: a, b"  ->  {"instruction": "Sort these.", "input": "b, a"}

The hard part is a label that is none: an input may be a quiz with answers, a program with what it printed, a record
whose lines are "Name: value". `_is_appended` says when an answer's label opens an answer that nobody asked for.
"""

import re
from collections import Counter
from itertools import accumulate

from fanno_hf.parsing.echoes import without_echoes
from fanno_hf.parsing.labels import Label, alternatives, labels, lines_with_fences, opens_examples
from fanno_hf.parsing.no_input import names_program, says_none
from fanno_hf.parsing.removed import Removed
from fanno_hf.parsing.words import CERTAIN_KINDS, FAILURES, JUDGING, LABELS

_ANSWERS = ("output", "answer")
# before a label this sure, a sentence about the instruction is a preamble whatever its words
_SURE = re.compile(r"instru|anweisung|指令|指示|지시|инструк|निर्देश|تعليم", re.IGNORECASE)
_LONGEST_ANNOUNCEMENT = 300
_LONGEST_KIND = 120
# where a task says what it is about: at its beginning
_LONGEST_TASK = 500
_HEADING = re.compile(r"#{1,6} |\*\*[^*\n]{1,80}\*\*$")
_FAILURE = re.compile(rf"[^\n]{{0,200}}?(?:{alternatives(FAILURES)})", re.IGNORECASE)
_ANSWER_NOUNS = alternatives(word for word in LABELS["answer"] if word != "a")
_JUDGES = re.compile(
    rf"(?:{alternatives(JUDGING)})(?! your)\s?(?:(?:the|a|an|die|der|la|le)\s)?(?:[\w'’]{{1,20}}\s?)??(?:{_ANSWER_NOUNS})",
    re.IGNORECASE,
)
_KEY_AND_VALUE = re.compile(r"[ ]{0,8}[^\s:：][^:：\n]{0,50}[:：](?:\s|$)")


def split(text: str, removed: Removed) -> dict[str, str]:
    """Returns the fields instruction, input and kind, each "" or missing where there is none; the rest is `removed`."""
    found = _labels(text)
    opening = _opening(text, found)
    if opening is None:
        form = Label("instruction", "", "", "", 0, 0)
        found = _within_task(text, found)
    else:
        form = found[opening]
        removed.take("preamble", text[: form.start])
        found = found[opening + 1 :]
    return _fields(text, _Form(text, form, found).parts, removed)


def split_again(fields: dict[str, str], removed: Removed) -> dict[str, str]:
    """Splits the instruction of JSON once more when it is a form itself; what JSON says beside it comes first.

    One that asks and answers is no form, but a quiz.
    """
    inside = Removed()
    text = without_echoes(fields["instruction"].strip(), inside)
    found = _labels(text)
    opening = _opening(text, found)
    if opening is not None:
        inner = split(text, inside)
        certain = found[opening].field == "kind" or _SURE.search(found[opening].word)
        if inner.get("instruction") and (certain or all(label.field != "answer" for label in found)):
            removed.update(inside)
            stated = {name: value for name, value in fields.items() if name != "instruction" and _is_stated(value)}
            return {**inner, **stated}
    return {**fields, "instruction": text}


def _is_stated(value: str) -> bool:
    return bool(value.strip()) and not says_none(value.strip())


def _labels(text: str) -> list[Label]:
    return [label for label in labels(text) if label.field != "wish"]


def _opening(text: str, found: list[Label]) -> int | None:
    """Returns the place of the form's first label, None when the completion is no form: a task may have labels of its own."""
    if found and not text[: found[0].start].strip():
        if not _begins_form(text, found):
            return None
        # "## Task", and below it "**Instruction:** …"
        twice = [label.field for label in found[:2]] == ["instruction", "instruction"]
        return int(twice and not text[found[0].end : found[1].start].strip())
    announced = (place for place, label in enumerate(found[:3]) if _is_announced(text[: label.start].strip(), label))
    return next(announced, None)


def _begins_form(text: str, found: list[Label]) -> bool:
    """Tells whether a text that begins with a label is a form."""
    first = found[0]
    if first.field == "instruction":
        return True
    value = text[first.end :]
    line = value.partition("\n")[0]
    later = next((label for label in found if label.field == "instruction"), None)
    alike = later is not None and first.dress == later.dress
    if first.field == "kind":
        if first.word in CERTAIN_KINDS:
            return len(line) <= _LONGEST_KIND
        return alike and _is_line(text[first.end : later.start])
    if first.field != "input":
        return False
    if alike and (_SURE.search(later.word) or later.word == "task"):
        return True
    # an input that is none, in a text that has no example with an output
    return says_none(line.strip() or value.strip() or "-") and all(label.field not in _ANSWERS for label in found)


def _is_announced(before: str, label: Label) -> bool:
    """Tells whether what stands before a label only announces it: a heading, or a sentence about the instruction.

    A plain label may be of the task: "Rewrite the instructions below.\\n\\nInstructions: …".
    """
    if label.field != "instruction" or "\n" in before or len(before) > _LONGEST_ANNOUNCEMENT:
        return False
    return bool(_HEADING.match(before) or (label.dress and _SURE.search(label.word) and _SURE.search(before)))


def _within_task(text: str, found: list[Label]) -> list[Label]:
    """Returns the labels that can end a task that has none of its own in front."""
    fields = ("input", "instruction", *_ANSWERS)
    found = [label for label in found if label.start and (label.field in fields or _ends_in_kind(text, label))]
    inputs = [label for label in found if label.field == "input"]
    if len(inputs) != 1 or names_program(text[: inputs[0].start]):
        found = [label for label in found if label.field != "input"]
    return found


def _ends_in_kind(text: str, label: Label) -> bool:
    """Tells whether a label is the kind that a prompt asked for, said again as the last line."""
    return label.word in CERTAIN_KINDS and " " in label.word and _is_line(text[label.end :])


def _is_line(value: str) -> bool:
    value = value.strip()
    return len(value) <= _LONGEST_KIND and "\n" not in value


def _fields(text: str, parts: list[Label], removed: Removed) -> dict[str, str]:
    fields: dict[str, str] = {}
    ends = [label.start for label in parts[1:]] + [len(text)]
    for label, end in zip(parts, ends, strict=True):
        if label.field not in ("instruction", "input", "kind"):
            removed.take("explanation" if label.field == "explanation" else "answer", text[label.start : end])
        elif label.field in fields:
            removed.take("others", text[label.start : end])
        else:
            removed.take("label", text[label.start : label.end])
            fields[label.field] = text[label.end : end].strip("\n").rstrip()
    if "kind" in fields:
        # a kind is a line; what follows it without a label is the task
        kind, _, rest = fields["kind"].strip().partition("\n")
        task = filter(None, (rest.strip(), fields.get("instruction", "")))
        fields.update(kind=kind.strip(), instruction="\n\n".join(task))
    return fields


class _Form:
    """Goes through the labels of a text and keeps as `parts` those that open a field of its form, the first one `form`."""

    def __init__(self, text: str, form: Label, found: list[Label]):
        self._text, self._form, self.parts = text, form, [form]
        self._main = form if form.field == "instruction" else None
        self._fenced = {offset for offset, _, inside in lines_with_fences(text) if inside}
        self._last_input = max(
            (label.start for label in found if (label.field, label.dress) == ("input", form.dress)), default=-1
        )
        # where a quiz or dialogue inside a field begins: at a "Question:" that opens no field
        self._asked = -1
        ends = [*(label.start for label in found), len(text)][1:]
        self._values = {label.start: text[label.end : end].strip() for label, end in zip(found, ends, strict=False)}
        # words that stand more than once between two labels like the first: lines of a record, no answers to the task
        rounds = accumulate((label.word, label.dress) == (form.word, form.dress) for label in found)
        words = [(round_, label.word) for round_, label in zip(rounds, found, strict=True)]
        counts = Counter(words)
        self._repeated = {label.start for label, word in zip(found, words, strict=True) if counts[word] > 1}
        for label in found:
            if self._opens(label):
                self.parts.append(label)
                if label.field == "instruction":
                    if self._main:  # a second instruction: what follows is all its
                        break
                    self._main = label
            elif label.field == "instruction":
                self._asked = label.start

    def _opens(self, label: Label) -> bool:
        """Tells whether a label opens a field of the form, and is no line of the field before it."""
        form, current, same = self._form, self.parts[-1], label.dress == self._form.dress
        if label.field in ("input", "kind") and any(part.field == label.field for part in self.parts):
            return False
        if label.field == "instruction":
            return self._is_instruction(label, same)
        if label.field == "kind":
            short = len(self._values[label.start].partition("\n")[0]) <= _LONGEST_KIND
            return (same or not form.word) and short and label.word in CERTAIN_KINDS
        if label.field == "input":
            return (same or label.start > self._last_input) and not opens_examples(self._line_before(label)[1])
        if label.field == "explanation":
            return same and bool(form.dress)
        return (same or not form.dress or current.field == "instruction") and self._is_appended(label)

    def _is_instruction(self, label: Label, same: bool) -> bool:
        main, current = self._main, self.parts[-1]
        if main is None:
            return same or self._form.field == "kind"
        again = label.number != main.number or current.field in _ANSWERS or bool(_SURE.search(label.word))
        return same and label.word == main.word and again and (current.field != "input" or bool(main.dress))

    def _is_appended(self, label: Label) -> bool:
        """Tells whether an answer's label opens an answer to the task, rather than a line that belongs to the task."""
        form, current, value = self._form, self.parts[-1], self._values[label.start]
        if label.number or label.start in self._repeated or (label.word == "a" and form.word != "q"):
            return False
        if label.dress and label.dress == form.dress:
            return True
        if self._asked >= current.end or _JUDGES.search(self._text[form.end : label.start][:_LONGEST_TASK]):
            return False
        if not value:  # "Question: …\nAnswer:" asks so, a form ends so
            return bool(form.word) and (label.field == "output" or current.field == "input")
        return not value.endswith(("?", "？", "؟")) and not self._continues(label, value)

    def _continues(self, label: Label, value: str) -> bool:
        """Tells whether an answer's label continues the lines before it: a format, a record, what a program printed."""
        start, line = self._line_before(label)
        own = start < self.parts[-1].end  # the line of the field's own label
        if (line.rstrip().endswith((":", "：")) or opens_examples(line)) and not (own and self.parts[-1].word):
            return True
        adjacent = not own and self._text.count("\n", start + len(line), label.start) < 2
        if adjacent and not label.dress and _KEY_AND_VALUE.match(line):
            return True
        return label.field == "output" and (start in self._fenced or bool(_FAILURE.match(value)))

    def _line_before(self, label: Label) -> tuple[int, str]:
        """Returns where the last line with text before a label starts, and that line."""
        end = label.start
        while end > 0 and self._text[end - 1].isspace():
            end -= 1
        start = self._text.rfind("\n", 0, end) + 1
        return start, self._text[start:end]
