"""Paths into values of JSON, as `data.records` and `data.text_column` have them.

data[*].paragraphs[*].context  ->  ("data", EACH, "paragraphs", EACH, "context")
$['my.key'][0]                 ->  ("my.key", 0)
"""

import re
from collections.abc import Iterator
from typing import Any

from fanno_hf.errors import UserError, did_you_mean

EACH = None
"""The step [*]: each element of a list, or each value of an object."""
Step = str | int | None
Path = tuple[Step, ...]

_STEP = re.compile(
    r"""(?P<each>\.?\[\*\]|\.\*)
    |\[(?P<index>\d{1,9})\]
    |\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]
    |(?P<name>[^.\[\]]+)""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"[^\W\d][\w-]*")
_NAMED = 8  # keys that an error lists


def parse_path(text: str, key: str) -> Path:
    """Returns the steps of a path. Raises UserError with the `key` of the configuration where it is none."""
    steps: list[Step] = []
    place = 1 if text.startswith(("$.", "$[")) or text == "$" else 0
    while place < len(text):
        start = place + (text[place] == "." and (place > 0 and not text.startswith(".*", place)))
        match = _STEP.match(text, start)
        if match is None or (steps and match["name"] is not None and start == place):
            raise UserError(
                f"{key}={text!r} is no path from character {place + 1} on: write names, [*] and [0], "
                "as in data[*].paragraphs[*].context"
            )
        steps.append(_step(match))
        place = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["each"] is not None:
        return EACH
    if match["index"] is not None:
        return int(match["index"])
    return match["name"] if match["name"] is not None else match["quoted"]


def show_path(path: Path) -> str:
    """Returns a path as `parse_path` takes it; a name alone as it is.

    >>> show_path(("data", EACH, "my.key", 0)), show_path(("my.key",))
    ("data[*]['my.key'][0]", 'my.key')
    """
    if len(path) == 1 and isinstance(path[0], str):
        return path[0]
    shown = ""
    for step in path:
        if isinstance(step, str):
            shown += f"{'.'[: bool(shown)]}{step}" if _PLAIN.fullmatch(step) else f"[{step!r}]"
        else:
            shown += "[*]" if step is EACH else f"[{step}]"
    return shown


def brief(path: Path) -> Path:
    """Returns a path without [*], which a shell and Hydra want quoted; `select` finds the same by it, but in an object's values."""
    return tuple(step for step in path if step is not EACH) or path


def select(value: Any, path: Path) -> Iterator[Any]:
    """Yields what stands at a path: of lists, each element; None for what is missing, as a table has it for a row.

    [*] may be left out: a name is looked up in each element of a list, and a list at the end is taken apart.
    """
    if not path:
        if isinstance(value, list):
            yield from value
        else:
            yield value
        return
    step, rest = path[0], path[1:]
    if isinstance(value, list) and step is not EACH and not isinstance(step, int):
        step, rest = EACH, path
    if step is EACH and isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from select(item, rest) if rest else (item,)
    elif (
        isinstance(step, str)
        and isinstance(value, dict)
        and step in value
        or isinstance(step, int)
        and isinstance(value, list)
        and step < len(value)
    ):
        yield from select(value[step], rest)
    else:
        yield None


def stuck(value: Any, path: Path) -> str:
    """Returns where a path that leads nowhere ends, and what is there; of a list, its first element is looked at."""
    gone: list[Step] = []
    for step in path:
        if isinstance(value, list) and isinstance(step, str):
            gone.append(EACH)
            value = value[0] if value else None
        if isinstance(value, dict) and (step in value or (step is EACH and value)):
            value = next(iter(value.values())) if step is EACH else value[step]
        elif isinstance(value, list) and isinstance(step, int | None) and len(value) > (step or 0):
            value = value[step or 0]
        else:
            break
        gone.append(step)
    here = f"at {show_path(tuple(gone))}" if gone else "at its top"
    if isinstance(value, dict):
        near = did_you_mean(step, map(str, value)) if isinstance(step, str) else ""
        return f"there is no {show_path((step,))!r} {here}{near or ';'} there: {_names(value)}"
    return f"{here} there is {_kind(value)}"


def _names(value: dict[str, Any]) -> str:
    names = ", ".join(str(name)[:40] for name in list(value)[:_NAMED])
    return (names + ", …" if len(value) > _NAMED else names) or "nothing"


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    return {str: "a text", type(None): "nothing", bool: "true or false"}.get(type(value), "a number")
