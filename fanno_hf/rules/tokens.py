"""The tokens of a text as numbers, to find those that come again: words, and characters where a script has no spaces.

find_tokens(Tokens.CLASSES.of("to be, or not to be 東京"))  ->  8 tokens; those of "to be" have the same two hashes twice
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fanno_hf.rules.measures import WORD_CHARACTER, Classes, Classified

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_LONGEST_WORD = 40  # characters; anything longer is no word (aaaaaa...) and is compared by character
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that multiplying loses nothing
_POWERS = np.array([pow(_MULTIPLIER, n, 2**64) for n in range(_LONGEST_WORD + 1)], dtype=np.uint64)
_SPREAD = np.uint64(0xFF51AFD7ED558CCD)  # of the finaliser of MurmurHash3 (Appleby 2011)


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text, in order."""

    codes: np.ndarray  # the code points of all of them, one token behind the other
    begins: np.ndarray  # where each begins there
    lengths: np.ndarray  # in characters

    # a token is a run of the first class, or one character of the second
    CLASSES: ClassVar = Classes(
        joined=rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{_UNSPACED}]]", alone=f"[{_UNSPACED}]", word=WORD_CHARACTER
    )

    def __len__(self) -> int:
        return len(self.begins)

    def hashes(self) -> np.ndarray:
        """Returns a hash of each, uint64: two different tokens have the same one with a probability of about 2**-64."""
        places = np.arange(len(self.codes)) - np.repeat(self.begins, self.lengths)
        hashes = np.add.reduceat(self.codes.astype(np.uint64) * _POWERS[places], self.begins)
        return (hashes ^ hashes >> np.uint64(33)) * _SPREAD

    def are_digits(self) -> np.ndarray:
        """Tells of each whether it consists of digits, as `str.isdigit` does."""
        digits = self.codes <= ord("9")  # no other character of a token comes before it
        if (others := self.codes > 0x7F).any():
            codes, of = np.unique(self.codes[others], return_inverse=True)
            digits[others] = np.array([chr(code).isdigit() for code in codes.tolist()])[of]
        return np.logical_and.reduceat(digits, self.begins)


def find_tokens(found: Classified) -> Tokens:
    """Finds the tokens of a text; underscores alone are none, since a ruler repeats nothing."""
    joined, alone = found["joined"], found["alone"]
    opens = joined | alone
    (inside,) = opens.nonzero()
    opens[1:] &= ~joined[1:] | ~joined[:-1]
    tokens = _cut(found.codes[inside], opens[inside])
    if len(tokens) and not (says := np.logical_or.reduceat(tokens.codes != ord("_"), tokens.begins)).all():
        kept = np.repeat(says, tokens.lengths)
        tokens = _cut(tokens.codes[kept], opens[inside][kept])
    is_long = tokens.lengths > _LONGEST_WORD
    if is_long.any():
        opens = np.repeat(is_long, tokens.lengths)
        opens[tokens.begins] = True
        tokens = _cut(tokens.codes, opens)
    return tokens


def _cut(codes: np.ndarray, opens: np.ndarray) -> Tokens:
    bounds = np.empty(np.count_nonzero(opens) + 1, dtype=np.int64)
    bounds[:-1], bounds[-1] = opens.nonzero()[0], len(codes)
    return Tokens(codes, bounds[:-1], bounds[1:] - bounds[:-1])
