"""Telephone numbers: valid in their country's numbering plan, or behind a word that says what they are.

"+49 (30) 23125-001", "0049 30 23125001", "Tel. 030 / 23125001"
"""

import re
from collections.abc import Iterator

from phonenumbers import Leniency, PhoneNumberMatcher

from fanno_hf.rules.personal_data.spans import Span
from fanno_hf.rules.personal_data.words import PHONES

_INTERNATIONAL = re.compile(r"\+\s?\(?\d[\d\s().\-/]{5,40}\d", re.ASCII)
_NATIONAL = re.compile(r"\+?\(?\d[\d\s().\-/]{4,40}\d", re.ASCII)
# "0049 30 23125001", as numbers abroad are dialled from most countries; in one block it may be any number
_DIALLED = re.compile(r"00(?<![\w.,+/-]00)(?<!\d[ ()]00)(?=[1-9]\d{0,2}[ ()./-]{1,2}\d)", re.ASCII)
_AROUND = 40  # characters that the matcher sees on both sides of what may be a number, an extension included
_WINDOW = 4_000  # characters, for in a table of digits one window would be the whole text

_NAMED = re.compile(
    r"""\b(?P<word>[^\W\d_]+)\.? (?:[ ]?(?:number|no|nr|nummer|num[ée]ro|n[úu]mero|numer|n[°ºo])\b\.?)? [ ]?[:.]?[ ]{0,2}$""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(r"[\d(+](?<![\w.,+/-].)[\d(][\d ()./-]{4,23}\d(?!\w|[.,:]\d)", re.ASCII)
_LOOK_BACK = 32  # characters that hold the word
_DIGITS = range(7, 16)
_DATE = re.compile(
    r"(?:1\d|20)\d\d ?[-/] ?(?:1\d|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{4}.*|\d{4}-\d\d-\d\d.*|\d{3}/\d{4}"
)


def find_phones(text: str, region: str | None) -> Iterator[Span]:
    """Yields the telephone numbers in a folded text; with a `region` those of that country without a prefix, too."""
    yield from _named(text)
    text = _DIALLED.sub("+ ", text)
    # the matcher is some hundred times slower than this search
    for start, end in _windows(text, _NATIONAL if region else _INTERNATIONAL):
        for match in PhoneNumberMatcher(text[start:end], region, leniency=Leniency.VALID):
            number = match.number
            yield Span(start + match.start, start + match.end, f"+{number.country_code}{number.national_number}")


def _named(text: str) -> Iterator[Span]:
    for match in _NUMBER.finditer(text):
        if _DATE.fullmatch(match[0].strip("(")):
            continue
        digits = re.sub(r"\D", "", match[0])
        if len(digits) not in _DIGITS:
            continue
        named = _NAMED.search(text[max(0, match.start() - _LOOK_BACK) : match.start()])
        if named and named["word"].lower() in PHONES:
            yield Span(*match.span(), digits)


def _windows(text: str, candidate: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yields spans that hold the candidates and some characters around them, candidates that are near together in one."""
    start = end = 0
    for match in candidate.finditer(text):
        first, last = max(0, match.start() - _AROUND), match.end() + _AROUND
        if first > end or end - start > _WINDOW:
            if end:
                yield start, end
            start = first
        end = last
    if end:
        yield start, end
