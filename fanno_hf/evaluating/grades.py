"""From a judge's reply to a grade from 1 to 10, and from grades to the figures of a model.

    "8", top log-probabilities {"8": -0.4, "7": -1.2, "9": -3}   ->  7.72: what is to be expected
    "Mark: 8/10", no log-probabilities                           ->  8.0

A reply without a grade is `None`: undecided.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fanno_hf.evaluating.winrate import Interval, interval

LEAST, MOST = 1, 10
_NUMBER = r"\d+(?:[.,]\d{1,2})?(?!\d|[.,]\d)"
_SCALE = re.compile(r"(?<![\d.,])[01]\s*(?:[-–—]|to)\s*10(?![\d.,]\d|\d)")  # what is given of, no grade
_GRADE = re.compile(rf"(?<![\d.,/-])({_NUMBER})(?:\s*(?:(/|out of)|([-–—]|to\b))\s*({_NUMBER}))?")


def grade_of(text: str, top_logprobs: Iterable[tuple[str, float]] | None) -> float | None:
    """Returns the grade in [1, 10] that a reply gives, or None: it gives none, a range, or one of another scale.

    Where the text begins with a whole number as its grade, and the first token's alternatives are known, it is their expected value.
    A "1" that may begin a "10" counts as the text goes on; it counts for nothing where the text has another grade, and 10 is no token
    of its own. A grade such as 8.5 is more than its first token, and stays as it is.
    """
    said = _said(text)
    if said is None:
        return None
    begins = re.match(r"[^\w-]*(\d+)", text)
    alternatives = [(token.strip("Ġ▁ *`\"'\n"), math.exp(logprob)) for token, logprob in top_logprobs or ()]
    weights = {int(token): 0.0 for token, _ in alternatives if token.isdecimal() and LEAST <= int(token) <= MOST}
    for token, probability in alternatives:
        if token.isdecimal() and int(token) in weights:
            weights[int(token)] += probability
    if LEAST in weights and MOST not in weights:
        one = weights.pop(LEAST)
        if said in (LEAST, MOST):
            weights[int(said)] = one
    if not begins or said != int(begins[1]) or said not in weights:
        return said
    return sum(grade * weight for grade, weight in weights.items()) / sum(weights.values())


def _said(text: str) -> float | None:
    """Returns the first grade in a text: "8", "8.5", "8/10", "8 out of 10"; None for "8-9", "4/5", "80"."""
    found = _GRADE.search(_SCALE.sub(" ", text))
    if found is None:
        return None
    value, _, is_range, other = found.groups()
    if is_range or (other and float(other.replace(",", ".")) != MOST):
        return None
    grade = float(value.replace(",", "."))
    return grade if LEAST <= grade <= MOST else None


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
    interval: Interval | None  # of the mean, by bootstrap over questions
    turns: Mapping[int, float]  # turn -> mean
    categories: Mapping[str, float]  # category -> mean


def summarise(grades: Sequence[Grade], seed: Sequence[int], samples: int) -> Grades:
    """Returns the figures of a model; `samples` are drawn for the interval, by numpy's generator seeded with `seed`.

    The mean is over grades, as MT-Bench has it; questions are drawn with all their grades, so that the interval is of the same mean.
    """
    decided = [grade for grade in grades if grade.value is not None]
    by_question = _by(decided, "question").values()
    sums, counts = (np.array([of(values) for values in by_question], dtype=float) for of in (sum, len))
    return Grades(
        answers=len(grades),
        undecided=len(grades) - len(decided),
        mean=float(sums.sum() / counts.sum()) if decided else None,
        interval=interval(len(counts), lambda weights: weights @ sums / (weights @ counts), seed, samples),
        turns=_means(decided, "turn"),
        categories=_means(decided, "category"),
    )


def _means(grades: Sequence[Grade], name: str) -> dict:
    return {key: sum(values) / len(values) for key, values in _by(grades, name).items()}


def _by(grades: Sequence[Grade], name: str) -> dict:
    values: dict = {}
    for grade in grades:
        values.setdefault(getattr(grade, name), []).append(grade.value)
    return dict(sorted(values.items()))
