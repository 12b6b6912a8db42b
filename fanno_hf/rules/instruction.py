"""Rules for instructions, one reason each. The words and numbers they need are in conf/rules.

    "According to the passage, what are mosses?"  ->  ("refers_to_document", "According to the passage")
    "What do mosses know about rain?"             ->  None: kept ("now" is matched as a whole word only)

A profile of rules is a file in conf/rules: a check whose words or number are null there is not made.
To add a rule: one function `(text) -> detail or None`, one entry in `InstructionRules.checks`, one test row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from fanno_hf.columns import Reason
from fanno_hf.rules.imperatives import Imperatives
from fanno_hf.rules.languages import Languages
from fanno_hf.rules.material import Parts, introduces_data, read_whole, take_apart, without_conditions
from fanno_hf.rules.phrases import Phrases
from fanno_hf.rules.repeated import copied_run, folded, shared, taken
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.rules.statements import Statements
from fanno_hf.rules.template_tokens import TemplateTokens

_COLONS = (":", "：")
_FEW_WORDS = 3  # an input with as many beside a placeholder is a template to work on


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


class _Text:
    """A candidate as the checks see it; what several of them need is computed once."""

    def __init__(self, candidate: Candidate, rules: "InstructionRules"):
        self.candidate, self._rules = candidate, rules

    @cached_property
    def parts(self) -> Parts:
        """The instruction taken apart, or as a whole where the profile does not look at its own material."""
        instruction = self.candidate.instruction
        if not self._rules.own_material:
            return read_whole(instruction)
        return take_apart(instruction, self._rules.states_condition)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages that what is asked may be in."""
        return self._rules.languages.guess(self.parts.request)

    @cached_property
    def words(self) -> list[str]:
        """The folded words of what is asked."""
        return folded(self.parts.request)

    @cached_property
    def has_input(self) -> bool:
        """Tells whether there is an input that is more than "none"."""
        given = self.candidate.input.strip().strip(".").casefold()
        return bool(given) and given not in self._rules.empty_inputs


class InstructionRules:
    """The rules for instructions, made from the configuration group `rules`."""

    def __init__(self, config: Mapping[str, Any]):
        self._config = config
        names = ("refers_to_document", "time_relative", "talks_to_assistant", "missing_input")
        names += ("unfilled_template", "cut_off", "document_is_made", "conditions", "template_is_meant")
        self._phrases = {name: Phrases(f"rules.{name}", config[name]) for name in names}
        self.languages = Languages(config["function_words"], config["fallback_language"])
        self.own_material: bool = config["own_material"]
        self.empty_inputs = frozenset(config["empty_inputs"] or ())
        self._template_tokens = TemplateTokens(config)
        self._statements = Statements(config["statements"])
        self._imperatives = Imperatives(config, self.languages)
        self.checks = {
            "empty": self._empty,
            "truncated": self._truncated,
            "template_token": self._template_token,
            "unfilled_template": self._unfilled_template,
            "talks_to_assistant": partial(self._phrase, "talks_to_assistant"),
            "refers_to_document": self._refers_to_document,
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
        text = _Text(candidate, self)
        found = ((reason, check(text)) for reason, check in self.checks.items())
        return next(((reason, detail) for reason, detail in found if detail is not None), None)

    def states_condition(self, line: str) -> bool:
        """Tells whether a line of an instruction only says how it is to be done: "Max 50 words."."""
        return self._phrases["conditions"].search(line, ()) is not None

    def mentions_document(self, instruction: str, input_: str = "") -> bool:
        """Tells whether an instruction refers to a document that its reader does not see."""
        return self._refers_to_document(_Text(Candidate(instruction, input_), self)) is not None

    def _phrase(self, name: str, text: _Text) -> str | None:
        match = self._phrases[name].search(text.parts.request, text.languages)
        return " ".join(match.group().split()) if match else None

    def _empty(self, text: _Text) -> str | None:
        return None if folded(text.candidate.instruction) else "nothing is left of the completion"

    def _truncated(self, text: _Text) -> str | None:
        if text.candidate.finish_reason == "length":
            return "cut off at max_tokens"
        if text.parts.has_code or text.has_input:
            return None
        found = self._phrase("cut_off", text)
        return f"ends with: {found}" if found else None

    def _too_short(self, text: _Text) -> str | None:
        count = len(folded(text.candidate.instruction))
        return f"{count} words" if count < self._config["min_words"] and not self._brings_input(text) else None

    def _too_long(self, text: _Text) -> str | None:
        count = len(folded(text.candidate.instruction))
        return f"{count} words" if count > self._config["max_words"] else None

    def _brings_input(self, text: _Text) -> bool:
        return self.own_material and (text.has_input or text.parts.has_block or text.parts.has_quote)

    def _template_token(self, text: _Text) -> str | None:
        whole = f"{text.candidate.instruction}\n{text.candidate.input}"
        return self._template_tokens.find(whole, text.parts.request, text.languages)

    def _unfilled_template(self, text: _Text) -> str | None:
        request, given = text.parts.request, text.candidate.input.strip()
        if self._phrases["template_is_meant"].search(request, text.languages):
            return None
        phrases = self._phrases["unfilled_template"]
        match = phrases.search(request, text.languages)
        if match is None and (match := phrases.search(given, text.languages)):
            others = folded(given[: match.start()] + " " + given[match.end() :])
            match = match if len(others) < _FEW_WORDS else None
        return " ".join(match.group().split()) if match else None

    def _refers_to_document(self, text: _Text) -> str | None:
        brings_text = self.own_material and (text.has_input or text.parts.has_block)
        if brings_text or self._phrases["document_is_made"].search(text.parts.request, text.languages):
            return None
        return self._without_data("refers_to_document", text)

    def _missing_input(self, text: _Text) -> str | None:
        if text.has_input or text.parts.has_block or text.parts.has_quote or not self._config["missing_input"]:
            return None
        if text.candidate.instruction.rstrip().endswith(_COLONS):
            return "ends with a colon"
        return self._without_data("missing_input", text)

    def _without_data(self, name: str, text: _Text) -> str | None:
        """Returns the first match of a phrase that is not followed by what it points to."""
        request = text.parts.request
        for match in self._phrases[name].finditer(request, text.languages):
            rest = "\n".join(without_conditions(request[match.end() :].split("\n"), self.states_condition))
            if not (self.own_material and introduces_data(rest)):
                return " ".join(match.group().split())
        return None

    def _not_an_instruction(self, text: _Text) -> str | None:
        if self._config["imperatives"] and self._imperatives.refuse(text.candidate.instruction):
            return "neither a question nor an imperative"
        if text.has_input or text.parts.has_code or text.parts.has_quote:
            return None
        said = self._statements.find(text.parts.request, text.languages)
        return f"asks for nothing: {said[:80]}" if said else None

    def _repeats_counterexample(self, text: _Text) -> str | None:
        own, most = folded(text.candidate.instruction), self._config["max_repeated_words"]
        for other in text.candidate.counterexamples if most is not None else ():
            share = shared(own, folded(other))
            if share > most:
                return f"shares {share:.0%} of its words with: {other[:80]}"
        return None

    def _restates_tags(self, text: _Text) -> str | None:
        """Finds "Write a sentiment task.": a kind without a subject, whose longer words are mostly those of its tags."""
        most = self._config["max_tag_words"]
        if most is None or self._brings_input(text):
            return None
        own = [word for word in folded(text.candidate.instruction) if len(word) > 3]
        share = taken(own, [word for tag in text.candidate.tags for word in folded(tag)])
        return f"{share:.0%} of its words are its tags'" if share > most else None

    def _repeats_demonstration(self, text: _Text) -> str | None:
        """Finds an example of the prompt that a weak teacher gives back, with a few words changed."""
        own, most = folded(text.candidate.instruction), self._config["max_demonstration"]
        for other in text.candidate.demonstrations if most is not None else ():
            share = taken(own, folded(other))
            if share > most:
                return f"takes {share:.0%} of its words from: {other[:80]}"
        return None

    def _copies_document(self, text: _Text) -> str | None:
        size = self._config["max_copied_words"]
        if size is None:
            return None
        start, covered = copied_run(text.words, folded(text.candidate.document), size)
        most = self._config["max_copied_share"]
        return " ".join(text.words[start : start + size]) if covered > most * len(text.words) else None

    def _repetition(self, text: _Text) -> str | None:
        limits = self._config["repetition"]
        found = repetition_reason(text.parts.request, **limits) if limits else None
        return found[1] if found else None
