"""What a source gives: documents, and the files that it could get none from.

policy.pdf  ->  Document("1. About this manual …", "policy.pdf", "Debian Policy", ((0, "page 1"), (2210, "page 2"), …))
scan.pdf    ->  Unread("scan.pdf", "no_text_layer", " has no text layer: …")
"""

from dataclasses import dataclass
from typing import Any

from fanno_hf.texts.fit import clean

KIND, HIDDEN = "kind", "hidden"
"""Reasons for which a file is left out, rather than unread: nobody would expect text of it."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Attributes:
        text: a string; any other value is no text, and the row is rejected as empty.
        source: where it is from: a file below `data.path`, and the row or part in it, as "pages.jsonl:12".
        title: as the file has it, or "".
        places: (offset in characters, name) in ascending order: from there on the text is from that place.
    """

    text: Any
    source: str
    title: str = ""
    places: tuple[tuple[int, str], ...] = ()

    def as_row(self, position: int) -> dict[str, Any]:
        """Returns it with the columns of RAW_DOCUMENT; a text that is none is null."""
        return {
            "text": clean(self.text) if isinstance(self.text, str) else None,
            "source": self.source,
            "title": clean(self.title),
            "places": [{"start": start, "name": clean(name)} for start, name in self.places],
            "position": position,
        }


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a part of one, of which there is no text.

    Attributes:
        file: its name below `data.path`; a member of an archive behind a slash.
        reason: in snake_case, for counting.
        detail: goes on where "<file>" ends, as in ", line 2 is not JSON" or " has no text layer".
    """

    file: str
    reason: str
    detail: str


class Unreadable(Exception):
    """A reader's word that a file cannot be read on; `reason` and `detail` as in `Unread`. What came before it stays."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Row:
    """What a reader finds in a file: a row of a table, or a text.

    Attributes:
        value: an object of columns, or a string.
        place: within the file: the number of a row from 1 on, "" where it is the whole file.
        title, places: as in `Document`.
    """

    value: Any
    place: str = ""
    title: str = ""
    places: tuple[tuple[int, str], ...] = ()
