"""Which column holds the text, when nobody said: one with a usual name, or the only one of prose.

{"id": 7, "body": "Mosses have no roots …"}                ->  ("body",), "usual name"
{"url": "https://moss.org", "abstract": "Mosses have …"}   ->  ("abstract",), "the only one of text"
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.sources.columns import Columns, columns_of, listed
from fanno_hf.sources.content import LABELS, TEXT
from fanno_hf.sources.json_path import EACH, Path, brief, parse_path, select, show_path
from fanno_hf.texts.fit import fit_to_show

USUAL_NAMES = ("text", "content", "document", "body", "passage", "page_content", "article", "markdown", "raw_content")
KEY = "data.text_column"
USUAL = "usual name"

PROSE = 8  # words on average, from which on a column is surely prose
_LEAST = 4  # words on average of a column that is taken for being longer than the others
_SHORTER = 3  # times that the others are shorter, at least
_ASIDE = 4, 12  # words that the others may have: so many, or a sixth of the longest's up to so many


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Where the text is in a row.

    Attributes:
        path: within the row; () where it is the text itself.
        why: it was chosen.
        strength: 3 for prose, 2 for a usual name, 1 for what is text at all.
        join: put between the strings where the path leads to several; None takes a string alone.
    """

    path: Path
    why: str
    strength: int = 3
    join: str | None = None

    @property
    def words(self) -> str:
        """Its name, and why it was chosen: "'body' (usual name)"."""
        return f"{fit_to_show(show_path(self.path), limit=60)!r} ({self.why})"

    def text(self, row: Any) -> str | None:
        """Returns the text of a row, None where there is none."""
        value = plain(row, self.path)
        if isinstance(value, str):
            return value
        if self.join is None:
            return None
        strings = [item for item in select(row, self.path) if isinstance(item, str)]
        return self.join.join(strings) if strings else None


def find_text_column(rows: Sequence[Any], wanted: str | None, join: str | None = None, where: str = "") -> TextColumn:
    """Returns the text column of a table.

    Args:
        rows: its first ones, objects of columns.
        wanted: the configured name of the column, or a path such as "document.text"; None finds it.
        join: put between strings where a column holds lists of them; None takes none that does.
        where: file or data set, for the message.

    Raises:
        UserError: there is no such column, several could be meant, or it holds lists; says which columns there are.
    """
    if wanted:
        return wanted_column(rows, wanted, join, where)
    columns = columns_of(rows)
    found = pick(columns, join)
    if found and EACH in found.path and join is None:
        each = "" if where else f"; in JSON, data.records={show_path(brief(found.path))} takes each by itself"
        raise UserError(f"{where} {needs_join(found.path, columns)}{each}")
    if found:
        return found
    also = " (and data.join, where it holds lists)" if any(EACH in path for path in columns) and join is None else ""
    raise UserError(
        f"{where} has no column of text that can be told by its name or what is in it: set {KEY}{also}. "
        f"Columns: {listed(columns)}"
    )


def joiner(join: str | None) -> str | None:
    """Returns `data.join` with the two signs that a shell lets nobody type."""
    return join.replace("\\n", "\n").replace("\\t", "\t") if join else join


def needs_join(path: Path, columns: Columns) -> str:
    """Returns what to do about a column that holds lists."""
    return (
        f"has its text in lists, in {listed({path: columns[path]})}: set data.join='\\n' and {KEY}={show_path(brief(path))} to put "
        "those of one row together"
    )


def plain(row: Any, path: Path) -> Any:
    """Returns what is at a path without [*]; None where there is nothing."""
    for step in path:
        if isinstance(row, dict):
            row = row.get(step)
        elif isinstance(row, list) and isinstance(step, int) and step < len(row):
            row = row[step]
        else:
            return None
    return row


def wanted_column(rows: Sequence[Any], wanted: str, join: str | None, where: str) -> TextColumn:
    """Returns the column that is named. Raises UserError where there is none, or it holds lists or objects."""
    objects = [row for row in rows if isinstance(row, dict)]
    path = (wanted,) if any(wanted in row for row in objects) else column_path(wanted)
    values = [plain(row, path) for row in rows]
    column = TextColumn(path, KEY, join=join)
    if any(isinstance(value, str) for value in values):
        return column
    if any(isinstance(item, str) for row in rows for item in select(row, path)):
        if join is not None:
            return column
        raise UserError(
            f"{where} has lists in '{wanted}' ({KEY}): set data.join, as in data.join='\\n', to put those of one row together"
        )
    if below := [(*path, *inner) for inner in columns_of(value for value in values if isinstance(value, dict))]:
        raise UserError(
            f"{where} has objects in '{wanted}' ({KEY}): name what is meant, as in {KEY}={show_path(below[0])}"
        )
    if any(value is not None for value in values) or any(path[0] in row for row in objects if len(path) == 1):
        return column  # of no text: its rows are told as empty
    names = list(dict.fromkeys(str(name) for row in objects for name in row))
    raise UserError(
        f"{where} has no column '{wanted}' ({KEY}){did_you_mean(wanted, names) or '.'} Columns: {', '.join(names) or 'none'}"
    )


def column_path(wanted: str) -> Path:
    """Returns the path to a column by its name; what is no path is a name."""
    try:
        return parse_path(wanted, KEY) or (wanted,)
    except UserError:
        return (wanted,)


def pick(columns: Columns, join: str | None) -> TextColumn | None:
    """Returns the column that holds the text, one of lists where no other does; None where that cannot be told."""
    single = {path: content for path, content in columns.items() if EACH not in path}
    found, in_lists = _pick(single), _pick({path: columns[path] for path in columns if path not in single})
    most = max((content.words for content in single.values()), default=0.0)
    if in_lists and (found.strength == 1 and in_lists.strength == 3 if found else most < PROSE):
        return replace(in_lists, why=f"{in_lists.why}, joined", join=join)
    return found


def _pick(columns: Columns) -> TextColumn | None:
    texts = {path: content for path, content in columns.items() if content.kind == TEXT}
    usual = [path for path in texts if is_usual(path)]
    for path in (
        _first_usual(texts),
        _only([path for path in usual if texts[path].words >= PROSE]),
        _longest(texts),
        _only(usual),
        _only(list(texts)),
    ):
        if path is None:
            continue
        why = USUAL if path in usual else f"the only one of {'prose' if len(texts) > 1 else 'text'}"
        return TextColumn(path, why, 3 if texts[path].words >= PROSE else 2 if why == USUAL else 1)
    labels = [path for path, content in columns.items() if content.kind == LABELS and is_usual(path)]
    return TextColumn(labels[0], USUAL, 1) if len(labels) == 1 and not texts else None


def _only(paths: list[Path]) -> Path | None:
    return paths[0] if len(paths) == 1 else None


def _first_usual(texts: Columns) -> Path | None:
    """Returns the first usual name of a column that is none within another, and not mostly blank while a later one is not."""
    tops = [path for path in texts if len(path) == 1 and is_usual(path)]
    named = sorted(tops, key=lambda path: USUAL_NAMES.index(path[0].lower()))
    most = max((texts[path].count for path in named), default=0)
    return next((path for path in named if 2 * texts[path].count >= most), None)


def is_usual(path: Path) -> bool:
    """Whether what is at a path has a usual name."""
    return next((step for step in reversed(path) if isinstance(step, str)), "").lower() in USUAL_NAMES


def _longest(texts: Columns) -> Path | None:
    """Returns the path of the only text that is long beside the others."""
    words = sorted(((content.words, path) for path, content in texts.items()), key=lambda item: -item[0])
    if len(words) < 2:
        return None
    (longest, path), (second, _) = words[:2]
    is_alone = _SHORTER * second <= longest and second <= max(_ASIDE[0], min(_ASIDE[1], longest / 6))
    return path if longest >= _LEAST and is_alone else None
