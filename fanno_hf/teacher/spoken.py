"""What stands in code is spoken of: a tag between backticks or in a fence opens and ends nothing.

Code("The tag `</think>` ends a thought.").holds(9)  ->  True
"""

import re
from bisect import bisect_left, bisect_right

_FENCE = re.compile("```")
_INLINE = re.compile(r"`[^`\n]{1,2000}`")


class Code:
    """Where the code of a text is. Any number of places is looked up in one reading."""

    def __init__(self, text: str):
        self._fences = [fence.start() for fence in _FENCE.finditer(text)]
        spans = [inline.span() for inline in _INLINE.finditer(text)]
        self._starts, self._ends = [start for start, _ in spans], [end for _, end in spans]

    def holds(self, place: int) -> bool:
        """Whether a place is in code. A fence that a thought opened and never closed makes no code of what is behind it."""
        before = bisect_left(self._fences, place)
        if before % 2 and (len(self._fences) - before) % 2:
            return True
        inline = bisect_right(self._starts, place) - 1
        return inline >= 0 and place < self._ends[inline]
