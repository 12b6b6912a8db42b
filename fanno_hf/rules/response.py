"""Rules for responses: drop what is empty, cut off, a refusal, a loop or only the question again."""

from collections.abc import Mapping
from typing import Any

from fanno_hf.columns import Reason
from fanno_hf.rules.phrases import compile_phrases
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.texts.segment import words


class ResponseRules:
    """The rules for responses, made from the configuration group `rules`; `min_words` of 1 keeps "Yes."."""

    def __init__(self, config: Mapping[str, Any], *, min_words: int):
        self._refusal = compile_phrases("rules.refusal", config["refusal"])
        self._refusal_within, self._repetition = config["refusal_within"], config["repetition"]
        self._min_words = min_words

    def reason(self, response: str, finish_reason: str, instruction: str = "") -> Reason | None:
        """Returns None to keep the response, else (reason, detail)."""
        found = words(response.casefold())
        if not found:
            return "empty", "no word in the response"
        if finish_reason == "length":
            return "truncated", f"cut off at max_tokens after {len(found)} words"
        # a refusal comes first; later the same words may be part of a story or a letter
        if match := self._refusal.search(response[: self._refusal_within]):
            return "refusal", " ".join(match.group().split())
        if len(found) < self._min_words:
            return "too_short", f"{len(found)} words"
        if set(found) <= set(words(instruction.casefold())) and len(found) > 3:
            return "repeats_instruction", "every word of the response is the instruction's"
        return repetition_reason(response, **self._repetition)
