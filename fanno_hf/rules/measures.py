"""Small helpers that the rules for texts share, and the classes of characters that they count.

Classes(letter=r"\\p{L}", space=r"\\s").of("a moss").count("letter")  ->  5
"""

from functools import cached_property

import numpy as np
import regex


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def shorten(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def count_non_space(text: str) -> int:
    return sum(map(len, text.split()))


WHITE = r"\s\x1c-\x1f"
"""White space as `str.split` has it, within a class of the package `regex`."""
WORD_CHARACTER = r"[\p{L}\p{M}\p{N}]"
# Unicode has assigned no characters to other planes, but for private use: those are in no class.
_PLANES = np.concatenate([np.arange(0x40000, dtype="<u4"), np.arange(0xE0000, 0xE1000, dtype="<u4")])


def decode(codes: np.ndarray) -> str:
    """Returns the text of code points."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


class Classes:
    """Classes of characters, at most 32 that may overlap; numpy looks the characters of a text up in all of them at once.

    Args:
        patterns: for each name a regular expression of one character, in the syntax of the package `regex`, version 1.
    """

    def __init__(self, **patterns: str):
        self._patterns = patterns
        self.bits = {name: np.uint32(1 << place) for place, name in enumerate(patterns)}

    @cached_property
    def table(self) -> np.ndarray:
        """The bits of each code point, uint32; made when it is asked for first, which takes 0.1 s."""
        characters, bits = decode(_PLANES), np.zeros(len(_PLANES), dtype=np.uint32)
        for name, pattern in self._patterns.items():
            for match in regex.finditer(f"(?:{pattern})+", characters, regex.V1):
                bits[slice(*match.span())] |= self.bits[name]
        table = np.zeros(0x110000, dtype=np.uint32)
        table[_PLANES] = bits
        return table

    def of(self, text: str) -> "Classified":
        """Looks all characters of a text up; any text is allowed, lone surrogates included."""
        # indices of numpy's own type, which it looks up several times faster
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.intp)
        return Classified(codes, self.table.take(codes), self.bits)


class Classified:
    """The characters of a text, and the classes that each of them is in."""

    def __init__(self, codes: np.ndarray, found: np.ndarray, bits: dict[str, np.uint32]):
        self.codes, self._found, self._bits = codes, found, bits

    def __getitem__(self, name: str) -> np.ndarray:
        """Tells of each character whether it is in a class: bool, shape (n_characters,)."""
        return (self._found & self._bits[name]) != 0

    def count(self, name: str) -> int:
        """Counts the characters in a class."""
        return int(np.count_nonzero(self._found & self._bits[name]))


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where the runs of True in a mask begin and end.

    >>> runs(np.array([True, True, False, True]))
    (array([0, 3]), array([2, 4]))
    """
    padded = np.zeros(len(mask) + 2, dtype=bool)
    padded[1:-1] = mask
    (edges,) = (padded[1:] != padded[:-1]).nonzero()
    return edges[::2], edges[1::2]
