"""Turns texts into words, and words into the n-grams that duplicates are compared by.

"The cat sat, too."  ->  words the, cat, sat, too  ->  shingles "the cat sat", "cat sat too", each a 64-bit hash
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from rensa import RMinHash

from fanno_hf.texts.segment import words

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying loses nothing
# A word of ASCII text is a run of letters, digits and underscores; everything else becomes a space.
_ASCII_WORDS = bytes(ord(chr(c).lower()) if chr(c).isalnum() or c == ord("_") else ord(" ") for c in range(128))
_ASCII_WORDS += bytes(128)


@lru_cache(maxsize=64)  # asked for twice: for what texts are equal by, and for their words
def normalise(text: str) -> str:
    """Returns the form in which exact duplicates are equal: NFKC, case folded, runs of whitespace one space.

    >>> normalise(" Ｆｕｌｌ  Straße\\n")
    'full strasse'
    """
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split())


def split_words(text: str) -> list[bytes]:
    """Returns the words of a normalised text, punctuation left out, in UTF-8.

    Each character of a script without spaces is a word. This is `words(normalise(text))`, without a regular expression
    where the text is ASCII.

    >>> split_words("The cat sat, too.")
    [b'the', b'cat', b'sat', b'too']
    """
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS).split()
    return " ".join(words(normalise(text))).encode("utf-8", "surrogatepass").split()


def hash_words(tokens: list[bytes]) -> np.ndarray:
    """Returns a hash of each word: uint64, shape (n_words,), the same in every process."""
    hashes = np.fromiter(RMinHash.hash_token_sets([tokens])[0], dtype=np.uint64, count=len(tokens))
    # some bits of rensa's hash are not random enough; the finaliser of MurmurHash3 (Appleby 2011), shortened, spreads them
    hashes ^= hashes >> np.uint64(33)
    hashes *= np.uint64(0xFF51AFD7ED558CCD)
    hashes ^= hashes >> np.uint64(33)
    return hashes


def hash_shingles(texts: Sequence[str], ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes the shingles of many texts at once; all their words are held at once.

    Two different shingles have the same hash with a probability of about 2**-64. Returns the hashes (uint64), text by text,
    a shingle as often as it occurs; and the offsets (int64, shape (n_texts + 1,)): those of text i are
    hashes[offsets[i] : offsets[i + 1]], at least one.
    """
    tokens: list[bytes] = []
    bounds = np.zeros(len(texts) + 1, dtype=np.int64)
    for index, text in enumerate(texts):
        found = split_words(text)
        if len(found) < ngram:  # padded with empty words: one shingle, unlike any other
            whole = b" ".join(found) or normalise(text).encode("utf-8", "surrogatepass")
            found = [whole, *[b""] * (ngram - 1)]
        tokens += found
        bounds[index + 1] = len(tokens)
    of_words = hash_words(tokens)
    size = max(0, len(tokens) - ngram + 1)
    hashes = of_words[:size].copy()
    for shift in range(1, ngram):
        hashes = hashes * MULTIPLIER + of_words[shift : shift + size]
    inside = np.ones(size, dtype=bool)
    inside[bounds[1:-1, None] - np.arange(1, ngram)] = False  # these would reach into the next text
    return hashes[inside], bounds - np.arange(len(bounds)) * (ngram - 1)
