"""What the words right before four numbers with dots say of them: a version, a section, an address, or nothing.

"see section (", "[5.6.12.1"  ->  SECTION         "logged in from ", "5.9.12.1"  ->  ADDRESS
"""

import re
from enum import Enum

from fanno_hf.rules.personal_data.words import ADDRESSES, FILLERS, PROGRAMS, SECTIONS, SINCE, VERSIONS

_LOOK_BACK = 40  # characters; a search from the start of the line would be quadratic on one long line

_GAP = " \t\n\r\f\v,.:;=/([\"'`«»„“”#*"
_WORDS = re.compile(r"[^\W_][\w+]*(?:-[\w+]+)*")
_HYPHEN = re.compile(r"(?<=[a-z])-\s*\n\s*")
_VERSION_SIGN = re.compile(r"(?:[=<>~!]=|~>|[≥≤]|\((?:=|<<|>>))\s*$|\b[A-Z][A-Za-z]+/$")  # "Firefox/3.6.12.1"
_SECTION_SIGN = re.compile(r"(?:§|\b(?:RFC|ISO|IEC|IEEE|DIN)[ -]?[\d-]+[,:]?)\s*$")
_ADDRESS_SIGN = re.compile(r"(?://|@|ffff:)$")


class Says(Enum):
    """What stands before a number says that it is one of these."""

    VERSION = "version"  # however large its parts are
    SECTION = "section"  # or a version, if its parts are small
    ADDRESS = "address"


def said_before(text: str, start: int) -> Says | None:
    """Returns what is said of the number that begins at `start`; None where nothing is."""
    before = _HYPHEN.sub("", text[max(0, start - _LOOK_BACK) : start])
    if _VERSION_SIGN.search(before):
        return Says.VERSION
    if _ADDRESS_SIGN.search(before):
        return Says.ADDRESS
    if _SECTION_SIGN.search(before):
        return Says.SECTION
    head = before.rstrip(_GAP)
    if not head[-1:].isalpha():
        return None
    return _said(_WORDS.findall(head.lower()), before[len(head) :])


def _said(words: list[str], gap: str) -> Says | None:
    while words and words[-1] in FILLERS:
        words.pop()
    last, one_before = [None, None, *words][:-3:-1]
    if last in VERSIONS or (last in ("from", "von") and one_before in VERSIONS):  # "an upgrade from"
        return Says.VERSION
    # the end of a sentence or a paragraph parts a word from the heading behind it
    if last and ADDRESSES.intersection(re.split("[-_]", last)) and "." not in gap and gap.count("\n") < 2:
        return Says.ADDRESS
    if last in SECTIONS or last in SINCE or last in PROGRAMS or one_before in SINCE:
        return Says.SECTION
    return None
