"""Words that look misread, as a scanner or a broken extraction leaves them, in the Latin, Cyrillic and Greek scripts.

count_odd_words("a qu1ck brwwn fox, tHiS and 東京", 5)  ->  (6, 2): "qu1ck" and "tHiS" of six words; 東京 is not judged
"""

import re
from functools import lru_cache

import numpy as np
import regex

from fanno_hf.rules.measures import WHITE, Classes, Classified, runs

ALPHABETS = r"\p{Latin}\p{Cyrillic}\p{Greek}"
_CONSONANT = "[b-df-hj-np-tv-xz]"  # lower case, because abbreviations may lack vowels
_SIGN = r"""[~#$%\&!?;\|@`"¦§¶¬¤°•©®™¢£¥]"""
_CHARACTER = rf"[{ALPHABETS}\p{{Nd}}]"
_CLASSES = Classes(
    white=f"[{WHITE}]",
    alphabet=f"[{ALPHABETS}]",
    character=_CHARACTER,
    sign=_SIGN,
    letter=r"\p{L}",
    consonant=_CONSONANT,
    any_consonant=f"(?i:{_CONSONANT})",
)
# Two characters in a row are suspicious where one has a class of the first and the next one the class of the same name.
_FIRST = Classes(digit=r"\p{Nd}", case=r"\p{Ll}", closer=r"[)\]]", one=r"\p{Latin}", other=r"\p{Cyrillic}")
_SECOND = Classes(
    digit=rf"[{ALPHABETS}\p{{Ll}}]", case=r"\p{Lu}", closer=_CHARACTER, one=r"\p{Cyrillic}", other=r"\p{Latin}"
)


def count_odd_words(text: str, max_consonant_run: int) -> tuple[int, int]:
    """Returns how many words of a text are in those scripts, addresses left out, and how many of them look misread.

    Args:
        max_consonant_run: longest run of ASCII consonants in a word that does not, at least 3.
    """
    found = _CLASSES.of(text)
    begins, ends = runs(~found["white"])
    if not len(begins):
        return 0, 0
    judged = np.logical_or.reduceat(found["alphabet"], begins)
    for match in re.finditer("://", text):
        judged[np.searchsorted(begins, match.start(), "right") - 1] = False
    suspects = set((np.searchsorted(begins, _suspicious(found, max_consonant_run), "right") - 1).tolist())
    words = (text[begins[i] : ends[i]] for i in suspects if judged[i])
    pattern = _odd_word_pattern(max_consonant_run)
    # H2O and CO2 are no misreadings
    odd = sum(not word.isupper() and pattern.search(word) is not None for word in words)
    return int(np.count_nonzero(judged)), odd


@lru_cache
def _odd_word_pattern(max_consonant_run: int) -> regex.Pattern:
    return regex.compile(
        rf"[{ALPHABETS}]\d[{ALPHABETS}]"  # qu1ck
        r"|(?<!\w)[01](?!x)\p{Ll}{3}"  # 0ver
        r"|\p{Ll}\p{Lu}(?:\p{Ll}\p{Lu}|(?!\p{L}))"  # tHiS, thiS
        rf"|{_CHARACTER}{_SIGN}{_CHARACTER}"  # jum~s
        rf"|[)\]]{_CHARACTER}"  # d()g
        r"|\p{Latin}\p{Cyrillic}|\p{Cyrillic}\p{Latin}"
        rf"|(?<!\p{{L}})(?i:{_CONSONANT}){_CONSONANT}{{3,}}+(?!\p{{L}})"  # vvhn
        rf"|{_CONSONANT}{{{max_consonant_run + 1}}}"
    )


def _suspicious(found: Classified, max_consonant_run: int) -> np.ndarray:
    """Returns places in all words that the pattern matches, and in few others: the rest needs no look."""
    (pairs,) = (_FIRST.table.take(found.codes[:-1]) & _SECOND.table.take(found.codes[1:])).nonzero()
    character, letter, any_consonant = (found[name] for name in ("character", "letter", "any_consonant"))
    (signs,) = (character[:-2] & found["sign"][1:-1] & character[2:]).nonzero()
    begins, ends = runs(found["consonant"])
    begins -= any_consonant[begins - 1] & (begins > 0)
    lengths = ends - begins
    opens = (begins == 0) | ~letter[begins - 1]
    clusters = begins[(lengths > 3) & (opens | (lengths > max_consonant_run))]
    return np.concatenate([pairs, signs, clusters])
