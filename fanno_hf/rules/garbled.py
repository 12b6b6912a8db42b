"""Texts that cannot be read: broken encodings, strings of symbols, misread scans.

garbled_reason("xk#9 lÃ¶rp ~~ %% tteh wqz 88 )( and")  ->  ("garbled", "…")
"""

import re
from functools import lru_cache

import regex

from fanno_hf.columns import Reason
from fanno_hf.rules.measures import WORD_CHARACTERS, count_non_space, percent, total_length

# What UTF-8 continuation bytes look like when they are read as Latin-1 or Windows-1252, and as Windows-1251.
_CONTINUATION = "".join(map(chr, range(0x80, 0xC0))) + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
_NO_NBSP = re.escape(_CONTINUATION.replace("\xa0", ""))  # Spanish, Swedish and German write NBSP after a capital
_CONTINUATION = re.escape(_CONTINUATION)
_CYRILLIC_CONTINUATION = re.escape(bytes(range(0x80, 0xC0)).decode("cp1251", "ignore"))
_BROKEN = {
    "replacement characters": re.compile("\ufffd+|ï¿½"),
    # Some need two in a row: French has such a letter before a guillemet (« été »).
    "mojibake": re.compile(
        f"[ÃÂ][{_CONTINUATION}]|[ÄÅÎÏÐÑØÙ][{_NO_NBSP}]|â[{_NO_NBSP}]{{2}}|(?:[àã-ï][{_CONTINUATION}]{{2}}){{2,}}"
        f"|ðŸ|ï»¿|(?:[РС][{_CYRILLIC_CONTINUATION}]){{3,}}"
    ),
    "control characters": re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]+"),
    "PDF glyph numbers": re.compile(r"\(cid:\d{1,6}\)"),
}
# Punctuation of prose, code, formulas and drawn tables.
_STRUCTURE = regex.compile(
    r"""[\p{Ps}\p{Pe}\p{Pd}\p{Pc}\p{Pi}\p{Pf}\p{Sm}\p{Sc}.,;:!?"'*/\\^%\u2500-\u257F]+"""
    r"|[\p{Po}--[\x00-\x7F]]+",
    regex.V1,
)
# Below 0.3 misread scans pass; up to 0.45 source code in C, Perl and Python keeps a letter share above 0.6.
_STRUCTURE_WEIGHT = 0.4
_RULER = regex.compile(r"([\p{P}\p{S}])\1{3,}")  # lines of tables, leaders in tables of contents
_SYMBOL_RUN = re.compile(r"[!-/:-@\[-`{-~]+")
_DISTINCT_IN_SOUP = 8  # rulers (-----) and table borders (+---+) have fewer
_FORMULA = re.compile(r"[=+×÷<>≤≥≠≈∈∪∩√∑∏∫∂^*/−→⇒]")
_ALPHABETS = r"\p{Latin}\p{Cyrillic}\p{Greek}"
_ALPHABET_LETTER = regex.compile(rf"[{_ALPHABETS}]")
_ONE_LETTER = regex.compile(rf"(?<!\S)[{_ALPHABETS}](?!\S)")
_USUAL_LENGTH = 24
_LETTER_WORD = regex.compile(r"[\p{L}\p{M}]+")


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
    total = count_non_space(text)
    if total == 0:
        return None
    detail = (
        _broken_detail(text, total, max_broken_share)
        or _letter_detail(text, min_letter_share)
        or _symbol_detail(text, max_symbol_run)
        or _odd_word_detail(text, max_odd_word_share, max_consonant_run, min_words)
        or _one_letter_detail(text, max_one_letter_share, min_words)
    )
    return ("garbled", detail) if detail else None


def _broken_detail(text: str, total: int, max_share: float) -> str | None:
    found = {name: total_length(pattern.finditer(text)) for name, pattern in _BROKEN.items()}
    share = min(sum(found.values()) / total, 1.0)  # control characters can be white space too
    return f"{percent(share)} are broken, mostly {max(found, key=found.get)}" if share > max_share else None


def _letter_detail(text: str, min_share: float) -> str | None:
    text = _RULER.sub(" ", text)
    letters = total_length(WORD_CHARACTERS.finditer(text))
    structure = total_length(_STRUCTURE.finditer(text))
    share = letters / max(count_non_space(text) - (1 - _STRUCTURE_WEIGHT) * structure, 1)
    return f"{percent(share)} letters and digits < {percent(min_share)}" if share < min_share else None


def _symbol_detail(text: str, max_run: int) -> str | None:
    for match in _SYMBOL_RUN.finditer(text):
        length = match.end() - match.start()
        if length > max_run and len(set(match[0])) >= _DISTINCT_IN_SOUP:
            return f"{length} symbols in a row > {max_run}"
    return None


@lru_cache
def _odd_word_pattern(max_consonant_run: int) -> regex.Pattern:
    consonant = "[b-df-hj-np-tv-xz]"  # lower case, because abbreviations may lack vowels
    character = rf"[{_ALPHABETS}\p{{Nd}}]"
    return regex.compile(
        rf"[{_ALPHABETS}]\d[{_ALPHABETS}]"  # qu1ck
        r"|(?<!\w)[01](?!x)\p{Ll}{3}"  # 0ver
        r"|\p{Ll}\p{Lu}(?:\p{Ll}\p{Lu}|(?!\p{L}))"  # tHiS, thiS
        rf"|{character}[~#$%&!?;|@`\"¦§¶¬¤°•©®™¢£¥]{character}"  # jum~s
        rf"|[)\]]{character}"  # d()g
        r"|\p{Latin}\p{Cyrillic}|\p{Cyrillic}\p{Latin}"
        rf"|(?<!\p{{L}})(?i:{consonant}){consonant}{{3,}}+(?!\p{{L}})"  # vvhn
        rf"|{consonant}{{{max_consonant_run + 1}}}"
    )


def _odd_word_detail(text: str, max_share: float, max_consonant_run: int, min_words: int) -> str | None:
    judged = [(_judge if len(w) > _USUAL_LENGTH else _judge_usual)(w, max_consonant_run) for w in text.split()]
    words = len(judged) - judged.count(None)
    if words < min_words:
        return None
    share = judged.count(True) / words
    return f"{percent(share)} of the words look misread" if share > max_share else None


def _judge(word: str, max_consonant_run: int) -> bool | None:
    """Tells whether a word looks misread; None if it is no word, or in a script that is not judged."""
    if not _ALPHABET_LETTER.search(word) or "://" in word:
        return None
    # H2O and CO2 are no misreadings
    return not word.isupper() and _odd_word_pattern(max_consonant_run).search(word) is not None


_judge_usual = lru_cache(maxsize=65_536)(_judge)  # most words of a text occurred before


def _one_letter_detail(text: str, max_share: float, min_words: int) -> str | None:
    words = sum(1 for _ in _LETTER_WORD.finditer(text))
    single = sum(1 for _ in _ONE_LETTER.finditer(text))
    operators = sum(1 for _ in _FORMULA.finditer(text))
    if words < min_words or 4 * operators > single:
        return None
    return f"{percent(single / words)} of the words have one letter" if single > max_share * words else None
