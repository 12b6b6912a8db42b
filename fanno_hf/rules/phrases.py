"""Regular expressions that are configuration: compiled once; one that is malformed is named by its key.

compile_phrases("rules.x", ["now", "right now"]).search("nowhere")  ->  None: whole words only
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import regex

from fanno_hf.errors import UserError

ANY = "any"
"""The key of phrases that are held against texts in every language."""
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"


class Phrases:
    """Regular expressions by language, matched on whole words and without regard to case; `^` is the start of a line.

    Args:
        key: the configuration key, for messages.
        phrases: lists by language, those under "any" for texts in every language; a bare list is such a one, null none.

    Raises UserError with the key where one of them does not compile.
    """

    def __init__(self, key: str, phrases: Mapping[str, Sequence[str]] | Sequence[str] | None):
        if isinstance(phrases, Mapping):
            lists = {name: _compiled(f"{key}.{name}", tuple(list_)) for name, list_ in phrases.items() if list_}
        else:
            lists = {ANY: _compiled(key, tuple(phrases))} if phrases else {}
        self._compiled = lists

    def search(self, text: str, languages: Sequence[str]) -> re.Match[str] | None:
        """Returns a match of a phrase for texts in one of `languages`, else None."""
        return next(self.finditer(text, languages), None)

    def finditer(self, text: str, languages: Sequence[str]) -> Iterator[re.Match[str]]:
        """Yields the matches of the phrases for texts in `languages`, those for any language first."""
        for name in (ANY, *languages):
            if pattern := self._compiled.get(name):
                yield from pattern.finditer(text)


def compile_phrases(key: str, phrases: Sequence[str]) -> re.Pattern[str]:
    """Joins regular expressions into one that matches whole words, without regard to case.

    Raises UserError with the key where one of them does not compile, as the two below do.
    """
    # CJK has no spaces, so its phrases stand on their own; without regard to case, each character of it would be looked up
    letter = rf"[^\W{_CJK}]"
    return re.compile(rf"(?-i:(?<!{letter})){_any_of(key, phrases)}(?-i:(?!{letter}))", re.IGNORECASE | re.MULTILINE)


@lru_cache(maxsize=1024)  # each stage, and each window of one, makes them anew; `re` itself remembers 512
def _compiled(key: str, phrases: tuple[str, ...]) -> re.Pattern[str]:
    return compile_phrases(key, phrases)


def compile_openings(key: str, openings: Sequence[str]) -> re.Pattern[str]:
    """Joins regular expressions into one for `match`, without regard to case; it takes the white space behind too."""
    return re.compile(rf"{_any_of(key, openings)}\s*", re.IGNORECASE)


def compile_patterns(key: str, patterns: Sequence[str]) -> list[regex.Pattern[str]]:
    """Compiles regular expressions in the syntax of the package `regex`, without regard to case."""
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(regex.compile(pattern, regex.IGNORECASE))
        except regex.error as error:
            raise _malformed(key, pattern, error) from error
    return compiled


def _any_of(key: str, phrases: Sequence[str]) -> str:
    for phrase in phrases:
        try:
            re.compile(phrase)
        except re.error as error:
            raise _malformed(key, phrase, error) from error
    return f"(?:{'|'.join(phrases)})" if phrases else "(?!)"


def _malformed(key: str, pattern: str, error: Exception) -> UserError:
    return UserError(f"{key}: {pattern!r} is no regular expression ({error})")
