"""The checksum of each entry of a run.json: a value that is another one than fanno_hf wrote is found when it is read.

seal({"stages": {"seed": {"kept": 4, …}}})  ->  stages.seed.checksum is "9b1e…", 64 hexadecimal digits
changed_entry(the same with "kept": 5)      ->  "seed"
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fanno_hf.identity import digest
from fanno_hf.texts.fit import clean

CHANGED = "is not what its checksum was made of"
_KEY = "checksum"


def seal(manifest: Mapping[str, Any]) -> None:
    """Gives each entry of a run.json, those of the stages, of stale ones and of a shard, the checksum of its other values."""
    for _, entry in _entries(manifest):
        entry[_KEY] = checksum(entry)


def changed_entry(manifest: Mapping[str, Any]) -> str | None:
    """Returns the first entry that is not what its checksum was made of; one without a checksum, of an older run, passes."""
    return next((name for name, entry in _entries(manifest) if is_changed(entry)), None)


def is_changed(entry: Any) -> bool:
    """Whether an entry has a checksum, and another one than its values give."""
    return isinstance(entry, Mapping) and _KEY in entry and entry[_KEY] != checksum(entry)


def checksum(entry: Mapping[str, Any]) -> str:
    """Returns the sha256 of the canonical JSON of an entry, its checksum left out.

    >>> checksum({"kept": 4, "checksum": "old"}) == checksum({"kept": 4})
    True
    """
    text = json.dumps({key: value for key, value in entry.items() if key != _KEY}, ensure_ascii=False)
    return digest(json.loads(clean(text)))  # as it will be read: a key that is a number is a text there


def _entries(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from manifest.get("stages", {}).items()
    yield from ((f"stale.{name}", entry) for name, entry in manifest.get("stale", {}).items())
    if "shard" in manifest:
        yield "shard", manifest["shard"]
