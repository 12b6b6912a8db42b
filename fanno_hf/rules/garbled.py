"""Texts that cannot be read: broken encodings, strings of symbols, misread scans.

garbled_reason("xk#9 lÃ¶rp ~~ %% tteh wqz 88 )( and")  ->  ("garbled", "…")
"""

import re

import numpy as np
import regex

from fanno_hf.columns import Reason
from fanno_hf.rules.measures import WHITE, WORD_CHARACTER, Classes, Classified, percent, runs
from fanno_hf.rules.odd_words import ALPHABETS, count_odd_words

# What UTF-8 continuation bytes look like when they are read as Latin-1 or Windows-1252, and as Windows-1251.
_CONTINUATION = "".join(map(chr, range(0x80, 0xC0))) + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
_NO_NBSP = re.escape(_CONTINUATION.replace("\xa0", ""))  # Spanish, Swedish and German write NBSP after a capital
_CONTINUATION = re.escape(_CONTINUATION)
_CYRILLIC_CONTINUATION = re.escape(bytes(range(0x80, 0xC0)).decode("cp1251", "ignore"))
# Some need two in a row: French has such a letter before a guillemet (« été »).
_MOJIBAKE = re.compile(
    f"[ÃÂ][{_CONTINUATION}]|[ÄÅÎÏÐÑØÙ][{_NO_NBSP}]|â[{_NO_NBSP}]{{2}}|(?:[àã-ï][{_CONTINUATION}]{{2}}){{2,}}"
    f"|ðŸ|ï»¿|(?:[РС][{_CYRILLIC_CONTINUATION}]){{3,}}"
)
_GLYPH_NUMBER = re.compile(r"\(cid:\d{1,6}\)")  # of a PDF
_CLASSES = Classes(
    white=f"[{WHITE}]",
    blank=r"\s",
    word=WORD_CHARACTER,
    spelt=r"[\p{L}\p{M}]",
    alphabet=f"[{ALPHABETS}]",
    mark=r"[\p{P}\p{S}]",
    symbol=r"[!-/:-@\[-`\{-\~]",
    # punctuation of prose, code, formulas and drawn tables
    structure=r"""[\p{Ps}\p{Pe}\p{Pd}\p{Pc}\p{Pi}\p{Pf}\p{Sm}\p{Sc}.,;:!?"'*/\\^%\u2500-\u257F]|[\p{Po}--[\x00-\x7F]]""",
    operator=r"[=+×÷<>≤≥≠≈∈∪∩√∑∏∫∂\^*/−→⇒]",
    control=r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]",
    # what mojibake begins with, and what comes second
    lead="[ÃÂÄÅÎÏÐÑØÙâàã-ïðРС]",
    second=f"[{_CONTINUATION}{_CYRILLIC_CONTINUATION}Ÿ]",
)
# Below 0.3 misread scans pass; up to 0.45 source code in C, Perl and Python keeps a letter share above 0.6.
_STRUCTURE_WEIGHT = 0.4
_RULER = regex.compile(r"([\p{P}\p{S}])\1{3,}")  # lines of tables, leaders in tables of contents
_SYMBOL_RUN = re.compile(r"[!-/:-@\[-`{-~]+")
_DISTINCT_IN_SOUP = 8  # rulers (-----) and table borders (+---+) have fewer


def garbled_reason(
    text: str,
    *,
    min_letter_share: float,
    max_broken_share: float,
    max_symbol_run: int,
    max_odd_word_share: float,
    max_one_letter_share: float,
    max_consonant_run: int,
    min_words: int,
) -> Reason | None:
    """Rejects texts that a wrong encoding, a scanner or a broken extraction has made unreadable.

    Shares are of the characters that are not white space, or of the words. Combining marks and digits of all scripts
    count as letters, and punctuation that prose, code and formulas use weighs less than other symbols, so source code,
    tables and mathematics pass. Words are only judged in the Latin, Cyrillic and Greek scripts.

    Args:
        max_broken_share: Largest share of U+FFFD, mojibake (``Ã©``), control characters or ``(cid:7)``, in [0, 1].
        max_odd_word_share: Largest share of words that look misread: digits or symbols inside (``qu1ck``), no vowel,
            too many consonants in a row, Latin and Cyrillic letters mixed; in [0, 1].
        max_one_letter_share: Largest share of words of one letter (``s p a c e d``), unless in formulas; in [0, 1].
        max_consonant_run: Longest run of ASCII consonants in a word that is not odd, at least 3.
        min_words: Texts with fewer words are not judged by their words.
    """
    found = _CLASSES.of(text)
    total = len(text) - found.count("white")
    if total == 0:
        return None
    detail = (
        _broken_detail(text, found, total, max_broken_share)
        or _letter_detail(text, found, min_letter_share)
        or _symbol_detail(text, found, max_symbol_run)
        or _odd_word_detail(text, max_odd_word_share, max_consonant_run, min_words)
        or _one_letter_detail(found, max_one_letter_share, min_words)
    )
    return ("garbled", detail) if detail else None


def _broken_detail(text: str, found: Classified, total: int, max_share: float) -> str | None:
    broken = {
        "replacement characters": text.count("\ufffd") + 3 * text.count("ï¿½"),
        "mojibake": 0,
        "control characters": found.count("control"),
        "PDF glyph numbers": sum(map(len, _GLYPH_NUMBER.findall(text))),
    }
    if (found["lead"][:-1] & found["second"][1:]).any():
        broken["mojibake"] = sum(len(match[0]) for match in _MOJIBAKE.finditer(text))
    share = min(sum(broken.values()) / total, 1.0)  # control characters can be white space too
    return f"{percent(share)} are broken, mostly {max(broken, key=broken.get)}" if share > max_share else None


def _letter_detail(text: str, found: Classified, min_share: float) -> str | None:
    same = found.codes[1:] == found.codes[:-1]
    if (same[2:] & same[1:-1] & same[:-2] & found["mark"][3:]).any():
        text = _RULER.sub(" ", text)
        found = _CLASSES.of(text)
    visible, structure = len(text) - found.count("white"), found.count("structure")
    share = found.count("word") / max(visible - (1 - _STRUCTURE_WEIGHT) * structure, 1)
    return f"{percent(share)} letters and digits < {percent(min_share)}" if share < min_share else None


def _symbol_detail(text: str, found: Classified, max_run: int) -> str | None:
    if b"\1" * (max_run + 1) not in found["symbol"].tobytes():
        return None
    for match in _SYMBOL_RUN.finditer(text):
        length = match.end() - match.start()
        if length > max_run and len(set(match[0])) >= _DISTINCT_IN_SOUP:
            return f"{length} symbols in a row > {max_run}"
    return None


def _odd_word_detail(text: str, max_share: float, max_consonant_run: int, min_words: int) -> str | None:
    words, odd = count_odd_words(text, max_consonant_run)
    if words < min_words:
        return None
    share = odd / max(words, 1)
    return f"{percent(share)} of the words look misread" if share > max_share else None


def _one_letter_detail(found: Classified, max_share: float, min_words: int) -> str | None:
    words = len(runs(found["spelt"])[0])
    begins, ends = runs(~found["blank"])
    single = int(np.count_nonzero(found["alphabet"][begins] & (ends - begins == 1)))
    if words < min_words or 4 * found.count("operator") > single:
        return None
    return f"{percent(single / words)} of the words have one letter" if single > max_share * words else None
