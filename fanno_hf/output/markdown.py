"""Texts that others wrote, where a card or a terminal shows them: none of it becomes markup.

code("<img onerror=…> | `x`")  ->  "`<img onerror=…> ¦ 'x'`"
"""

import re
from typing import Any


def printable(text: Any) -> str:
    """Returns a text as one line, without control characters, which could harm a terminal."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in str(text)).split())


def code(text: Any) -> str:
    """Returns a text as code for a cell of a Markdown table, where nothing but a grave accent ends it, and nothing but a bar
    ends the cell; "" where it is empty."""
    line = printable(text).replace("`", "'").replace("|", "¦")
    return f"`{line}`" if line else ""


def plain(text: Any) -> str:
    """Returns a text for a heading, a cell or a paragraph: each sign with a meaning in Markdown or HTML is escaped."""
    # a dot within a word makes a link of www.…, one behind a number at the beginning a list
    escaped = re.sub(r"[!\"#$%&*+/:<=>@\[\\\]^_`{|}~]|\.(?=\S)|^-", lambda sign: _entity(sign[0]), printable(text))
    return re.sub(r"^(\d+)([.)])", lambda number: number[1] + _entity(number[2]), escaped)


def _entity(sign: str) -> str:
    return f"&#{ord(sign)};"


def fence(text: str, language: str = "") -> str:
    """Returns lines as a block of code, in a fence that none of them can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"
