"""A value that is wrong, in one sentence: its key, the value, and what is declared for it.

stages.seed.combinations, 0    ->  stages.seed.combinations=0: it must be a whole number of at least 1
"""

from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError

from fanno_hf.errors import did_you_mean


def in_words(error: ValidationError, root: type[BaseModel], above: str = "") -> str:
    """Returns one sentence about the first value that is wrong, and what is allowed in its place.

    Args:
        root: what was read.
        above: the key over all of it; the configuration itself has none.
    """
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if isinstance(part, str)]
    key, value = ".".join([above, *path] if above else path), "null" if first["input"] is None else first["input"]
    if first["type"] == "missing":
        return f"{key} is missing: see conf/ for its default"
    if first["type"] == "extra_forbidden":
        known = [field.alias or own for own, field in _declared(root, path[:-1])[0].model_fields.items()]
        return f"{key} is not a configuration key{did_you_mean(path[-1], known) or '.'} See conf/, or --cfg job"
    type_, rules, may_be_null = _declared(root, path)
    or_null = ", or null" if may_be_null else ""
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        return f"{key}={value}: it has keys of its own, as in {key}.{next(iter(type_.model_fields))}=…"
    if get_origin(type_) is dict:
        return f"{key}={value}: it has keys of its own, as in {key}.NAME=…"
    if get_origin(type_) is Literal:
        return f"{key}={value} is none of: {', '.join(get_args(type_))}"
    if type_ is bool:
        return f"{key}={value} is neither true nor false"
    if type_ in (int, float):
        kind = "a number" if type_ is float else "a whole number"
        return f"{key}={value}: it must be {kind}{_range(type_, rules)}{or_null}"
    if "references" in rules:
        return f"{key}={value}: it must be a list of files or data sets, as in '{key}=[tests.jsonl]'"
    if get_origin(type_) is list:
        item = get_args(type_)[0]
        if get_origin(item) is Literal and isinstance(value, str):
            return f"{key}: {value} is none of: {', '.join(get_args(item))}"
        return f"{key}={value}: it must be a list of words, as in '{key}=[word]'"
    if "path" in rules:
        return f"{key}={value}: it must be a path{or_null}"
    return f"{key}={value}: it must be a text (in quotes where it looks like a number){or_null}"


def _declared(root: type[BaseModel], path: list[str]) -> tuple[Any, list[Any], bool]:
    """Returns what is declared below `root` for the parts of a key: its type, the rules for it, and whether it may be null."""
    type_, rules, may_be_null = root, [], False
    for name in path:
        if get_origin(type_) is dict:
            type_, rules = get_args(type_)[1], []
        else:
            field = next(field for own, field in type_.model_fields.items() if name == (field.alias or own))
            type_, rules = field.annotation, field.metadata
        if may_be_null := NoneType in get_args(type_):
            type_ = next(arm for arm in get_args(type_) if arm is not NoneType)
        if get_origin(type_) is Annotated:
            type_, *rules = get_args(type_)
    return type_, rules, may_be_null


def _range(number: type[int] | type[float], rules: list[Any]) -> str:
    least = next(number(rule.ge) for rule in rules if isinstance(rule, Ge))
    most = next((number(rule.le) for rule in rules if isinstance(rule, Le)), None)
    return f" of at least {least}" if most is None else f" from {least} to {most}"
