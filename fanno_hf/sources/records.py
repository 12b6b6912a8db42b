"""Where the records are in an object that is a whole file: the list, of those in it, whose elements hold the texts.

{"version": "1.1", "data": [{"title": "Moss", "paragraphs": [{"context": "Mosses have no roots …", "qas": […]}, …]}]}
    ->  records data[*].paragraphs[*], text column 'context'
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.sources.columns import Columns, columns_of, listed
from fanno_hf.sources.content import TEXT, Content
from fanno_hf.sources.json_path import EACH, Path, brief, select, show_path
from fanno_hf.sources.text_column import (
    KEY,
    PROSE,
    USUAL,
    TextColumn,
    column_path,
    is_usual,
    needs_join,
    pick,
    plain,
    wanted_column,
)
from fanno_hf.texts.fit import fit_to_show

_TURNS = ("messages", "conversations", "conversation", "dialog", "dialogue", "turns", "chat")
_DETAIL = 5  # times as many words a text has as one within its record that is a detail of it
_NAMED = 5  # candidates that an error lists
_KEYS = 20
_HEAD = 1_000  # records that are looked at


@dataclass(frozen=True, slots=True)
class Records:
    """Records in an object, and where their texts are."""

    path: Path
    column: TextColumn

    def words(self) -> str:
        """Returns in words where the texts are, and why there."""
        parts = [f"records {show_path(self.path)}"] if self.path else []
        if self.column.path:
            parts.append(f"text column {self.column.words}")
        return ", ".join(parts)

    def texts(self, row: Any) -> Iterator[str | None]:
        """Yields the text of each record, None where one has none."""
        for record in select(row, self.path) if self.path else (row,):
            yield self.column.text(record)


def find_records(value: Any, wanted: str | None, join: str | None, where: str = "") -> Records:
    """Returns where the texts are in an object that is a whole file: in itself, or in the records of a list in it.

    Raises:
        UserError: it has none, or more than one list may be meant; lists them with a sample.
    """
    columns = columns_of([value], maps=True)
    groups: dict[Path, Columns] = defaultdict(dict)
    for path, content in columns.items():
        group = _group(path, join is not None)
        groups[group][path[len(group) :]] = content
    if wanted:
        return _wanted(value, wanted, join, groups, where)
    found = {group: column for group, inner in groups.items() if (column := _pick(group, inner, join))}
    group = _meant(found, groups)
    if group is None:
        raise UserError(f"{where} {_unclear(columns, value)}")
    column = found[group]
    if EACH in column.path and join is None:
        raise UserError(f"{where} {needs_join((*group, *column.path), columns)}")
    return Records(group, column)


def _group(path: Path, joined: bool) -> Path:
    """Returns the path to the records that a column is one of; strings within a record are a column of it, if in a list."""
    each = [place for place, step in enumerate(path) if step is EACH]
    if each and each[-1] == len(path) - 1 and (joined or len(each) > 1):
        each.pop()
    return path[: each[-1] + 1] if each else ()


def _pick(group: Path, columns: Columns, join: str | None) -> TextColumn | None:
    found = pick(columns, join)
    if found and not found.path and found.strength < 2 and is_usual(group):
        return replace(found, why=USUAL, strength=2)
    return found


def _meant(found: dict[Path, TextColumn], groups: dict[Path, Columns]) -> Path | None:
    """Returns the path to the records, () for the object itself, None where more than one may be meant.

    What an object says of itself is the text only by a usual name, or where no list has any: a collection has a description.
    """
    words = {group: max((each.words for each in _texts(columns)), default=0.0) for group, columns in groups.items()}
    strength = {group: column.strength for group, column in found.items()}
    strong = [group for group, column in found.items() if column.strength > 1 and (group or column.why == USUAL)]
    strong += [group for group in groups if group and group not in found and words[group] >= PROSE]
    details = {
        group
        for group in strong
        for above in strong
        if len(above) < len(group)
        and group[: len(above)] == above
        and (words[group] * _DETAIL <= words[above] or strength.get(group, 3) < 3 == strength.get(above))
    }
    with_text = [group for group, most in words.items() if most and (group or group in found)]
    candidates = [group for group in strong if group not in details] or with_text
    if len(candidates) != 1 or candidates[0] not in found or _is_talk(candidates[0]):
        return None
    return candidates[0]


def _is_talk(group: Path) -> bool:
    return any(step in _TURNS for step in group)


def _texts(columns: Columns) -> list[Content]:
    return [content for content in columns.values() if content.kind == TEXT]


def _unclear(columns: Columns, value: Any) -> str:
    texts = sorted((path for path in columns if columns[path].kind == TEXT), key=lambda path: -columns[path].words)
    if not texts:
        keys = ", ".join(map(str, value)) if isinstance(value, dict) else "none"
        return f"has no text in it; its keys: {fit_to_show(keys, limit=200)}"
    if all(EACH not in path for path in texts):
        return f"has no text that can be told by its name or what is in it: set {KEY}. Columns: {listed(columns)}"
    some = listed({_shortest(path, value): columns[path] for path in texts[:_NAMED]})
    return (
        f"has more than one list of records, or of texts in them: set data.records to what is meant, as one of {some}"
    )


def _shortest(path: Path, value: Any) -> Path:
    """Returns a path without [*] where that leads to something, too."""
    short = brief(path)
    return short if any(item is not None for item in islice(select(value, short), _HEAD)) else path


def _wanted(value: Any, wanted: str, join: str | None, groups: dict[Path, Columns], where: str) -> Records:
    path = (wanted,) if isinstance(value, dict) and wanted in value else column_path(wanted)
    if isinstance(plain(value, path), str):
        return Records((), TextColumn(path, KEY, join=join))
    # a path from the top on, or one within the records of a list
    for group, columns in groups.items():
        if path[: len(group)] == group and path[len(group) :] in columns:
            return Records(group, TextColumn(path[len(group) :], KEY, join=join))
    lists = [group for group in groups if any(inner[: len(path)] == path for inner in groups[group])]
    lists = [group for group in lists if group.count(EACH) == min(other.count(EACH) for other in lists)]
    if len(lists) > 1:
        some = ", ".join(map(show_path, lists[:_NAMED]))
        raise UserError(f"{where} has '{wanted}' ({KEY}) in more than one list: set data.records to one of {some}")
    if not lists:
        names = [show_path((*group, *inner)) for group, columns in groups.items() for inner in columns]
        near = did_you_mean(
            wanted, [step for path in groups.values() for inner in path for step in inner if isinstance(step, str)]
        )
        raise UserError(f"{where} has no column '{wanted}' ({KEY}){near or '.'} It has: {', '.join(names[:_KEYS])}")
    records = list(islice(select(value, lists[0]), _HEAD)) if lists[0] else [value]
    return Records(lists[0], wanted_column(records, wanted, join, where))
