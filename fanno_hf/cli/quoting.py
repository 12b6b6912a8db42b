"""Values and names, quoted so that they come through the shell, Hydra and YAML as they were typed.

data.path=/a/b=c/x.txt            ->  data.path='/a/b=c/x.txt', for Hydra
teacher.system=Be brief: {no}     ->  "teacher.system='Be brief: {no}'", to be typed in a shell
                                      {"teacher.system": "Be brief: {no}"}, in Python
run=2024_01                       ->  run='2024_01', for Hydra; unquoted it is the number 202401
stages.seed.verdicts={}           ->  stages.seed.verdicts=null; Hydra would add nothing to the defaults
"""

import json
import os
import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.conf import HydraConf

_PLAIN = re.compile(r"[\w./:@-]+", re.ASCII)
# what nobody writes for Hydra to read: no quotes, braces, functions, lists of choices, interpolations
_LITERAL = re.compile(r"""(?!\s)(?:[^'"(){},\\$]|\$(?!\{))+(?<!\s)""")
_MEANT = ("null", "???")  # what Hydra and OmegaConf make something of; quoted it would be a text
_RUNS = ("run", "diff.a", "diff.b")
_PATHS = ("data.path", "journal", "preview.html", "report.compare", "train.data")
_TEXTS = ("data.records", "data.text_column")
_VERDICTS = re.compile(r"stages\.\w+\.verdicts")


def for_a_shell(override: str) -> str:
    """Returns `key=value` as it must be typed, its value quoted for Hydra; of a list each item that needs it.

    Quotes and backslashes in the value are kept.
    """
    key, value = _in_parts(override)
    if isinstance(value, list):
        items = ",".join(item if _PLAIN.fullmatch(item) else for_hydra(item) for item in value)
        word = f"{key}=[{items}]"
    else:
        word = f"{key}={for_hydra(value)}"
    # double quotes around single ones are easier to read, and safe where the shell finds nothing to replace in them
    return shlex.quote(word) if re.search(r'["$`\\!]', word) else f'"{word}"'


def for_python(override: str) -> str:
    """Returns `key=value` as a mapping in Python, which needs no other quotes."""
    key, value = _in_parts(override)
    return json.dumps({key: value}, ensure_ascii=False)


def _in_parts(override: str) -> tuple[str, str | list[str]]:
    """Returns key and value, of a list its items."""
    key, _, value = override.partition("=")
    if value.startswith("[") and value.endswith("]"):
        return key, [item.strip() for item in value[1:-1].split(",")]
    return key, value


def for_hydra(text: str) -> str:
    """Returns a text in quotes, so that Hydra and OmegaConf read it as that text."""
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)  # else an interpolation
    quote = '"' if "'" in text and '"' not in text else "'"
    # between Hydra's quotes a backslash is special only before a quote and at the end
    text = re.sub(rf"(\\*){quote}", rf"\1\1\\{quote}", text)
    text = re.sub(r"(\\+)\Z", r"\1\1", text)
    return f"{quote}{text}{quote}"


def as_typed(word: str) -> str:
    """Returns an argument of the command line as Hydra must get it to read what was typed.

    Names of runs (of several, as `-m run=007,008` has them, each), paths, and the places of texts in a file are quoted; a path that is there is one whatever is
    in it. No verdicts, `{}`, are `null`: Hydra adds a mapping to the defaults. What is quoted already, or is written for Hydra,
    stays as it is.
    """
    key, sign, value = word.partition("=")
    name, names = key.lstrip("+"), value.split(",")
    if not sign or value.lower() in _MEANT:
        return word
    if (name in (*_PATHS, *_TEXTS) and _LITERAL.fullmatch(value)) or (name in _PATHS and _is_there(value)):
        return f"{key}={for_hydra(value)}"
    if name in _RUNS and "=" not in value and all(map(_LITERAL.fullmatch, names)):
        return f"{key}={','.join(each if each.lower() in _MEANT else for_hydra(each) for each in names)}"
    if _VERDICTS.fullmatch(name) and re.fullmatch(r"\s*\{\s*\}\s*", value):
        return f"{key}=null"
    return word


def as_was_typed(word: str) -> str:
    """Returns an argument without the quotes that `as_typed` put around names of several runs."""
    key, sign, value = word.partition("=")
    return key + sign + re.sub(r"'([^']*)'", r"\1", value) if key.lstrip("+") in _RUNS else word


def _is_there(path: str) -> bool:
    """Whether a path names something that exists, or is a glob below a folder that does; one with commas may be several."""
    above = Path(*takewhile(set("*?[").isdisjoint, Path(path).parts))
    try:
        return os.path.lexists(os.path.expanduser(path)) or (
            "," not in path and above not in (Path(), Path(path)) and above.expanduser().is_dir()
        )
    except (ValueError, RuntimeError):  # a null byte; the home of nobody
        return False


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
