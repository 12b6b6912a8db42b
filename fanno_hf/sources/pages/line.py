"""One line of a page."""

from dataclasses import dataclass


@dataclass(slots=True)
class Line:
    """A line as it stands on a page, in points from the lower left corner.

    Attributes:
        text: of the line; a soft hyphen at its end says that a hyphen there may be none of the word's own.
        left, right: where it begins and ends.
        bottom: its baseline.
        size: of its letters.
        is_code: whether it is in a monospaced typeface.
    """

    text: str
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    size: float = 10.0
    is_code: bool = False

    @property
    def letter(self) -> float:
        """The mean width of a letter."""
        return (self.right - self.left) / max(1, len(self.text))
