"""Keys that had another name in the version before: they still work, and a line names the new one.

stage=diff a=demo b=old  ->  stage=diff diff.a=demo diff.b=old
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

logger = logging.getLogger(__name__)

RENAMED = {
    "a": "diff.a",
    "b": "diff.b",
    "decontaminate": "decontamination.benchmarks",
    "report.parser": "parser",
    "stages.prescreen.max_markup_share": "stages.prescreen.markup.max_share",
    "stages.prescreen.min_letter_share": "stages.prescreen.garbled.min_letter_share",
    "stages.prescreen.max_repetition_share": "stages.prescreen.repetition.max_share",
}
"""Old key -> new key. An entry goes with the version after the one that brought it."""


def renamed_overrides(words: Sequence[str]) -> list[str]:
    """Returns a command line with the new names of keys."""
    return [_renamed(word) for word in words]


def _renamed(word: str) -> str:
    found = re.match(r"([+~]*)([\w.]+)(?==|$)", word)
    if not found or found[2] not in RENAMED:
        return word
    _tell(found[2])
    return f"{found[1]}{RENAMED[found[2]]}{word[found.end() :]}"


def rename_keys(config: dict[str, Any]) -> None:
    """Moves the values of old keys in a resolved configuration, those of a recipe for example, to the new ones."""
    for old, new in RENAMED.items():
        *path, name = old.split(".")
        group = _group(config, path)
        if isinstance(group, dict) and name in group:
            _tell(old)
            *path, new_name = new.split(".")
            _group(config, path)[new_name] = group.pop(name)


def _group(config: dict[str, Any], path: Sequence[str]) -> Any:
    group: Any = config
    for name in path:
        group = group.get(name) if isinstance(group, dict) else None
    return group


def _tell(old: str) -> None:
    logger.warning("%s is now called %s; the old name works in this version alone", old, RENAMED[old])
