"""The table of an evaluation: a line a model, a column a figure, with its 95 % interval.

| model   | loss a token         | win rate, % | length-controlled, % | …
| base    | 2.61 (2.50 to 2.73)  | reference   | reference            | …
| student | 2.31 (2.20 to 2.43)  | 61.2 (…)    | 58.0 (…)             | …
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fanno_hf.output.markdown import code
from fanno_hf.output.table import table

_DIGITS = 9  # that table.json keeps: beyond them machines differ


@dataclass(frozen=True)
class Figure:
    """One cell."""

    value: float | None = None
    interval: Sequence[float] | None = None
    words: str = ""  # instead of a value

    def shown(self, scale: float, digits: int) -> str:
        """Returns the cell as text."""
        if self.value is None:
            return self.words
        text = f"{scale * self.value:.{digits}f}"
        if self.interval is None:
            return text
        low, high = (f"{scale * end:.{digits}f}" for end in self.interval)
        return f"{text} ({low} to {high})"

    def to_json(self) -> dict[str, Any]:
        """Returns what table.json keeps."""
        value = None if self.value is None else round(self.value, _DIGITS)
        ends = None if self.interval is None else [round(end, _DIGITS) for end in self.interval]
        found = {"value": value, "interval": ends, "words": self.words}
        return {key: value for key, value in found.items() if value not in (None, "")}


@dataclass(frozen=True)
class Column:
    """A figure of all models."""

    title: str
    scale: float = 1.0  # 100 for what is a share
    digits: int = 2


COLUMNS = {
    "loss_token": Column("loss a token", digits=3),
    "perplexity": Column("perplexity"),
    "loss_answer": Column("loss an answer", digits=3),
    "weighted": Column("win rate, %", 100, 1),
    "length_controlled": Column("length-controlled, %", 100, 1),
    "discrete": Column("wins and half the ties, %", 100, 1),
    "outcomes": Column("won / tied / lost"),
    "disagreeing": Column("orders disagree, %", 100, 1),
    "first_place": Column("first shown won, %", 100, 1),
    "undecided": Column("undecided", digits=0),
    "characters": Column("characters an answer", digits=0),
    "grade": Column("grade, 1 to 10"),
    "first_turn": Column("first turn"),
    "second_turn": Column("second turn"),
}
"""Figure -> its column, in order; a benchmark's column has its name and comes last."""

Line = Mapping[str, Figure]


def render(lines: Mapping[str, Line]) -> str:
    """Returns the lines of models as a Markdown table, without columns that no model has."""
    every = list(dict.fromkeys(name for line in lines.values() for name in line))
    names = [name for name in COLUMNS if name in every] + [name for name in every if name not in COLUMNS]
    columns = {name: COLUMNS.get(name, Column(f"{name}, %", 100, 1)) for name in names}
    rows = [
        (code(model), *(line.get(name, Figure()).shown(c.scale, c.digits) for name, c in columns.items()))
        for model, line in lines.items()
    ]
    return table(("model", *(column.title for column in columns.values())), rows)
