"""The shingles of a text as strings: what the hashes of `hash_shingles` stand for."""

from fanno_hf.texts.segment import words
from fanno_hf.texts.shingles import normalise


def shingles(text: str, ngram: int = 3) -> set[str]:
    """Returns the word n-grams of a normalised text, punctuation left out.

    A text of fewer than `ngram` words is one shingle, the whole of it.
    """
    found = words(normalise(text))
    if len(found) < ngram:
        return {" ".join(found) or normalise(text)}  # a text of punctuation alone still differs from others
    return set(map(" ".join, zip(*(found[i:] for i in range(ngram)), strict=False)))
