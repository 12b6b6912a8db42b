"""The columns of rows, however deep they lie in them.

[{"id": 7, "row": {"text": "Moss", "tags": ["a", "b"]}}]  ->  ("id",), ("row", "text"), ("row", "tags", EACH)
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from fanno_hf.sources.content import EMPTY, TEXT, Content, content_of
from fanno_hf.sources.json_path import EACH, Path, Step, show_path
from fanno_hf.texts.fit import fit_to_show

_DEEPEST = 12
_KEYS = 1_000  # of an object that are looked at
_ELEMENTS = (200, 20, 10, 5)  # of a list, of a list in it, …
_PATHS = 5_000
_LISTED = 12
_SHOWN = 60  # characters of a sample

Columns = dict[Path, Content]


def columns_of(rows: Iterable[Any], maps: bool = False) -> Columns:
    """Returns what is at each path to a value that is no list and no object.

    Args:
        maps: an object of objects that are alike is a list of them, its keys their names.
    """
    found: dict[Path, list[str]] = {}
    for row in rows:
        _gather(row, (), maps, found)
    return {path: content_of(strings) for path, strings in found.items()}


def _gather(value: Any, path: Path, maps: bool, found: dict[Path, list[str]]) -> None:
    if not isinstance(value, Mapping | list):
        if path in found or len(found) < _PATHS:
            strings = found.setdefault(path, [])
            if isinstance(value, str):
                strings.append(value)
        return
    if len(path) == _DEEPEST:
        return
    for step, item in _steps(value, path, maps):
        _gather(item, (*path, step), maps, found)


def _steps(value: Mapping[str, Any] | list[Any], path: Path, maps: bool) -> Iterable[tuple[Step, Any]]:
    if isinstance(value, list):
        if path[-1:] in ((), (EACH,)) and _is_row(value):
            return enumerate(value[:_KEYS])
        items = value
    elif _is_list(value) or (maps and _is_map(value)):
        items = list(value.values())
    else:
        return islice(value.items(), _KEYS)
    return ((EACH, item) for item in items[: _ELEMENTS[min(path.count(EACH), len(_ELEMENTS) - 1)]])


def _is_list(value: Mapping[str, Any]) -> bool:
    """Whether an object is a column as pandas writes it: {"0": …, "1": …}."""
    return "0" in value and all(key == str(place) for place, key in enumerate(value))


def _is_row(value: list[Any]) -> bool:
    """Whether a list has the fields of a row, and not several of a kind."""
    kinds = {type(item) for item in value} - {type(None)}
    return len(kinds) > 1 and not kinds & {list, dict}


def _is_map(value: Mapping[str, Any]) -> bool:
    items = list(value.values())[: _ELEMENTS[0]]
    if len(items) < 2 or not all(isinstance(item, Mapping) and item and not _is_list(item) for item in items):
        return False
    keys = [set(item) for item in items]
    return 2 * len(set.intersection(*keys)) >= len(set.union(*keys))


def listed(columns: Columns) -> str:
    """Returns columns with a sample of each: "title ('Moss'), url (addresses: 'https://moss.org')"."""
    some = ", ".join(described(path, content) for path, content in list(columns.items())[:_LISTED])
    return (some or "none") + (f", … ({len(columns)} in all)" if len(columns) > _LISTED else "")


def described(path: Path, content: Content) -> str:
    """Returns a column with a sample of it."""
    name = fit_to_show(show_path(path), limit=_SHOWN)
    if content.kind == EMPTY:
        return name
    kind = "" if content.kind == TEXT else f"{content.kind}: "
    return f"{name} ({kind}{fit_to_show(content.sample, limit=_SHOWN)!r})"
