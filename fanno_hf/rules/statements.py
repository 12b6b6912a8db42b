"""Texts that only say something: no question, no request. Told by closed classes of words, never by a list of verbs.

    "Mosses are small plants."            ->  True: a noun and an auxiliary
    "Mosses are small. Name three kinds." ->  False: the second sentence does not say anything
    "The best way to boil rice"           ->  False: no finite verb is known, so it may be a search

What cannot be told from such words alone ("Honey bees dance.") is no statement here: the teacher's verdicts are asked then.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.rules.phrases import Phrases
from fanno_hf.texts.segment import words

_QUESTION_MARK = re.compile("[?？؟]")
_NUMBERING = re.compile(r"^\s*(?:\(?\d{1,2}[.)]|[-*•#>]+)\s+")
_CLAUSE = re.compile(r"[,;:–—]\s")
_COLON = re.compile(r"[;:–—]\s")
_LONGEST_SUBJECT = 14  # words before the verb that are looked at


class Statements:
    """Finds statements in the languages of the configuration key `rules.statements`; in no language where it is null.

    Raises UserError with the key where a class of words is no list of them.
    """

    def __init__(self, config: Mapping[str, Mapping[str, Sequence[str]]] | None):
        languages = config or {}
        self._classes = {name: _Words(f"rules.statements.{name}", classes) for name, classes in languages.items()}
        self._whole = Phrases("rules.statements", {name: c.get("sentences", ()) for name, c in languages.items()})

    def find(self, request: str, languages: Sequence[str]) -> str | None:
        """Returns the first sentence of a text, one sentence a line, that consists of statements only, else None.

        A text that may be in several languages is not judged.
        """
        lines = request.split("\n")
        classes = self._classes.get(languages[0]) if len(languages) == 1 else None
        if classes is None or not request or _QUESTION_MARK.search(request) or classes.asks(lines):
            return None
        says = [bool(self._whole.search(line, languages)) or classes.says(line) for line in lines]
        return lines[0] if all(says) else None


class _Words:
    """The closed classes of one language, checked to be lists of words."""

    def __init__(self, key: str, classes: Mapping[str, Any]):
        if not isinstance(classes, Mapping):
            raise UserError(f"{key}: must be lists of words by class, not {classes!r}")
        for name, list_ in classes.items():
            if isinstance(list_, str) or not isinstance(list_, Sequence) or not all(isinstance(w, str) for w in list_):
                raise UserError(f"{key}.{name}: must be a list of words, not {list_!r}")

        def read(name: str) -> frozenset[str]:
            return frozenset(word.casefold() for word in classes.get(name, ()))

        self._pronouns, self._determiners, self._auxiliaries = map(read, ("pronouns", "determiners", "auxiliaries"))
        self._interrogatives, self._addresses = read("interrogatives"), read("addresses")
        self._links, self._prepositions = read("links"), read("prepositions")
        self._verb_endings = tuple(classes.get("verb_endings", ()))

    def asks(self, lines: Sequence[str]) -> bool:
        """Tells whether a clause opens with an interrogative, somebody is addressed, or something is to be done.

        "The customer wants a refund: draft a reply." has what is to be done behind its colon, a word before a determiner.
        """
        clauses = [words(clause.casefold()) for line in lines for clause in _CLAUSE.split(line)]
        if any(found and (found[0] in self._interrogatives or self._addresses & set(found)) for found in clauses):
            return True
        behind = [words(clause.casefold()) for line in lines for clause in _COLON.split(line)[1:]]
        known = self._pronouns | self._determiners | self._auxiliaries | self._prepositions | self._links
        articles = self._determiners - self._links
        return any(len(found) > 1 and found[0] not in known and found[1] in articles for found in behind)

    def says(self, sentence: str) -> bool:
        """Tells whether a sentence opens with its subject and has a finite verb that is known as one."""
        sentence = _NUMBERING.sub("", sentence)
        found = words(sentence.casefold())
        if found and found[0] in self._prepositions | self._links:  # "In 1494, the treaty divided …"
            _, _, sentence = sentence.partition(", ")
            found = words(sentence.casefold())
            if not found or found[0] not in self._determiners | self._pronouns:
                return False
        if len(found) < 3:
            return False
        if found[0] in self._pronouns:
            return True
        if found[0] not in self._determiners:
            return found[1] in self._auxiliaries
        return self._has_verb(found[1 : _LONGEST_SUBJECT + 2])

    def _has_verb(self, found: Sequence[str]) -> bool:
        """Looks for a finite verb behind the subject: an auxiliary, or "uses two" before any preposition."""
        in_subject = True
        for word, after in zip(found, [*found[1:], ""], strict=True):
            if word in self._links:  # "the animals that are": a relative clause says nothing
                return False
            if word in self._auxiliaries:
                return True
            in_subject = in_subject and word not in self._prepositions
            has_object = after.isdigit() or after in self._determiners - self._links
            if in_subject and self._verb_endings and word.endswith(self._verb_endings) and has_object:
                return True
        return False
