"""Splits a completion at its labels into fields; what no label opens belongs to the task.

    "Instruction: Sort these.\\nInput: b, a\\nOutput: a, b"  ->  {"instruction": "Sort these.", "input": "b, a"}

The hard part is a label that is none: an input may be a quiz with answers, a program with what it printed, a record
whose lines are "Name: value". `_is_appended` says when an answer's label opens an answer that nobody asked for.
"""

import re
from collections import Counter

from fanno_hf.instructing.absence import says_none
from fanno_hf.instructing.echoes import without_echoes
from fanno_hf.instructing.labels import Label, alternatives, field_of, labels, lines_with_fences, opens_examples
from fanno_hf.instructing.words import CERTAIN_KINDS, FAILURES, JUDGING, LABELS, PROGRAMS
from fanno_hf.instructing.wrapping import Removed

_ANSWERS = ("output", "answer")
# before a label this sure, a sentence about the instruction is a preamble whatever its words
_SURE = re.compile(r"instru|anweisung|指令|指示|지시|инструк|निर्देश|تعليم", re.IGNORECASE)
_LONGEST_ANNOUNCEMENT = 300
_LONGEST_KIND = 120
# where a task says what it is about: at its beginning
_LONGEST_TASK = 500
_PROGRAM = re.compile(rf"\b(?:{alternatives(PROGRAMS)})\b", re.IGNORECASE)
_FAILURE = re.compile(rf"(?:{alternatives(FAILURES)})", re.IGNORECASE)
_ANSWER_NOUNS = alternatives(word for word in LABELS["answer"] if word != "a")
_JUDGES = re.compile(
    rf"(?:{alternatives(JUDGING)})(?! your)\s?(?:(?:the|a|an|die|der|la|le)\s)?(?:[\w'’]{{1,20}}\s?)??(?:{_ANSWER_NOUNS})",
    re.IGNORECASE,
)
_KEY_AND_VALUE = re.compile(r"[ ]{0,8}[^\s:：][^:：\n]{0,50}[:：](?:\s|$)")
# a form has three or four tags and their ends
_MOST_TAGS = 20
_TAG = re.compile(r"<(/?)([^\W\d][\w \-]{0,20})>")


def split(text: str, removed: Removed) -> dict[str, str]:
    """Returns the fields instruction, input and kind, each "" or missing where there is none; the rest is `removed`."""
    found = [label for label in labels(text) if label.field != "wish"]
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
    found = [label for label in labels(text) if label.field != "wish"]
    if not found or found[0].start or _opening(text, found) is None:
        return fields if not inside else {**fields, "instruction": text}
    certain = found[0].field == "kind" or _SURE.search(found[0].word)
    inner = split(text, inside)
    if not inner.get("instruction") or not (certain or all(label.field != "answer" for label in found)):
        return fields
    removed.update(inside)
    stated = {name: value for name, value in fields.items() if value.strip() and name != "instruction"}
    if says_none(stated.get("input", "-").strip()):
        stated.pop("input", None)
    return {**inner, **stated}


def _within_task(text: str, found: list[Label]) -> list[Label]:
    """Returns the labels that can end a task that has none of its own in front."""
    fields = ("input", "instruction", *_ANSWERS)
    found = [label for label in found if label.start and (label.field in fields or _ends_in_kind(text, label))]
    inputs = [label for label in found if label.field == "input"]
    if len(inputs) != 1 or _PROGRAM.search(text[: inputs[0].start]):
        found = [label for label in found if label.field != "input"]
    return found


def _ends_in_kind(text: str, label: Label) -> bool:
    """Tells whether a label is the kind that a prompt asked for, said again as the last line."""
    certain = label.word in CERTAIN_KINDS and " " in label.word
    return certain and len(text[label.end :].strip()) <= _LONGEST_KIND and "\n" not in text[label.end :].strip()


def _fields(text: str, parts: list[Label], removed: Removed) -> dict[str, str]:
    fields: dict[str, str] = {}
    ends = [label.start for label in parts[1:]] + [len(text)]
    for place, (label, end) in enumerate(zip(parts, ends, strict=True)):
        if label.field not in ("instruction", "input", "kind"):
            removed.take("explanation" if label.field == "explanation" else "answer", text[label.start : end])
        elif label.field in fields or _is_other(label, parts[: place + 1]):
            removed.take("others", text[label.start : end])
        else:
            removed.take("label", text[label.start : label.end])
            fields[label.field] = text[label.end : end].strip("\n").rstrip()
    return _kind_apart(fields)


def _kind_apart(fields: dict[str, str]) -> dict[str, str]:
    """A kind is a line; what follows it without a label is the task."""
    if "kind" in fields:
        kind, _, rest = fields["kind"].strip().partition("\n")
        fields["kind"] = kind.strip()
        if rest.strip():
            fields["instruction"] = "\n\n".join(filter(None, (rest.strip(), fields.get("instruction", ""))))
    return fields


def _opening(text: str, found: list[Label]) -> int | None:
    """Returns the first label of the form, None when the completion is no form: a task may have labels of its own."""
    for place, label in enumerate(found[:3]):
        before = text[: label.start].strip()
        later = [other for other in found[place + 1 :] if other.field == "instruction"]
        if before and not (label.field == "instruction" and _announced(before, label)):
            continue
        if label.field == "instruction" or (
            label.field in ("kind", "input") and later and _is_form(label, later, text)
        ):
            return place
        if label.word in CERTAIN_KINDS and not before and len(text[label.end :].partition("\n")[0]) <= _LONGEST_KIND:
            return place
        if label.field == "input" and not before and _is_empty(text, label, found):
            return place
        if not before:
            return None
    return None


def _is_empty(text: str, label: Label, found: list[Label]) -> bool:
    """Tells whether an input says that there is none, in a text that has no example with an output."""
    rest = text[label.end :].rstrip()
    return says_none(rest.partition("\n")[0].strip() or rest.strip() or "-") and not any(
        other.field in _ANSWERS for other in found
    )


def _is_form(label: Label, later: list[Label], text: str) -> bool:
    """Tells whether a kind or an input in front is one: a short line before the instruction, or in the same dress."""
    between = text[label.end : later[0].start].strip()
    if label.field == "kind":
        return "\n" not in between and len(between) <= _LONGEST_KIND and label.dress == later[0].dress
    return label.dress == later[0].dress and bool(_SURE.search(later[0].word) or later[0].word == "task")


def _announced(before: str, label: Label) -> bool:
    """Tells whether what stands before a label only announces it: a heading, or a sentence about the instruction."""
    if "\n" in before or len(before) > _LONGEST_ANNOUNCEMENT:
        return False
    if re.match(r"#{1,6} ", before) or re.fullmatch(r"\*\*[^*\n]{1,80}\*\*", before):
        return True
    return bool(_SURE.search(label.word) and _SURE.search(before))


def _is_other(label: Label, parts: list[Label]) -> bool:
    """Tells whether a label opens a second instruction."""
    return label.field == "instruction" and any(part.field == "instruction" for part in parts[:-1])


class _Form:
    """Goes through the labels of a text and keeps as `parts` those that open a field of its form, the first one `form`."""

    def __init__(self, text: str, form: Label, found: list[Label]):
        self._text, self._form, self.parts = text, form, [form]
        self._main = form if form.field == "instruction" else None
        self._fenced = {offset for offset, _, inside in lines_with_fences(text) if inside}
        self._dressed_inputs = [label.start for label in found if label.field == "input" and label.dress == form.dress]
        # where a quiz or dialogue inside a field begins: at a "Question:" that opens no field
        self._asked = -1
        # how often each answer's word stands between two labels like the first
        self._repeats: Counter[tuple[int, str]] = Counter()
        self._round: dict[int, int] = {}
        rounds = 0
        for label in found:
            rounds += (label.word, label.dress) == (form.word, form.dress)
            self._round[label.start] = rounds
            self._repeats[rounds, label.word] += 1
        starts = [label.start for label in found]
        self._ends = dict(zip(starts, [*starts[1:], len(text)], strict=False))
        for label in found:
            if self._opens(label):
                self.parts.append(label)
                self._main = self._main or (label if label.field == "instruction" else None)
                if _is_other(label, self.parts):
                    break
            elif label.field == "instruction":
                self._asked = label.start

    def _opens(self, label: Label) -> bool:
        """Tells whether a label opens a field of the form, and is no line of the field before it."""
        form, current, present = self._form, self.parts[-1], {part.field for part in self.parts}
        same = label.dress == form.dress
        if label.field == "instruction":
            return self._is_instruction(label, same)
        if label.field == "kind":
            short = "\n" in self._text[label.end : label.end + _LONGEST_KIND] + "\n" * (
                self._ends[label.start] == len(self._text)
            )
            return (
                same
                and "kind" not in present
                and label.word in CERTAIN_KINDS
                and short
                and bool(form.word or " " in label.word)
            )
        if label.field == "input":
            dressed_later = bool(self._dressed_inputs) and self._dressed_inputs[-1] >= label.start
            return (
                "input" not in present
                and (same or not dressed_later)
                and not opens_examples(self._line_before(label)[1])
            )
        if label.field == "explanation":
            return same and bool(form.dress)
        if current.field in (*_ANSWERS, "explanation"):
            return True
        return (same or not form.dress or current.field == "instruction") and self._is_appended(label)

    def _is_instruction(self, label: Label, same: bool) -> bool:
        main, current = self._main, self.parts[-1]
        if main is None:
            return same or self._form.field == "kind"
        again = label.number != main.number or current.field in _ANSWERS or bool(_SURE.search(label.word))
        return same and label.word == main.word and again and (current.field != "input" or bool(main.dress))

    def _is_appended(self, label: Label) -> bool:
        """Tells whether an answer's label opens an answer to the task, rather than a line that belongs to the task."""
        form, current = self._form, self.parts[-1]
        if label.number or (label.word == "a" and form.word != "q"):
            return False
        if self._repeats[self._round[label.start], label.word] > 1:
            return False
        if label.dress and label.dress == form.dress:
            return True
        if self._asked >= current.end or _JUDGES.search(self._text[self.parts[0].end : label.start][:_LONGEST_TASK]):
            return False
        value = self._text[label.end : self._ends[label.start]].strip()
        if not value:  # "Question: …\nAnswer:" asks so, a form ends so
            return bool(form.word) and (label.field == "output" or current.field == "input")
        return not value.endswith(("?", "？", "؟")) and not self._continues(label, value)

    def _continues(self, label: Label, value: str) -> bool:
        """Tells whether an answer's label continues the lines before it: a format, a record, what a program printed."""
        start, line = self._line_before(label)
        own = start < self.parts[-1].end  # the line of the field's own label
        adjacent = not own and self._text.count("\n", start + len(line), label.start) < 2
        introduced = line.rstrip().endswith((":", "：")) or opens_examples(line)
        if introduced and not (own and self.parts[-1].word):
            return True
        if adjacent and not label.dress and _KEY_AND_VALUE.match(line):
            return True
        if label.field != "output":
            return False
        return start in self._fenced or bool(_FAILURE.search(value.partition("\n")[0][:200]))

    def _line_before(self, label: Label) -> tuple[int, str]:
        """Returns where the last line with text before a label starts, and that line."""
        end = label.start
        while end > 0 and self._text[end - 1].isspace():
            end -= 1
        start = self._text.rfind("\n", 0, end) + 1
        return start, self._text[start:end]


def split_tags(text: str, removed: Removed) -> dict[str, str] | None:
    """Returns the fields of a completion that begins with a tag, as in <instruction>…</instruction>; None for others."""
    outer = re.match(r"\s*<(?!/)[\w \-]{1,20}>\s*(?=<)", text)
    start = outer.end() if outer else 0
    first = _TAG.match(text, start)
    if not first or first[1] or field_of(first[2]) not in ("instruction", "kind", "input"):
        return None
    fields: dict[str, str] = {}
    at = start
    removed.take("label", text[:start])
    for _ in range(_MOST_TAGS):
        tag = _TAG.search(text, at)
        if not tag or (tag[1] and not fields):
            break
        removed.take("label" if tag[1] else "other", text[at : tag.start()])
        field = field_of(tag[2])
        close = text.find(f"</{tag[2]}>", tag.end())
        following = next((other.start() for other in _TAG.finditer(text, tag.end()) if _is_field(other)), len(text))
        end = close if close >= 0 else following
        value = text[tag.end() : end].strip("\n").rstrip()
        known = not tag[1] and field in ("instruction", "input", "kind") and field not in fields
        if known:
            fields[field] = value
        elif not tag[1]:
            removed.take({"wish": "label", **dict.fromkeys(_ANSWERS, "answer")}.get(field, "other"), value)
        at = end + len(f"</{tag[2]}>") if close >= 0 and not tag[1] else (tag.end() if tag[1] else end)
    removed.take("other", re.sub(_TAG, "", text[at:]))
    return fields if fields.get("instruction") else None


def _is_field(tag: re.Match) -> bool:
    return not tag[1] and field_of(tag[2]) in LABELS
