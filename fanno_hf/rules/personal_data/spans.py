"""Where personal data stands in a folded text: what each finder yields."""

from typing import NamedTuple


class Span(NamedTuple):
    """A piece of a folded text that is personal data."""

    start: int
    end: int
    value: str  # the same for the same data, however it is written
