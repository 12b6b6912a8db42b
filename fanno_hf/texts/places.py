"""What the passages of a document are called: its source, the place in it, and a number where that does not tell them apart.

policy.pdf, page 12 from character 9,120 on, passages at 9,200 and 10,800  ->  "policy.pdf:page 12", "policy.pdf:page 12#2"
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def name_passages(source: str, starts: Sequence[int], places: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the `source` of each passage of a document.

    Args:
        starts: where each passage begins in the document, in characters.
        places: `start` and `name` of each, in order. With them the second passage that begins in a place has "#2" behind
            it, and so on; without any the passages are "#1", "#2" … where there are several.
    """
    if not places:
        return [source] if len(starts) == 1 else [f"{source}#{number}" for number in range(1, len(starts) + 1)]
    bounds = [place["start"] for place in places]
    names = [source, *(f"{source}:{place['name']}" for place in places)]
    found, seen = [], Counter()
    for start in starts:
        name = names[bisect_right(bounds, start)]
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found
