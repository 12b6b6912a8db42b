"""From a judge's reply to the probability that the first of two answers is the better one.

    labels A and B, top log-probabilities {"A": -0.2, " b": -1.9, "The": -4}   ->  0.846
    no log-probabilities, "**B** is better"                                    ->  0.0

A reply that names neither label, or both, is `None`: undecided.
"""

import math
import re
from collections.abc import Iterable, Sequence

Alternatives = Iterable[tuple[str, float]]
"""What a token might have been: (token, natural log-probability)."""

_WORD = re.compile(r"\w+")
_LEAST = 0.01  # share of the probability that the labels must have, or the judge says something else
_CERTAIN, _TIMES = (
    0.5,
    10.0,
)  # share of one label, or its ratio to what the other may have, from which on the other counts as 0


def first_probability(text: str, top_logprobs: Alternatives | None, labels: Sequence[str]) -> float | None:
    """Returns P(first label) / (P(first) + P(second)) in [0, 1], or None where the reply says neither.

    Tokens such as " A", "a" and "**A" are one label: their probabilities are added. Where there are no log-probabilities, or they do
    not tell the labels apart, the text decides: 0, 1 or None.
    """
    shares = [(token, math.exp(logprob)) for token, logprob in top_logprobs or ()]
    first, second = (sum(share for token, share in shares if _is_label(token, label)) for label in labels)
    if not _tell(first, second, [share for _, share in shares]):
        said = _said(text, labels)
        first, second = float(said == labels[0]), float(said == labels[1])
    return first / (first + second) if first + second else None


def _tell(first: float, second: float, shares: Sequence[float]) -> bool:
    """Whether the shares of the labels are a verdict: they are more than noise, and one that is not listed can have next to none."""
    if first and second:
        return first + second >= _LEAST
    unlisted = max(0.0, min(*shares, 1.0 - sum(shares))) if shares else 1.0
    found = first + second
    return found > _CERTAIN or found >= max(_LEAST, _TIMES * unlisted)


def _is_label(token: str, label: str) -> bool:
    # byte-level and sentencepiece tokenizers write the space before a word as Ġ or ▁
    words = _WORD.findall(token.lstrip("Ġ▁ "))
    return len(words) == 1 and words[0].casefold() == label.casefold()


def _said(text: str, labels: Sequence[str]) -> str | None:
    """Returns the label that a text begins with, else the only one that it names; None where there is none."""
    words = _WORD.findall(text)
    if not words:
        return None
    if len(words) == 1:
        return next((label for label in labels if words[0].casefold() == label.casefold()), None)
    named = [label for label in labels if label in words]
    # "A good answer is B": a letter at the beginning may be an article
    return named[0] if len(named) == 1 else None
