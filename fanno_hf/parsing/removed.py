"""Counts what is taken off a completion, so that nothing of it is lost without a trace.

removed.take("preamble", "Sure!\\n\\n")  ->  {"preamble": 5}
"""

from collections import Counter


class Removed(Counter[str]):
    """What was taken off, by kind: the number of characters, white space apart."""

    def take(self, kind: str, piece: str) -> None:
        """Counts a piece under a kind; a piece of white space only leaves no trace."""
        if size := solid(piece):
            self[kind] += size


def solid(text: str) -> int:
    """Returns the number of characters that are no white space."""
    return sum(map(len, text.split()))
