"""Which kind of instruction each document is asked for.

2 documents, 3 each, from all combinations of one task type, characteristic and style
    ->  [[(rewriting, several_steps, casual), …], [(advice, short, neutral), …]]
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from fanno_hf.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Tag:
    """One tag: `name` goes into the data, `text` into the prompt."""

    name: str
    text: str
    weight: float = 1.0  # how often it is asked for, next to the others of its kind


@dataclass(frozen=True)
class Combination:
    """One tag of each kind."""

    task_type: Tag
    characteristic: Tag
    style: Tag

    @property
    def weight(self) -> float:
        """How often it is dealt, next to the others."""
        return self.task_type.weight * self.characteristic.weight * self.style.weight


KINDS = {"task_types": "task_type", "characteristics": "characteristic", "styles": "style"}


def tag_pool(config: Mapping[str, Any]) -> list[Combination]:
    """Returns every combination of the tags in conf/tags, those aside that `forbidden` names.

    Raises:
        UserError: a list is empty, a tag has no name or text, a weight is not above 0, `forbidden` names what is no tag, or
            nothing is left; names the key.
    """
    lists = {kind: _tags(f"tags.{kind}", config.get(kind)) for kind in KINDS}
    forbidden = _forbidden(config.get("forbidden") or [], {KINDS[kind]: tags for kind, tags in lists.items()})
    pool = [Combination(*tags) for tags in product(*lists.values())]
    pool = [one for one in pool if not any(_matches(one, rule) for rule in forbidden)]
    if not pool:
        raise UserError("tags.forbidden leaves no combination of tags: take some of its entries away")
    return pool


def _tags(key: str, given: Any) -> list[Tag]:
    if not given:
        raise UserError(f"{key} is empty: give at least one tag with name and text")
    try:
        tags = [Tag(_text(tag["name"]), _text(tag["text"]), float(tag.get("weight", 1.0))) for tag in given]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise UserError(
            f"{key}: every tag needs a name and a text (in quotes where it looks like a number), and its weight is a number"
        ) from error
    for tag in tags:
        if not 1e-3 <= tag.weight <= 1e3:
            raise UserError(
                f"{key}: {tag.name} has weight {tag.weight:g}; give one from 0.001 to 1000, or take it out"
            )
    return tags


def _text(value: Any) -> str:
    """Returns a text; raises TypeError where it is none, as of `name: yes`: everything that reads a run counts on it."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _forbidden(rules: Any, tags: Mapping[str, Sequence[Tag]]) -> list[dict[str, list[str]]]:
    """Returns the rules as kind -> names; one name may stand without a list."""
    found = []
    if not isinstance(rules, list):
        raise UserError(f"tags.forbidden: {rules} is no list, as in [{{style: casual, …}}]")
    for rule in rules:
        if not isinstance(rule, Mapping) or not rule or set(rule) - set(tags):
            raise UserError(f"tags.forbidden: {rule} must name some of {', '.join(tags)}, as in {{style: casual, …}}")
        names = {kind: value if isinstance(value, list) else [value] for kind, value in rule.items()}
        for kind, chosen in names.items():
            known = [tag.name for tag in tags[kind]]
            for name in chosen:
                if name not in known:
                    raise UserError(f"tags.forbidden: {name} is no {kind}{did_you_mean(str(name), known)}")
        found.append(names)
    return found


def _matches(combination: Combination, rule: Mapping[str, Sequence[str]]) -> bool:
    return all(getattr(combination, kind).name in names for kind, names in rule.items())


def assign_tags(
    pool: Sequence[Combination], num_documents: int, per_document: int, rng: np.random.Generator
) -> list[list[Combination]]:
    """Deals the pool out: over all documents each combination is used as often as its weight says, give or take one, and
    none of a document's `per_document` (at most the whole pool) is there twice.
    """
    per_document, cards = min(per_document, len(pool)), _cards(pool, rng)
    dealt: list[list[Combination]] = []
    waiting: list[int] = []  # cards that were in the hand already: for the next document
    for _ in range(num_documents):
        hand: list[int] = []
        while len(hand) < per_document:
            place = next((i for i, card in enumerate(waiting) if card not in hand), None)
            card = next(cards) if place is None else waiting.pop(place)
            (waiting if card in hand else hand).append(card)
        dealt.append([pool[card] for card in hand])
    return dealt


def _cards(pool: Sequence[Combination], rng: np.random.Generator) -> Iterator[int]:
    """Yields places in the pool without end, each as often as its weight says.

    The copies of a card are due at times (k + u) / weight, k = 0, 1, …, each with a random u in [0, 1): with equal weights
    that is one shuffled deck after another.
    """
    weights = [combination.weight for combination in pool]
    due = [(float(rng.random()) / weight, card, 0) for card, weight in enumerate(weights)]
    heapq.heapify(due)
    while True:
        _, card, copies = due[0]
        yield card
        heapq.heapreplace(due, ((copies + 1 + float(rng.random())) / weights[card], card, copies + 1))


def named_tag(named: str, task_types: Mapping[str, str], asked: str) -> str:
    """Returns the task type that a teacher named: the one whose name or text it says, else its own words (at most 40
    characters); `asked` where it named none. `task_types`: name -> text.

    >>> [named_tag(words, {"code_help": "code to fix"}, "message") for words in ("Code to fix.", "A riddle", "")]
    ['code_help', 'a_riddle', 'message']
    """
    words = _plain(named)
    known = {_plain(said): name for name, text in task_types.items() for said in (name, text)}
    return known.get(words) or words.replace(" ", "_")[:40].strip("_") or asked


@lru_cache(1024)  # the task types are the same for every completion
def _plain(words: str) -> str:
    return " ".join("".join(ch if ch.isalnum() else " " for ch in words.casefold()).split())
