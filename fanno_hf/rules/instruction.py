"""Rules for instructions, one reason each. The words and numbers they need are in conf/rules.

    "According to the passage, what are mosses?"  ->  ("refers_to_document", "According to the passage")
    "What do mosses know about rain?"             ->  None: kept ("now" is matched as a whole word only)

To add a rule: one function `(candidate) -> detail or None`, one entry in `InstructionRules.checks`, one test row.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fanno_hf.columns import Reason
from fanno_hf.rules.phrases import compile_openings, compile_phrases
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.texts.segment import words

_SENTENCE = re.compile(r"(?<=[.!?。！？:;])\s+|(?<=[。！？])")
# a question may have a colon inside: "What is the aim of 'Peat: a history'?"
_QUESTION_END = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])")
_QUESTION_MARKS = ("?", "？", "؟")


@dataclass(frozen=True)
class Candidate:
    """What the rules look at: the parsed completion and what it must not repeat."""

    instruction: str
    input: str = ""
    document: str = ""
    counterexamples: Sequence[str] = ()
    finish_reason: str = "stop"
    demonstrations: Sequence[str] = ()
    tags: Sequence[str] = ()


def _folded(text: str) -> list[str]:
    return words(text.casefold())


class InstructionRules:
    """The rules for instructions, made from the configuration group `rules`."""

    def __init__(self, config: Mapping[str, Any]):
        self._config = config
        self._phrases = {
            name: compile_phrases(f"rules.{name}", config[name])
            for name in ("refers_to_document", "time_relative", "talks_to_assistant", "missing_input")
        }
        self._lead_in = compile_openings("rules.lead_ins", config["lead_ins"])
        self._openers = {word.casefold() for words_ in config["imperatives"].values() for word in words_}
        self._interrogatives = {word.casefold() for words_ in config["interrogatives"].values() for word in words_}
        self.checks = {
            "empty": self._empty,
            "truncated": self._truncated,
            "talks_to_assistant": partial(self._phrase, "talks_to_assistant"),
            "refers_to_document": partial(self._phrase, "refers_to_document"),
            "time_relative": partial(self._phrase, "time_relative"),
            "not_an_instruction": self._not_an_instruction,
            "too_short": self._too_short,
            "too_long": self._too_long,
            "missing_input": self._missing_input,
            "repeats_counterexample": self._repeats_counterexample,
            "restates_tags": self._restates_tags,
            "repeats_demonstration": self._repeats_demonstration,
            "copies_document": self._copies_document,
            "repetition": self._repetition,
        }

    def reason(self, candidate: Candidate) -> Reason | None:
        """Returns None to keep the instruction, else (reason, detail) of the first rule that objects."""
        found = ((reason, check(candidate)) for reason, check in self.checks.items())
        return next(((reason, detail) for reason, detail in found if detail is not None), None)

    def _phrase(self, name: str, candidate: Candidate) -> str | None:
        match = self._phrases[name].search(candidate.instruction)
        return " ".join(match.group().split()) if match else None

    def _empty(self, candidate: Candidate) -> str | None:
        return None if _folded(candidate.instruction) else "nothing is left of the completion"

    def _truncated(self, candidate: Candidate) -> str | None:
        return "cut off at max_tokens" if candidate.finish_reason == "length" else None

    def _missing_input(self, candidate: Candidate) -> str | None:
        if candidate.input:
            return None
        if candidate.instruction.rstrip().endswith((":", "：")):
            return "ends with a colon"
        # "Translate this sentence: 'Moss is green.'" carries its input in quotes
        carried = re.search(r"[:：]\s*\S.{15,}$|[\"“„«「`'‘].{12,}[\"”“»」`'’]", candidate.instruction)
        return None if carried else self._phrase("missing_input", candidate)

    def _not_an_instruction(self, candidate: Candidate) -> str | None:
        """Looks for a question, or a sentence that opens with an imperative; languages without a list are not judged."""
        for sentence in _QUESTION_END.split(candidate.instruction):
            if sentence.rstrip(" \"'”’»」)*").endswith(_QUESTION_MARKS) and self._asks(sentence):
                return None
        if any(self._opens_with_imperative(sentence) for sentence in _SENTENCE.split(candidate.instruction)):
            return None
        language = self._language(candidate.instruction)
        if language is None or language not in self._config["imperatives"]:
            return None
        return "neither a question nor an imperative"

    def _asks(self, sentence: str) -> bool:
        """Tells whether a sentence with a question mark asks: an English one must open with an interrogative, or after a comma."""
        if self._language(sentence) != "en":
            return True
        parts = [_folded(part) for part in re.split(r"[,:;–—-]\s", sentence)]
        return any(part and part[0] in self._interrogatives for part in parts) or "which" in _folded(sentence)

    def _opens_with_imperative(self, sentence: str) -> bool:
        text = sentence.strip().lstrip("¡¿\"'“„«*_(-•> ")
        for _ in range(3):
            opening = _folded(text[:60])[:1]
            if opening and opening[0] in self._openers:
                return True
            lead_in = self._lead_in.match(text)
            if lead_in is None:
                return False
            text = text[lead_in.end() :]
        return False

    def _language(self, text: str) -> str | None:
        """Returns the language whose function words are most frequent, None when no list has any in the text."""
        found = _folded(text)
        if sum(ch.isascii() for ch in text) < 0.6 * len(text):
            return None
        counts = {
            name: sum(word in set(list_) for word in found) for name, list_ in self._config["function_words"].items()
        }
        best = max(counts, key=counts.get, default=None)
        # no function word at all, plain letters: a fragment like "Mosses, damp places" is judged as English
        return best if best and counts[best] else ("en" if text.isascii() else None)

    def _too_short(self, candidate: Candidate) -> str | None:
        count = len(_folded(candidate.instruction))
        return f"{count} words" if count < self._config["min_words"] else None

    def _too_long(self, candidate: Candidate) -> str | None:
        count = len(_folded(candidate.instruction))
        return f"{count} words" if count > self._config["max_words"] else None

    def _repeats_counterexample(self, candidate: Candidate) -> str | None:
        own = set(_folded(candidate.instruction))
        for other in candidate.counterexamples:
            theirs = set(_folded(other))
            share = len(own & theirs) / max(1, len(own | theirs))
            if share > self._config["max_repeated_words"]:
                return f"shares {share:.0%} of its words with: {other[:80]}"
        return None

    def _restates_tags(self, candidate: Candidate) -> str | None:
        """Finds "Write a sentiment task.": a kind without a subject, whose longer words are mostly those of its tags."""
        tags = {word for tag in candidate.tags for word in _folded(tag)}
        own = {word for word in _folded(candidate.instruction) if len(word) > 3}
        share = len(own & tags) / max(1, len(own))
        return f"{share:.0%} of its words are its tags'" if share > self._config["max_tag_words"] else None

    def _repeats_demonstration(self, candidate: Candidate) -> str | None:
        """Finds an example of the prompt that a weak teacher gives back, with a few words changed."""
        own = set(_folded(candidate.instruction))
        for other in candidate.demonstrations:
            share = len(own & set(_folded(other))) / max(1, len(own))
            if share > self._config["max_demonstration"]:
                return f"takes {share:.0%} of its words from: {other[:80]}"
        return None

    def _copies_document(self, candidate: Candidate) -> str | None:
        size = self._config["max_copied_words"]
        own, theirs = _folded(candidate.instruction), _folded(candidate.document)
        grams = {tuple(theirs[i : i + size]) for i in range(len(theirs) - size + 1)}
        for i in range(len(own) - size + 1):
            if tuple(own[i : i + size]) in grams:
                return " ".join(own[i : i + size])
        return None

    def _repetition(self, candidate: Candidate) -> str | None:
        found = repetition_reason(candidate.instruction, **self._config["repetition"])
        return found[1] if found else None
