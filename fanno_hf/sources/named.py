"""Texts that a run is held against: earlier runs and data sets it must not repeat, benchmarks it must not contain.

"runs/last-month"                                   the passages that run kept
"bench/*.jsonl"                                     a file, a folder or a glob
"openai/gsm8k"                                      a data set on the Hub
{name: openai/gsm8k, config: main, split: test}     the same, said exactly
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.sources.document import Document
from fanno_hf.sources.files import FileSource
from fanno_hf.sources.hub import HubSource

_KEYS = ("path", "name", "config", "split", "revision", "text_column")


def reference_documents(entry: str | Mapping[str, Any], key: str) -> Iterator[Document]:
    """Yields the documents of an earlier run, of files or of a Hub data set.

    Raises UserError with the `key` and what cannot be read, as all three do.
    """
    entry = _exact(entry, key)
    if "path" not in entry:
        yield from _hub(entry, "train", key).documents()
        return
    path = Path(entry["path"]).expanduser()
    if not (path / "run.json").is_file():
        yield from _files(entry, key).documents()
        return
    files = sorted(path.glob("prescreen/train-*.parquet"))
    if not files:
        raise UserError(f"{key}: {path} is a run without pre-screened passages: run its stage=prescreen first")
    for file in files:
        for document in FileSource(str(file), key=key, text_column="text").documents():
            yield replace(document, source=f"{path.name}/prescreen:{document.source.rpartition(':')[2]}")


def reference_items(entry: str | Mapping[str, Any], key: str) -> Iterator[tuple[str, list[str]]]:
    """Yields (name, every string in it) of each item of a benchmark: question, choices and answer alike.

    Of a Hub data set the split "test" is read unless another is named.
    """
    for name, row in reference_rows(entry, key, "test"):
        yield name, list(_strings(row))


def reference_rows(entry: str | Mapping[str, Any], key: str, split: str) -> Iterator[tuple[str, Any]]:
    """Yields (name, row) of files or of a Hub data set (of `split`, unless the entry names another); a row is an object of all
    its columns, or a string.
    """
    entry = _exact(entry, key)
    if "path" not in entry:
        yield from _hub(entry, split, key).rows()
        return
    yield from _files(entry, key).rows()


def check_reference(entry: str | Mapping[str, Any], key: str, *, items: bool) -> str:
    """Returns what an entry names, once its beginning could be read: `items` of a benchmark, else documents.

    The Hub is not asked. Raises UserError as the readers above do.
    """
    exact = _exact(entry, key)
    if "path" not in exact:
        return _hub(exact, "test" if items else "train", key).check()
    if not items and (Path(exact["path"]).expanduser() / "run.json").is_file():
        next(reference_documents(entry, key), None)
        return f"the run {Path(exact['path']).name}"
    return _files(exact, key).check(rows=items)


def _exact(entry: str | Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Returns an entry with keys; "owner/name" is a data set on the Hub unless there is such a folder as "owner"."""
    if isinstance(entry, str) and entry:
        is_name = (
            entry.count("/") == 1 and not any(sign in entry for sign in "*?[~.") and not Path(entry).parent.exists()
        )
        return {"name" if is_name else "path": entry}
    if isinstance(entry, Mapping) and set(entry) <= set(_KEYS):
        given = {name: value for name, value in entry.items() if value is not None}
        if wrong := next((name for name, value in given.items() if not isinstance(value, str) or not value), None):
            raise UserError(f"{key}: {wrong}={given[wrong]!r} must be a text (in quotes where it looks like a number)")
        if ("path" in given) != ("name" in given):
            return given
    raise UserError(f"{key}: {entry!r} is neither a path, a Hub data set nor {{name or path, {', '.join(_KEYS[2:])}}}")


def _files(entry: Mapping[str, Any], key: str) -> FileSource:
    return FileSource(entry["path"], key=key, unread="stop", text_column=entry.get("text_column"))


def _hub(entry: Mapping[str, Any], split: str, key: str) -> HubSource:
    return HubSource(**{"split": split, **entry}, key=key)


def _strings(value: Any) -> Iterator[str]:
    """Yields the strings in a value, those of nested lists and objects too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)
