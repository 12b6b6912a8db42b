"""Which kind of instruction each document is asked for.

2 documents, 3 each, from 12 x 4 x 2 combinations
    ->  [[(closed_book_qa, creativity, question), …], [(code, critical_thinking, command), …]]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from fanno_hf.errors import UserError


@dataclass(frozen=True)
class Tag:
    """One tag: `name` goes into the data, `text` into the prompt."""

    name: str
    text: str


@dataclass(frozen=True)
class Combination:
    """One tag of each kind."""

    task_type: Tag
    characteristic: Tag
    style: Tag


KINDS = {"task_types": "task_type", "characteristics": "characteristic", "styles": "style"}


def tag_pool(config: Mapping[str, Sequence[Mapping[str, str]]]) -> list[Combination]:
    """Returns every combination of the tags in conf/tags.

    Raises:
        UserError: a list is empty or a tag has no name or text; names the key.
    """
    lists = []
    for kind in KINDS:
        if not config.get(kind):
            raise UserError(f"tags.{kind} is empty: give at least one tag with name and text")
        try:
            lists.append([Tag(str(tag["name"]), str(tag["text"])) for tag in config[kind]])
        except (KeyError, TypeError) as error:
            raise UserError(f"tags.{kind}: every tag needs a name and a text") from error
    return [Combination(*tags) for tags in product(*lists)]


def assign_tags(
    pool: Sequence[Combination], num_documents: int, per_document: int, rng: np.random.Generator
) -> list[list[Combination]]:
    """Deals the pool out like shuffled decks of cards: over all documents each combination is used equally often,
    give or take one, and none of a document's `per_document` (at most the whole pool) is there twice.
    """
    per_document = min(per_document, len(pool))
    dealt: list[list[Combination]] = []
    deck: list[int] = []
    for _ in range(num_documents):
        hand: list[int] = []
        while len(hand) < per_document:
            if not deck:
                deck = [int(card) for card in rng.permutation(len(pool))]
            # a card that is already in the hand goes to the next document instead
            place = next((i for i, card in enumerate(deck) if card not in hand), None)
            if place is None:
                deck = [*deck, *(int(card) for card in rng.permutation(len(pool)))]
                continue
            hand.append(deck.pop(place))
        dealt.append([pool[card] for card in hand])
    return dealt
