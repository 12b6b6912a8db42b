"""A run is named exactly as it was typed, also where Hydra or YAML would read a number or a truth value.

run=2024_01  ->  run='2024_01', which Hydra leaves as it is; unquoted it is the number 202401
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.conf import HydraConf

_NAME = re.compile(r"[\w.+-]+")


def as_typed(word: str) -> str:
    """Returns an argument of the command line with the names of runs in it quoted for Hydra; any other as it is.

    Names may be several, as in `-m run=007,008`. `null` stays what it is.
    """
    key, sign, value = word.partition("=")
    names = value.split(",")
    if key not in ("run", "diff.a", "diff.b") or not sign or not all(map(_NAME.fullmatch, names)):
        return word
    return f"{key}={','.join(name if name.lower() == 'null' else repr(name) for name in names)}"


def name_in_yaml(value: Any, hydra: "HydraConf") -> str:
    """Returns how the files of a configuration write the name of the run.

    Args:
        value: what YAML made of it, as in 202401.
        hydra: says which files were composed.
    """
    import yaml
    from omegaconf import OmegaConf

    names = [hydra.job.config_name or "config"]
    names += [f"{group}/{option}" for group, option in hydra.runtime.choices.items()]
    for source in hydra.runtime.config_sources:
        for name in names:
            path = Path(source.path, f"{str(name).removesuffix('.yaml')}.yaml")
            if source.schema == "file" and path.is_file() and OmegaConf.load(path).get("run") == value:
                nodes = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader).value
                return next(node.value for key, node in nodes if key.value == "run")
    return str(value)
