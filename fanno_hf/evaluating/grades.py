"""From a judge's reply to a grade from 1 to 10, and from grades to the figures of a model.

    "8", top log-probabilities {"8": -0.4, "7": -1.2, "9": -3}   ->  7.72: what is to be expected
    "Mark: 8/10", no log-probabilities                           ->  8.0

A reply without a grade is `None`: undecided.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fanno_hf.evaluating.winrate import Interval, interval, weighted_mean

LEAST, MOST = 1, 10
_NUMBER = re.compile(r"(?<![\d.,-])\d+(?:[.,]\d+)?(?![\d])")


def grade_of(text: str, top_logprobs: Iterable[tuple[str, float]] | None) -> float | None:
    """Returns the grade in [1, 10] that a reply gives, or None.

    Where the text begins with its grade, and the first token's alternatives are known, it is their expected value. A "1" that may
    begin a "10" counts as the text goes on; it counts for nothing where the text has another grade, and 10 is no token of its own.
    """
    said = next((float(number.replace(",", ".")) for number in _NUMBER.findall(text)), None)
    if said is None or not LEAST <= said <= MOST:
        return None
    alternatives = [(token.strip("Ġ▁ *`\"'\n"), math.exp(logprob)) for token, logprob in top_logprobs or ()]
    weights = {int(token): 0.0 for token, _ in alternatives if token.isdecimal() and LEAST <= int(token) <= MOST}
    for token, probability in alternatives:
        if token.isdecimal() and int(token) in weights:
            weights[int(token)] += probability
    if LEAST in weights and MOST not in weights:
        one = weights.pop(LEAST)
        if said in (LEAST, MOST):
            weights[int(said)] = one
    begins = re.match(r"\W*(\d+)", text)
    if not begins or int(begins[1]) not in weights:
        return said
    return sum(grade * weight for grade, weight in weights.items()) / sum(weights.values())


@dataclass(frozen=True)
class Grade:
    """What one answer of a model got."""

    question: str  # its id
    category: str
    turn: int  # 1 or 2
    value: float | None  # None: undecided


@dataclass(frozen=True)
class Grades:
    """The figures of one model; means in [1, 10], None where nothing was decided."""

    answers: int
    undecided: int
    mean: float | None
    interval: Interval | None  # by bootstrap over questions
    turns: Mapping[int, float]  # turn -> mean
    categories: Mapping[str, float]  # category -> mean


def summarise(grades: Sequence[Grade], seed: Sequence[int], samples: int) -> Grades:
    """Returns the figures of a model; `samples` are drawn for the interval, by numpy's generator seeded with `seed`."""
    decided = [grade for grade in grades if grade.value is not None]
    by_question = _means(decided, "question")
    return Grades(
        answers=len(grades),
        undecided=len(grades) - len(decided),
        mean=sum(grade.value for grade in decided) / len(decided) if decided else None,
        interval=interval(len(by_question), weighted_mean(list(by_question.values())), seed, samples),
        turns=_means(decided, "turn"),
        categories=_means(decided, "category"),
    )


def _means(grades: Sequence[Grade], name: str) -> dict:
    values: dict = {}
    for grade in grades:
        values.setdefault(getattr(grade, name), []).append(grade.value)
    return {key: sum(found) / len(found) for key, found in sorted(values.items())}
