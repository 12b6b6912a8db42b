"""Rules for responses: drop what is empty, cut off, a refusal, a loop, only the question again
or an answer that names its background.

"D"                                        ->  None: kept, it may be what was asked for
"I'm sorry, but I can't help with that."   ->  ("refusal", "I can't help with that.")
"According to Background 1, …"             ->  ("mentions_background", "Background 1"): its reader saw none
"I can't help but love the sea."           ->  None: nobody refuses anything
"""

from collections.abc import Mapping
from typing import Any

import regex

from fanno_hf.columns import Reason
from fanno_hf.rules.languages import Languages
from fanno_hf.rules.material import take_apart
from fanno_hf.rules.phrases import Phrases, compile_openings
from fanno_hf.rules.repeated import folded
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.rules.template_tokens import TemplateTokens

# Letters, numbers, signs, emoji and brackets say something; a row of dots, dashes, stars or quotes does not.
_CONTENT = regex.compile(r"[\p{L}\p{N}\p{Sm}\p{Sc}\p{So}\p{Ps}?!%&@#/\\]")
_LEAST_REPEATED = 4  # words; a shorter answer may well be a word or two of the question


class ResponseRules:
    """The rules for responses, made from the configuration group `rules`; `min_words` of 1 keeps "Yes."."""

    def __init__(self, config: Mapping[str, Any], *, min_words: int):
        self._config, self._min_words = config, min_words
        self._languages = Languages(config["function_words"], config["fallback_language"])
        self._template_tokens = TemplateTokens(config)
        self._refusal = Phrases("rules.refusal", config["refusal"])
        self._background = Phrases("rules.mentions_background", config["mentions_background"])
        lead_ins = config["refusal_lead_ins"]
        self._lead_in = None if lead_ins is None else compile_openings("rules.refusal_lead_ins", lead_ins)

    def reason(self, response: str, finish_reason: str, instruction: str = "", input_: str = "") -> Reason | None:
        """Returns None to keep the response to an instruction and its input, else (reason, detail)."""
        if not _CONTENT.search(response):
            return "empty", "nothing but white space and punctuation"
        found = folded(response)
        if finish_reason == "length":
            return "truncated", f"cut off at max_tokens after {len(found)} words"
        if token := self._template_tokens.find(response, instruction, self._languages.guess(instruction)):
            return "template_token", token
        if refused := self._refused(response):
            return "refusal", refused
        if named := self._background.search(response, self._languages.guess(response)):
            return "mentions_background", " ".join(named.group().split())
        if len(found) < self._min_words and (found or self._min_words > 1):
            return "too_short", f"{len(found)} words"
        if len(found) >= _LEAST_REPEATED and self._repeats(found, folded(instruction), folded(input_)):
            return "repeats_instruction", "the response says what the instruction says"
        limits = self._config["repetition"]
        prose = take_apart(response).request if self._config["own_material"] else response
        return repetition_reason(prose, **limits) if limits else None

    def _refused(self, response: str) -> str | None:
        """Looks for a refusal at the beginning only: later the same words may be part of a story or a letter."""
        opening = response[: self._config["refusal_within"]]
        match = self._refusal.search(opening, self._languages.guess(opening))
        if match and self._lead_in and opening[: match.start()].strip():
            before = self._lead_in.match(opening)
            match = match if before and before.end() >= match.start() else None
        return " ".join(match.group().split()) if match else None

    def _repeats(self, found: list[str], instruction: list[str], input_: list[str]) -> bool:
        if self._config["repeats_by_words"]:
            return set(found) <= {*instruction, *input_}
        return found in (instruction, instruction + input_)
