"""The keys of the configuration and their comments, read from its files without composing it; and keys that were renamed.

conf/stages/seed.yaml, "combinations: 1   # int, instructions asked for"  ->  "stages.seed.combinations"
stage=diff a=demo b=old                                                   ->  stage=diff diff.a=demo diff.b=old
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from fanno_hf.errors import UserError, did_you_mean

logger = logging.getLogger(__name__)

# in a checkout that is not installed, or that shadows an installed wheel, conf/ is beside the package
_INSTALLED = find_spec("fanno_hf.conf")
CONFIGURATION = Path(
    _INSTALLED.submodule_search_locations[0] if _INSTALLED else Path(__file__).resolve().parents[2] / "conf"
)
CONFIG_PATH = "pkg://fanno_hf.conf" if _INSTALLED else str(CONFIGURATION)

RENAMED = {
    "a": "diff.a",
    "b": "diff.b",
    "decontaminate": "decontamination.benchmarks",
    "report.parser": "parser",
    "report.price.completion_tokens": "teacher.price.completion",
    "report.price.currency": "teacher.price.currency",
    "report.price.hour": "teacher.price.hour",
    "report.price.prompt_tokens": "teacher.price.prompt",
    "stages.augment.verdicts.names_strangers": "stages.augment.verdicts.private_details",
    "stages.prescreen.max_markup_share": "stages.prescreen.markup.max_share",
    "stages.seed.verdicts.names_strangers": "stages.seed.verdicts.private_details",
    "stages.prescreen.min_letter_share": "stages.prescreen.garbled.min_letter_share",
    "stages.prescreen.max_repetition_share": "stages.prescreen.repetition.max_share",
}
"""Old key -> new key. The version after the one that renamed a key drops its entry."""


@cache
def configuration_keys() -> tuple[str, ...]:
    """Returns every key that any option of the configuration has, dotted: "stages.seed.combinations"."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    keys: dict[str, None] = {}
    for path in sorted(CONFIGURATION.rglob("*.yaml")):
        parts = path.relative_to(CONFIGURATION).with_suffix("").parts
        # the options of a group are alternatives under one name; the stages stand beside one another, a profile spans them
        prefix = parts if parts[0] == "stages" and parts[1] != "small" else parts[:-1]
        content = yaml.load(path.read_text(encoding="utf-8"), loader)
        keys.update(dict.fromkeys(_dotted(content or {}, "".join(f"{part}." for part in prefix))))
    # a judge is made as teachers are
    keys.update({key.replace("teacher.", "judge.", 1): None for key in keys if key.startswith("teacher.")})
    return tuple(keys)


def _dotted(config: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in config.items():
        if key == "defaults" or (not prefix and key == "hydra"):
            continue
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")


def check_key(key: str) -> None:
    """Raises UserError unless some option of the configuration has this key, or keys below it."""
    known = configuration_keys()
    if not key.startswith("hydra.") and not any(name == key or name.startswith(f"{key}.") for name in known):
        raise UserError(unknown_key(key, known))


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Returns the message about a key that the configuration does not have."""
    return f"{key} is not a configuration key{did_you_mean(key, known) or '.'} See conf/config.yaml, or --cfg job"


def value_and_comment(file: str, key: str) -> tuple[str, str]:
    """Returns the value of a key as a file of the configuration writes it, and the comment behind it.

    `file` is below conf/, as in "stages/augment.yaml", and `key` the last part of a dotted key; its first line counts.
    """
    line = re.compile(rf"[ -]*{re.escape(key)}: *(.*?) *# (.*)")
    for text in (CONFIGURATION / file).read_text(encoding="utf-8").splitlines():
        if match := line.fullmatch(text):
            return match[1], match[2]
    raise KeyError(f"{file} explains no {key}")


def renamed_override(word: str) -> str:
    """Returns an argument of the command line with the new name of its key, and logs the change."""
    found = re.match(r"([+~]*)([\w.]+)(?==|$)", word)
    if not found or found[2] not in RENAMED:
        return word
    _warn(found[2])
    return f"{found[1]}{RENAMED[found[2]]}{word[found.end() :]}"


def rename_keys(config: dict[str, Any]) -> None:
    """Moves the values of renamed keys in a resolved configuration, those of a recipe for example, to the new keys."""
    for old, new in RENAMED.items():
        *path, name = old.split(".")
        group = _group(config, path)
        if isinstance(group, dict) and name in group:
            _warn(old)
            *new_path, new_name = new.split(".")
            _group(config, new_path)[new_name] = group.pop(name)
            if not group:  # a group of which nothing is left is no key either
                del _group(config, path[:-1])[path[-1]]


def _group(config: Any, path: Sequence[str]) -> Any:
    for name in path:
        config = config.get(name) if isinstance(config, dict) else None
    return config


def _warn(old: str) -> None:
    logger.warning("%s is now called %s; the old name works in this version only", old, RENAMED[old])
