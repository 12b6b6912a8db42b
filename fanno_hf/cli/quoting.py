"""Values and names, quoted so that they come through the shell, Hydra and YAML as they were typed.

data.path=/a/b=c/x.txt  ->  "data.path='/a/b=c/x.txt'", to be typed in a shell
run=2024_01             ->  run='2024_01', for Hydra; unquoted it is the number 202401
"""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.conf import HydraConf

_PLAIN = re.compile(r"[\w./:@-]+", re.ASCII)
_NAME = re.compile(r"[\w.+-]+")


def for_a_shell(override: str) -> str:
    """Returns `key=value` as it must be typed, its value quoted for Hydra; of a list each item that needs it.

    Quotes and backslashes in the value are kept.
    """
    key, _, value = override.partition("=")
    if value.startswith("[") and value.endswith("]"):
        items = (item.strip() for item in value[1:-1].split(","))
        value = f"[{','.join(item if _PLAIN.fullmatch(item) else for_hydra(item) for item in items)}]"
    else:
        value = for_hydra(value)
    word = f"{key}={value}"
    # double quotes around single ones are easier to read, and safe where the shell finds nothing to replace in them
    return shlex.quote(word) if re.search(r'["$`\\!]', word) else f'"{word}"'


def for_hydra(text: str) -> str:
    """Returns a text in quotes, so that Hydra reads it as that text."""
    quote = '"' if "'" in text and '"' not in text else "'"
    # between Hydra's quotes a backslash is special only before a quote and at the end
    text = re.sub(rf"(\\*){quote}", rf"\1\1\\{quote}", text)
    text = re.sub(r"(\\+)$", r"\1\1", text)
    return f"{quote}{text}{quote}"


def as_typed(word: str) -> str:
    """Returns an argument of the command line; if it names runs, as `-m run=007,008` does, the names are quoted for Hydra.

    `null` stays what it is.
    """
    key, sign, value = word.partition("=")
    names = value.split(",")
    if key not in ("run", "diff.a", "diff.b") or not sign or not all(map(_NAME.fullmatch, names)):
        return word
    return f"{key}={','.join(name if name.lower() == 'null' else repr(name) for name in names)}"


def name_in_yaml(value: Any, hydra: "HydraConf") -> str:
    """Returns the run's name as a file of the configuration writes it; `value` is what YAML made of it, as in 202401."""
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
