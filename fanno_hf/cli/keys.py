"""The keys of the configuration, and what is written beside them, read from its files without composing it.

conf/stages/seed.yaml, "combinations: 1   # int, instructions asked for"  ->  "stages.seed.combinations"
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from fanno_hf.errors import UserError, did_you_mean

# a checkout that is not installed, or that shadows an installed wheel, has the configuration beside the package
_INSTALLED = find_spec("fanno_hf.conf")
CONFIGURATION = Path(
    _INSTALLED.submodule_search_locations[0] if _INSTALLED else Path(__file__).resolve().parents[2] / "conf"
)
CONFIG_PATH = "pkg://fanno_hf.conf" if _INSTALLED else str(CONFIGURATION)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def configuration_keys() -> list[str]:
    """Returns every key that some option of the configuration has, dotted: "stages.seed.combinations"."""
    keys: dict[str, None] = {}
    for path in sorted(CONFIGURATION.rglob("*.yaml")):
        parts = path.relative_to(CONFIGURATION).with_suffix("").parts
        # a group's options are alternatives under one name; the stages stand beside one another
        prefix = parts if parts[0] == "stages" else parts[:-1]
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
        keys.update(dict.fromkeys(_dotted(content or {}, "".join(f"{part}." for part in prefix))))
    return list(keys)


def check_key(key: str) -> None:
    """Raises UserError where no option of the configuration has such a key, and no group is called so."""
    known = configuration_keys()
    has_keys = any(name.startswith(f"{key}.") for name in known)
    if key not in known and not has_keys and not key.startswith("hydra."):
        raise UserError(unknown_key(key, known))


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Returns what is said about a key that the configuration does not have."""
    return f"{key} is no configuration key{did_you_mean(key, known) or '.'} See conf/config.yaml, or --cfg job"


def _dotted(config: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in config.items():
        if not prefix and key in ("defaults", "hydra"):
            continue
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")


def value_and_comment(file: str, key: str) -> tuple[str, str]:
    """Returns what a file of the configuration gives a key, as it is written there, and the comment behind it.

    Args:
        file: below conf/, as in "stages/augment.yaml".
        key: its last part, as in "target_size"; the first line with this key counts.
    """
    line = re.compile(rf"[ -]*{re.escape(key)}: *(.*?) *# (.*)")
    for text in (CONFIGURATION / file).read_text(encoding="utf-8").splitlines():
        if match := line.fullmatch(text):
            return match[1], match[2]
    raise KeyError(f"{file} explains no {key}")
