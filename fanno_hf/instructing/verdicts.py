"""From one token and its log-probabilities to the probability that the answer is yes.

    top log-probabilities {"Yes": -0.2, " no": -1.9, "I": -4}  ->  0.845

The question is put so that *yes* always means "reject". A server without log-probabilities is read by its text, and a
reply that says neither is `None`: undecided.
"""

import math
import re
from collections.abc import Iterable

YES = frozenset({"yes", "y", "true", "1", "ja", "oui", "sí", "si"})
NO = frozenset({"no", "n", "false", "0", "nein", "non"})
_WORD = re.compile(r"\w+")


def _answer(token: str) -> str:
    # byte-level and sentencepiece tokenizers write the space before a word as Ġ or ▁
    word = _WORD.search(token.lstrip("Ġ▁ ").casefold())
    return word.group() if word else ""


def yes_probability(text: str, top_logprobs: Iterable[tuple[str, float]] | None) -> float | None:
    """Returns P(yes) / (P(yes) + P(no)) in [0, 1], or None when the reply says neither.

    Tokens such as " Yes", "yes" and "YES" are one answer: their probabilities are added. `top_logprobs` has the first token's
    alternatives with natural log-probabilities; where there are none the text decides, and the result is 0, 1 or None.
    """
    yes = sum(math.exp(logprob) for token, logprob in top_logprobs or () if _answer(token) in YES)
    no = sum(math.exp(logprob) for token, logprob in top_logprobs or () if _answer(token) in NO)
    if yes + no == 0.0:
        word = _answer(text)
        yes, no = float(word in YES), float(word in NO)
    return yes / (yes + no) if yes + no else None
