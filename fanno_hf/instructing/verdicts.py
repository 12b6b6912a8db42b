"""From a reply and its log-probabilities to the probability that each answer is yes.

    one question, top log-probabilities {"Yes": -0.2, " no": -1.9, "I": -4}  ->  [0.845]
    three questions, "1. no\\n2. no\\n3. yes"                                 ->  [0.0, 0.0, 1.0], or what the tokens say

The questions are put so that *yes* always means "reject". A server without log-probabilities is read by its text, and an
answer that says neither is `None`: undecided.
"""

import math
import re
from collections.abc import Iterable, Sequence

Alternatives = Sequence[tuple[str, float]]
"""What a token might have been: (token, natural log-probability)."""

YES = frozenset({"yes", "y", "true", "ja", "oui", "sí", "si"})
NO = frozenset({"no", "n", "false", "nein", "non"})
_WORD = re.compile(r"\w+")
# "1. no", "**2)** Yes", "(3) no", '"1": "no"'; '"advertisement": false' is found by its order instead
_NUMBERED = re.compile(r"(?<!\w)(\d{1,2})\W{1,8}(\w+)")


def _word(token: str) -> str:
    # byte-level and sentencepiece tokenizers write the space before a word as Ġ or ▁
    found = _WORD.search(token.lstrip("Ġ▁ ").casefold())
    return found.group() if found else ""


def is_answer(token: str) -> bool:
    """Whether a token says yes or no."""
    return _word(token) in YES or _word(token) in NO


def yes_probability(text: str, top_logprobs: Iterable[tuple[str, float]] | None) -> float | None:
    """Returns P(yes) / (P(yes) + P(no)) in [0, 1], or None when the reply says neither.

    Tokens such as " Yes", "yes" and "YES" are one answer: their probabilities are added. `top_logprobs` has the first token's
    alternatives with natural log-probabilities; where there are none the text decides, and the result is 0, 1 or None.
    """
    yes = sum(math.exp(logprob) for token, logprob in top_logprobs or () if _word(token) in YES)
    no = sum(math.exp(logprob) for token, logprob in top_logprobs or () if _word(token) in NO)
    if yes + no == 0.0:
        # the number of a numbered answer says nothing: "1. No"
        said = [word for word in _WORD.findall(text.casefold())[:2] if not word.isdigit()][:1]
        yes, no = float(said[:1] != [] and said[0] in YES), float(said[:1] != [] and said[0] in NO)
    return yes / (yes + no) if yes + no else None


def is_undecided(text: str, top_logprobs: Iterable[tuple[str, float]] | None) -> bool:
    """Whether a reply to one question or several answers none of them, in its text or by what its first token might have been."""
    numbered = any(is_answer(match[2]) for match in _NUMBERED.finditer(text.casefold()))
    return not numbered and yes_probability(text, top_logprobs) is None


def yes_probabilities(text: str, answers: Sequence[Alternatives] | None, count: int) -> list[float | None]:
    """Returns the probability of yes for each of `count` questions that were put together; None where it is undecided.

    Args:
        text: lines of a number and an answer; where there are no numbers, as many answers as questions in their order.
        answers: the alternatives of each token that says yes or no, in the order of the text (see `Completion.answers`).
    """
    words = [match for match in _WORD.finditer(text.casefold()) if match.group() in YES or match.group() in NO]
    # the same answers in the text and among the tokens, else nobody knows which token is which
    known = answers if answers is not None and len(answers) == len(words) else [None] * len(words)
    at = {
        match.start(): yes_probability(match.group(), alternatives)
        for match, alternatives in zip(words, known, strict=True)
    }
    found: list[float | None] = [None] * count
    for match in _NUMBERED.finditer(text.casefold()):
        place = int(match[1]) - 1
        if 0 <= place < count and found[place] is None:
            found[place] = at.get(match.start(2))
    if len(words) == count and all(probability is None for probability in found):
        return list(at.values())
    return found
