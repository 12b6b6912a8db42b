"""Documents of which the text is known, and how much of it is found again.

KNOWN  ->  [Heading(1, "Fen carpet river"), Text("Moss stem bog …."), Items([…]), Code("python", […]), Table([[…], …]), …]
"""

import random
import re
from collections import Counter
from dataclasses import dataclass

_WORDS = [
    "moss",
    "fern",
    "lichen",
    "spore",
    "stem",
    "leaf",
    "root",
    "water",
    "stone",
    "forest",
    "river",
    "light",
    "shade",
    "winter",
    "summer",
    "grow",
    "dry",
    "wet",
    "wall",
    "roof",
    "bark",
    "soil",
    "sand",
    "peat",
    "bog",
    "fen",
    "carpet",
    "cushion",
    "capsule",
    "pollen",
    "meadow",
    "valley",
    "morning",
    "shadow",
    "branch",
    "timber",
    "gravel",
    "harbour",
    "window",
    "ladder",
    "copper",
    "silver",
]


@dataclass(frozen=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Items:
    items: list[str]
    is_numbered: bool = False


@dataclass(frozen=True)
class Code:
    language: str
    lines: list[str]


@dataclass(frozen=True)
class Table:
    rows: list[list[str]]


Part = Heading | Text | Items | Code | Table


def known(seed: int, sections: int = 4) -> list[Part]:
    """Returns a document with all that documents have."""
    draw = random.Random(seed)

    def words(count: int) -> str:
        return " ".join(draw.choice(_WORDS) for _ in range(count))

    def sentences(count: int) -> str:
        return " ".join(f"{words(draw.randint(8, 16)).capitalize()}." for _ in range(count))

    parts: list[Part] = [Heading(1, words(4).capitalize()), Text(sentences(4))]
    for number in range(sections):
        parts += [Heading(2, words(3).capitalize()), Text(sentences(5)), Text(sentences(3))]
        parts.append(Items([sentences(1) for _ in range(4)], is_numbered=number == 1))
        parts.append(Code("python", [f"def {words(1)}():", f'    return "{words(5)}"', "", f"print({number})"]))
        parts.append(Table([["name", "place", "size"], *([words(2), words(3), str(row)] for row in range(3))]))
        parts.append(Text(sentences(4)))
    return parts


def text_of(parts: list[Part]) -> str:
    """Returns the words of a document."""
    lines: list[str] = []
    for part in parts:
        if isinstance(part, (Heading, Text)):
            lines.append(part.text)
        elif isinstance(part, Items):
            marks = (f"{number}. " if part.is_numbered else "- " for number in range(1, 99))
            lines += [mark + item for mark, item in zip(marks, part.items, strict=False)]
        elif isinstance(part, Code):
            lines += part.lines
        else:
            lines += [" ".join(row) for row in part.rows]
    return "\n".join(lines)


def recall_and_precision(found: str, expected: str) -> tuple[float, float]:
    """Returns which share of five-word sequences of the expected text is found, and of the found one is expected."""
    ours, theirs = _sequences(found), _sequences(expected)
    shared = sum((ours & theirs).values())
    return shared / sum(theirs.values()), shared / max(1, sum(ours.values()))


def _sequences(text: str) -> Counter:
    words = re.findall(r"\w+", text.lower())
    return Counter(zip(*(words[place:] for place in range(5)), strict=False))
