"""How much of a text repeats another one, in words; the words are those of `texts.segment`, folded.

copied_run(["how", "do", "mosses", "drink"], ["mosses", "drink", "rain"], 2)  ->  (2, 2): "mosses drink", and nothing else
"""

from collections.abc import Sequence

from fanno_hf.texts.segment import words


def folded(text: str) -> list[str]:
    """Returns the words of a text without regard to case."""
    return words(text.casefold())


def shared(one: Sequence[str], other: Sequence[str]) -> float:
    """Returns the Jaccard similarity of two texts' sets of words, in [0, 1]."""
    mine, theirs = set(one), set(other)
    return len(mine & theirs) / max(1, len(mine | theirs))


def taken(one: Sequence[str], other: Sequence[str]) -> float:
    """Returns the share of the first text's distinct words that the second one has too, in [0, 1]."""
    mine = set(one)
    return len(mine & set(other)) / max(1, len(mine))


def copied_run(own: Sequence[str], other: Sequence[str], size: int) -> tuple[int, int]:
    """Returns where the first run of `size` words that the other text has too begins, and how many words lie in such runs.

    The first is -1 where there is none. Takes linear time.
    """
    grams = {tuple(other[i : i + size]) for i in range(len(other) - size + 1)}
    first, covered, end = -1, 0, 0
    for i in range(len(own) - size + 1):
        if tuple(own[i : i + size]) in grams:
            first = i if first < 0 else first
            covered += i + size - max(end, i)
            end = i + size
    return first, covered
