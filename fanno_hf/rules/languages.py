"""Which languages a text may be in, as far as the rules need to know: told by its script, else by its function words.

Languages({"en": ["the", "is"], "de": ["das", "ist"]}).guess("Das Moos ist feucht.")  ->  ("de",)
"""

from collections.abc import Mapping, Sequence

import regex

from fanno_hf.texts.segment import words

# Scripts, by the language that they tell; the rest is shared by languages, and only the Latin one is looked into.
_SCRIPTS = {
    "Latin": r"\p{Latin}",
    "ja": r"[\p{Hiragana}\p{Katakana}]",
    "zh": r"\p{Han}",
    "ko": r"\p{Hangul}",
    "ru": r"\p{Cyrillic}",
    "other": r"[\p{L}--[\p{Latin}\p{Hiragana}\p{Katakana}\p{Han}\p{Hangul}\p{Cyrillic}]]",
}
_LETTERS = {name: regex.compile(f"{letters}+", regex.V1) for name, letters in _SCRIPTS.items()}
_KANA_SHARE = 0.1  # Japanese has at least that much kana among its Han


class Languages:
    """Guesses languages, from lists of function words by language.

    Args:
        function_words: short frequent words of each language. A language without rules may be listed, so that its texts
            are not taken for another's.
        fallback: the language of a text of ASCII letters that no list claims; what several claim is the first one's then.
            None: such texts may be in any of those languages.
    """

    def __init__(self, function_words: Mapping[str, Sequence[str]], fallback: str | None):
        self._words = {name: frozenset(word.casefold() for word in list_) for name, list_ in function_words.items()}
        self._fallback = fallback

    def guess(self, text: str) -> tuple[str, ...]:
        """Returns the language of most of a text; several where they are as likely, none where its script is unknown."""
        letters = {name: sum(len(run) for run in pattern.findall(text)) for name, pattern in _LETTERS.items()}
        if letters["ja"] > _KANA_SHARE * letters["zh"]:
            letters["ja"] += letters.pop("zh")
        script = max(letters, key=letters.get)
        if script != "Latin":
            return () if script == "other" else (script,)
        return self._by_function_words(text)

    def _by_function_words(self, text: str) -> tuple[str, ...]:
        found = words(text.casefold())
        counts = {name: sum(word in list_ for word in found) for name, list_ in self._words.items()}
        most = max(counts.values(), default=0)
        best = tuple(name for name, count in counts.items() if count == most)
        if self._fallback is None:
            return best
        if most:
            return best[:1]
        return (self._fallback,) if text.isascii() else ()
