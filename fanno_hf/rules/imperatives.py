"""Requests told by lists of words: what a very small teacher writes is one only where it opens as they do.

"Describe how mosses drink."            ->  True: "describe" is a known imperative
"In two sentences, explain how …"       ->  True: a lead-in, then one
"The moss is green?"                    ->  False: a question mark, but no word that asks
"""

import re
from collections.abc import Mapping
from typing import Any

from fanno_hf.rules.languages import Languages
from fanno_hf.rules.phrases import compile_openings
from fanno_hf.texts.segment import words

_SENTENCE = re.compile(r"(?<=[.!?。！？:;])\s+|(?<=[。！？])")
# a question may have a colon inside: "What is the aim of 'Peat: a history'?"
_QUESTION_END = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])")
_QUESTION_MARKS = ("?", "？", "؟")
_MOST_LEAD_INS = 3


class Imperatives:
    """Knows the requests of the configuration keys `rules.imperatives`, `interrogatives` and `lead_ins`."""

    def __init__(self, config: Mapping[str, Any], languages: Languages):
        self._known, self._languages = config["imperatives"] or {}, languages
        self._openers = {word.casefold() for list_ in self._known.values() for word in list_}
        self._interrogatives = {
            word.casefold() for list_ in (config["interrogatives"] or {}).values() for word in list_
        }
        self._lead_in = compile_openings("rules.lead_ins", config["lead_ins"] or [])

    def refuse(self, instruction: str) -> bool:
        """Tells whether a text in a language with a list neither asks nor opens a sentence with an imperative."""
        for sentence in _QUESTION_END.split(instruction):
            if sentence.rstrip(" \"'”’»」)*").endswith(_QUESTION_MARKS) and self._asks(sentence):
                return False
        if any(self._opens_with_imperative(sentence) for sentence in _SENTENCE.split(instruction)):
            return False
        return not self._known.keys().isdisjoint(self._languages.guess(instruction))

    def _asks(self, sentence: str) -> bool:
        """Tells whether a sentence with "?" asks: in English, an interrogative opens it or follows a comma."""
        if self._languages.guess(sentence) != ("en",):
            return True
        parts = [words(part.casefold()) for part in re.split(r"[,:;–—-]\s", sentence)]
        return any(part and part[0] in self._interrogatives for part in parts) or "which" in words(sentence.casefold())

    def _opens_with_imperative(self, sentence: str) -> bool:
        text = sentence.strip().lstrip("¡¿\"'“„«*_(-•> ")
        for _ in range(_MOST_LEAD_INS):
            opening = words(text[:60].casefold())[:1]
            if opening and opening[0] in self._openers:
                return True
            lead_in = self._lead_in.match(text)
            if lead_in is None:
                return False
            text = text[lead_in.end() :]
        return False
