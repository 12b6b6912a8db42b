"""Texts that say the same again and again (Gopher: Rae et al. 2021, arXiv 2112.11446, table A1).

repetition_reason("The moss is a moss is a moss is a moss is a moss.")  ->  ("repetition", "a loop makes up …")
"""

import re
from collections import Counter

import numpy as np

from fanno_hf.columns import Reason
from fanno_hf.rules.measures import Classified, percent, shorten
from fanno_hf.rules.tokens import Tokens, find_tokens

_FULL_STOPS = "。！？।؟"  # of other scripts
_FULL_STOP = re.compile(f" ?[{_FULL_STOPS}] ?")
_SHORT_PERIOD = 3  # "no no no no" is speech, a phrase of three words four times in a row is not
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying loses nothing


def repetition_reason(
    text: str,
    *,
    max_share: float,
    max_loop_share: float,
    min_words: int,
    min_loop: int,
    ngram_words: int,
    ngram_characters: int,
) -> Reason | None:
    """Rejects texts that say the same again and again: page furniture, copied paragraphs, looping models.

    The measures are the repetition filters of MassiveText (Rae et al. 2021, arXiv 2112.11446, table A1): the share of
    characters in duplicate lines, in duplicate sentences, and in duplicate n-grams of words, where a duplicate is any
    occurrence after the first. Its limits (0.30 of the lines, 0.15 of the characters in 5-grams) are for whole web pages;
    a passage needs a wider one, because a single refrain weighs more. Scripts without spaces are compared by n-grams of
    characters. A loop is one phrase many times in a row.

    Args:
        max_share: Largest share of characters in duplicates, in [0, 1].
        min_words: Texts with fewer words are judged by loops only.
        min_loop: Repeats that make a loop of a phrase of three or more words, at least 3; a shorter phrase must
            fill as many words.
        ngram_characters: Characters in an n-gram of a script without spaces, at least 2.
    """
    text = text.lower() if text.isascii() else text.casefold()
    found = Tokens.CLASSES.of(text)
    tokens = find_tokens(found)
    if len(tokens) >= min_words:
        for name, units in _units(text).items():
            share, unit = _duplicate_units(units, found, max_share)
            if share > max_share:
                return "repetition", f"repeated {name} make up {percent(share)}, such as {shorten(unit)!r}"
    by_character = 2 * np.count_nonzero(tokens.lengths == 1) > len(tokens)
    share, loop = _duplicate_ngrams(tokens, ngram_characters if by_character else ngram_words, min_loop)
    if loop > max_loop_share * len(tokens):
        return "repetition", f"a loop makes up {percent(loop / len(tokens))}"
    if len(tokens) >= min_words and share > max_share:
        return "repetition", f"repeated phrases make up {percent(share)}"
    return None


def _units(text: str) -> dict[str, list[str]]:
    """Returns the lines and the sentences of a text, white space folded; a sentence ends with its line, too."""
    lines, paragraphs = text.splitlines(), text.split("\n")
    folded = [" ".join(paragraph.split()) for paragraph in paragraphs]
    ended = "\n".join(folded)
    if not text.isascii() and any(stop in ended for stop in _FULL_STOPS):
        ended = _FULL_STOP.sub("\n", ended)
    for stop in ".!?":
        ended = ended.replace(f"{stop} ", f"{stop}\n")
    if len(lines) > len(paragraphs) - (not paragraphs[-1]):  # form feeds and others end lines, too
        folded = [" ".join(line.split()) for line in lines]
    return {"lines": folded, "sentences": ended.split("\n")}


def _duplicate_units(units: list[str], found: Classified, max_share: float) -> tuple[float, str]:
    """Returns the share of a text's word characters in units seen before, and the unit that weighs most among them.

    The share may be a higher one that is at most `max_share`, all the same.
    """
    counts = Counter(units)
    repeated = (
        {unit: count - 1 for unit, count in counts.items() if count > 1 and unit} if len(counts) < len(units) else {}
    )
    if not repeated:
        return 0.0, ""
    total = max(found.count("word"), 1)
    most = sum(len(unit) * times for unit, times in repeated.items()) / total
    if most <= max_share:
        return most, ""
    # Word characters only: the closing brackets of code and the rulers of tables weigh nothing.
    extra = {unit: Tokens.CLASSES.of(unit).count("word") * times for unit, times in repeated.items()}
    return sum(extra.values()) / total, max(extra, key=extra.get)


def _duplicate_ngrams(tokens: Tokens, size: int, min_loop: int) -> tuple[float, int]:
    """Returns the share of characters in n-grams seen before, and the number of tokens in the longest loop."""
    starts, befores = _repeated_ngrams(tokens, size)
    if not len(starts):
        return 0.0, 0
    covered = np.zeros(len(tokens), dtype=bool)
    for shift in range(size):
        covered[starts + shift] = True
    # A run of n-grams that all recur at the same distance is a phrase of that length, repeated.
    lags = starts - befores
    begins = np.ones(len(starts), dtype=bool)
    begins[1:] = (starts[1:] != starts[:-1] + 1) | (lags[1:] != lags[:-1])
    (first,) = begins.nonzero()
    lags = lags[first]
    loops = np.diff(first, append=len(starts)) + size - 1 + lags
    loops = loops[loops >= min_loop * np.maximum(lags, _SHORT_PERIOD)]
    return int(tokens.lengths[covered].sum()) / len(tokens.codes), int(loops.max(initial=0))


def _repeated_ngrams(tokens: Tokens, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns where the n-grams begin that were seen before, and where each was seen last.

    They are compared by 64-bit hashes, of which two are the same by chance with a probability of 2**-64.
    """
    count = len(tokens) - size + 1
    if count < 2:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    words = tokens.hashes()
    grams = words[:count].copy()
    for shift in range(1, size):
        grams = grams * _MULTIPLIER + words[shift : shift + count]
    order = np.argsort(grams, kind="stable")
    grams = grams[order]
    (same,) = (grams[1:] == grams[:-1]).nonzero()
    starts, befores = order[same + 1], order[same]
    if len(starts):  # columns of zeros are data
        digits = tokens.are_digits()
        data = digits[starts]
        for shift in range(1, size):
            data &= digits[starts + shift]
        starts, befores = starts[~data], befores[~data]
    in_order = np.argsort(starts)
    return starts[in_order], befores[in_order]
