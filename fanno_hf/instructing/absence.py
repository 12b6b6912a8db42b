"""Tells whether the value of an input says that there is none, as "None", "(leave out)" or "Not needed, since …" do."""

import re

from fanno_hf.instructing.labels import alternatives
from fanno_hf.instructing.words import NO_INPUT, NO_INPUT_OPENINGS, NO_INPUT_REMARKS, PROGRAMS

_EMPTY_VALUES = frozenset(
    ("-", "--", "---", "–", "—", ".", "...", "…", "()", "[]", "{}", "<>", '""', "''", "``", "“”", "/", "(...)", "(…)")
)
_LONGEST_EXCUSE = 160
_PROGRAM = re.compile(rf"\b(?:{alternatives(PROGRAMS)})\b", re.IGNORECASE)


def _said(value: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", value).casefold()


# stripped as the values are: some scripts end words in a sign that is no letter
_NO_INPUT = frozenset(map(_said, NO_INPUT))


def says_none(value: str) -> bool:
    """Tells whether the value of an input says that there is none: "None", "(none)", "-", "No input is needed."."""
    said = _said(value)
    if not said:
        return value in _EMPTY_VALUES
    return said in _NO_INPUT or (len(value) <= _LONGEST_EXCUSE and said.startswith(NO_INPUT_OPENINGS))


def remarks_none(paragraph: str, task: str) -> bool:
    """Tells whether a paragraph behind a task only says that it needs no input; a program's task may say so itself."""
    said = _said(paragraph)
    if "\n" in paragraph or len(paragraph) > _LONGEST_EXCUSE or not said.startswith(NO_INPUT_REMARKS):
        return False
    return paragraph[:1] in "([（*_" or not _PROGRAM.search(task)
