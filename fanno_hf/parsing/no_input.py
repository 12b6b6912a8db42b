"""Tells whether the value of an input says that there is none.

"None", "(leave out)", "Not needed, since the question is general."  ->  True
"None of the knots held."  ->  False
"""

import re

from fanno_hf.parsing.labels import alternatives
from fanno_hf.parsing.words import NO_INPUT, PROGRAMS

_EMPTY_VALUES = frozenset(
    ("-", "--", "---", "–", "—", ".", "...", "…", "()", "[]", "{}", "<>", '""', "''", "``", "“”", "/", "(...)", "(…)")
)
_LONGEST_EXCUSE = 160
# a sentence about a task that needs no input, known by its first words
_REMARK = (
    r"(?:the|this) (?:request|task|instruction|question) (?:(?:needs|requires|has) no|does(?: not|n't|n’t) (?:need|require))"
    r" (?:any |additional )?input|no (?:additional |further |extra )?input (?:is )?(?:needed|required|necessary)"
    r"|keine eingabe (?:ist )?(?:nötig|erforderlich)|无需输入|不需要输入|入力は不要|입력 필요 없음"
)
_IS_REMARK = re.compile(_REMARK)
# "none" with a reason behind it, or an input that is none
_IS_EXCUSE = re.compile(
    rf"{_REMARK}|n/a(?: ?[–—(\-]|[,:;.])"
    r"|(?:none|not needed|not required|nothing needed)(?: [–—(\-]|,? since|,? because|, as the| for this|: the)"
    r"|no (?:additional |further |extra )?input|none (?:needed|required|provided|given|necessary)|not applicable"
    r"|keine (?:weitere )?eingabe|sin entrada|no se (?:requiere|necesita)|aucune entrée|pas d'entrée|nessun input"
    r"|nenhuma entrada|ввод не требуется|无需|不需要|入力なし|입력 없음"
)
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
    return said in _NO_INPUT or (len(value) <= _LONGEST_EXCUSE and bool(_IS_EXCUSE.match(said)))


def remarks_none(paragraph: str, task: str) -> bool:
    """Tells whether a paragraph behind a task only says that it needs no input; a program's task may say so itself."""
    if "\n" in paragraph or len(paragraph) > _LONGEST_EXCUSE or not _IS_REMARK.match(_said(paragraph)):
        return False
    return paragraph[:1] in "([（*_" or not names_program(task)


def names_program(task: str) -> bool:
    """Tells whether a task asks for a program: then "Input:" and "Output:" may say what that one reads and prints."""
    return bool(_PROGRAM.search(task))
