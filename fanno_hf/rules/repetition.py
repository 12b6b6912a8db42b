"""Texts that say the same again and again (Gopher: Rae et al. 2021, arXiv 2112.11446, table A1).

repetition_reason("The moss is a moss is a moss is a moss is a moss.")  ->  ("repetition", "a loop makes up …")
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import regex

from fanno_hf.columns import Reason
from fanno_hf.rules.measures import WORD_CHARACTERS, percent, shorten, total_length

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
# One token per character where words are not separated by spaces.
_TOKEN = regex.compile(rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}\p{{N}}_]--[{_UNSPACED}]]+", regex.V1)
_LONGEST_WORD = 40  # characters; anything longer is no word (aaaaaa...) and is compared by character
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|[。！？।؟\n]")
_SHORT_PERIOD = 3  # "no no no no" is speech, a phrase of three words four times in a row is not


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
    tokens = _tokens(text)
    if len(tokens) >= min_words:
        for name, units in (("lines", text.splitlines()), ("sentences", _SENTENCE_END.split(text))):
            share, unit = _duplicate_units(units)
            if share > max_share:
                return "repetition", f"repeated {name} make up {percent(share)}, such as {shorten(unit)!r}"
    by_character = 2 * sum(len(token) == 1 for token in tokens) > len(tokens)
    share, loop = _duplicate_ngrams(tokens, ngram_characters if by_character else ngram_words, min_loop)
    if loop > max_loop_share * len(tokens):
        return "repetition", f"a loop makes up {percent(loop / len(tokens))}"
    if len(tokens) >= min_words and share > max_share:
        return "repetition", f"repeated phrases make up {percent(share)}"
    return None


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    for match in _TOKEN.finditer(text.casefold()):
        if match[0].strip("_"):  # a ruler of underscores repeats nothing
            tokens.extend(match[0] if len(match[0]) > _LONGEST_WORD else [match[0]])
    return tokens


def _duplicate_units(units: Iterable[str]) -> tuple[float, str]:
    """Returns the share of word characters in units seen before, and the unit that weighs most among them."""
    counts = Counter(" ".join(unit.casefold().split()) for unit in units)
    # Word characters only: the closing brackets of code and the rulers of tables weigh nothing.
    sizes = {unit: total_length(WORD_CHARACTERS.finditer(unit)) for unit in counts}
    extra = {unit: sizes[unit] * (count - 1) for unit, count in counts.items()}
    total = sum(sizes[unit] * count for unit, count in counts.items())
    return sum(extra.values()) / max(total, 1), max(extra, key=extra.get, default="")


def _duplicate_ngrams(tokens: Sequence[str], size: int, min_loop: int) -> tuple[float, int]:
    """Returns the share of characters in n-grams seen before, and the number of tokens in the longest loop."""
    covered = bytearray(len(tokens))
    last_seen: dict[tuple[str, ...], int] = {}
    lag = run = longest = 0
    for start in range(len(tokens) - size + 1):
        gram = tuple(tokens[start : start + size])
        before = last_seen.get(gram)
        last_seen[gram] = start
        if before is None or all(token.isdigit() for token in gram):  # columns of zeros are data
            run = 0
            continue
        covered[start : start + size] = b"\1" * size
        # A run of n-grams that all recur at the same distance is a phrase of that length, repeated.
        run = run + 1 if start - before == lag else 1
        lag = start - before
        length = run + size - 1 + lag
        if length >= min_loop * max(lag, _SHORT_PERIOD):
            longest = max(longest, length)
    repeated = sum(len(token) for token, flag in zip(tokens, covered, strict=True) if flag)
    return repeated / max(sum(map(len, tokens)), 1), longest
