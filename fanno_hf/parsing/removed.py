"""Counts what is taken off a completion, so that nothing of it is lost without a trace.

removed.take("preamble", "Sure!\\n\\n")  ->  {"preamble": 5}
"""

from collections import Counter

from fanno_hf.rules.measures import count_non_space


class Removed(Counter[str]):
    """What was taken off, by kind: the number of characters, white space apart."""

    def take(self, kind: str, piece: str) -> None:
        """Counts a piece under a kind; a piece of white space only leaves no trace."""
        if size := count_non_space(piece):
            self[kind] += size
