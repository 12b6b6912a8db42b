"""Lists in the extracted text of a marked page: numbers that do not begin at 1, and items that are sections with a heading."""

import re

from fanno_hf.sources.web.marks import HEADING, START

_NUMBERED = re.compile(rf"( +)(\d+)\. (?:{START}(\d+){START})?")
_HEADED = re.compile(rf"((?:•|\d+\.) )?{HEADING}")
_ITEM = re.compile(r"(?:•|\d+\.) ")
_STEP = 2  # spaces by which what is in an item is set in


def numbered(text: str) -> str:
    """Returns the text with the numbers that its lists begin with."""
    if START not in text:
        return text
    lines, lists = text.split("\n"), {}
    for place, line in enumerate(lines):
        if match := _NUMBERED.match(line):
            number = int(match[2])
            last, more = lists.get(match[1], (0, 0))
            if match[3]:
                more = int(match[3]) - number
            elif number != last + 1:
                more = 0  # another list
            lists[match[1]] = number, more
            lines[place] = f"{match[1]}{number + more}. {line[match.end() :]}"
    return "\n".join(lines)


def sectioned(text: str) -> str:
    """Returns the text with items that have a heading as sections, set in no further than what is around them."""
    if f" {HEADING}" not in text:
        return text
    lines: list[str] = []
    depths: list[int] = []  # at which what is in such items stands
    for line in text.split("\n"):
        words = line.lstrip(" ")
        depth = len(line) - len(words)
        while words and depths and depth < depths[-1]:
            depths.pop()
        if headed := _HEADED.match(words):
            if depth or headed[1]:
                depths.append(depth + (_STEP if headed[1] else 0))
            lines.append(words[len(headed[1] or "") :])
        elif depths and words:
            is_beside = depth == depths[-1] and not _ITEM.match(words)
            lines.append(line[depths[-1] - (0 if is_beside else _STEP) :])
        else:
            lines.append(line)
    return "\n".join(lines)
