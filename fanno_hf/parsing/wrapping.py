"""Takes off what encloses a text as a whole: a fence, quotes, emphasis, rules, a number or the sign of a list.

'1. "How do mosses drink?"'  ->  "How do mosses drink?", {"numbering": 2, "quotes": 2}
"""

import re

from fanno_hf.parsing.labels import lines_with_fences
from fanno_hf.parsing.removed import Removed

MOST_LAYERS = 8
"""How many wrappings are taken off one by one: more is no wrapping, but a text that means harm."""
RULE = re.compile(r"[ ]{0,3}(?:[-*_=][ ]?){3,}$")
"""A line that only divides, like "---"."""
# fences with these words behind them hold text; others hold code
_TEXT_FENCES = frozenset(
    ("", "text", "txt", "plaintext", "plain", "markdown", "md", "json", "jsonc", "json5", "xml", "yaml", "yml")
)
_NUMBER = re.compile(r"(?P<open>[*_]{0,2})\(?\d{1,2}[.)](?P<close>[*_]{0,2})[ \t]+")
_BULLET = re.compile(r"(?P<open>)[-*•](?P<close>)[ \t]+")
# of an only line
_HEADING = re.compile(r"#{1,6}[ \t]+(?=\S[^\n]*$)")
_PAIRS = {
    **dict(zip("\"'“„«»「『‘‚`", "\"'”“»«」』’‘`", strict=True)),
    **{mark: mark for mark in ("*", "_", "**", "__", "***")},
}
_CLOSED = re.compile(r"\*\*(?=\S)[^*\n]{1,300}\*\*$")
# "What is the answer to the question: How do …": the question itself is what was asked for
_NESTED = re.compile(
    r"(?:what(?:'s|’s|\s+is)\s+(?:the|an?)\s+(?:possible\s+|correct\s+)?answer\s+to\s+(?:the|this)\s+(?:following\s+)?question|"
    r"this\s+(?:sentence|text)\s+is\s+the\s+answer\s+to\s+the\s+question)(?:\s*[:：]\s*|\s+(?=[\"“][^\"”]*[\"”]$))",
    re.IGNORECASE,
)


def unfenced(text: str, removed: Removed) -> str:
    """Takes off a fence around the whole, unless it holds code."""
    lines = list(lines_with_fences(text))
    opening = re.match(r"(?:`{3,}|~{3,})[ ]?(\w*)\s*$", lines[0][1])
    closes = len(lines) > 2 and lines[-1][1].strip() == re.match(r"[`~]*", text)[0]
    whole = opening and closes and all(fenced for _, _, fenced in lines)
    if not whole or opening[1].lower() not in _TEXT_FENCES:
        return text
    removed.take("label", lines[0][1] + lines[-1][1])
    return "\n".join(line for _, line, _ in lines[1:-1]).strip()


def unquoted(text: str, removed: Removed) -> str:
    """Takes ">" off when each line has it."""
    lines = text.split("\n")
    if not all(line.startswith(">") or not line.strip() for line in lines):
        return text
    removed.take("quotes", "".join(line[:1] for line in lines))
    return "\n".join(re.sub(r"^>[ ]?", "", line) for line in lines).strip()


def bare(text: str, several: bool, removed: Removed) -> str:
    """Takes numbering, quotes and Markdown around the whole off, again and again; of `several` items the first is left."""
    for _ in range(MOST_LAYERS):
        previous = text
        text = _without_rules(text, removed)
        text = _without_pair(text, removed)
        text = _first_item(text, several, removed)
        text = unquoted(text, removed)
        text = _without_start(_HEADING, "quotes", text, removed)
        text = _without_start(_NESTED, "preamble", text, removed)
        if text == previous:
            break
    return text


def tidy(text: str) -> str:
    """Takes trailing spaces and more than two blank lines in a row out; what is in a fence stays as it is."""
    kept: list[str] = []
    blank = 0
    for _, line, fenced in lines_with_fences(text):
        line = line if fenced else line.rstrip()
        blank = 0 if line or fenced else blank + 1
        if blank <= 2:
            kept.append(line)
    return "\n".join(kept).strip("\n").rstrip()


def _without_rules(text: str, removed: Removed) -> str:
    """Takes blank lines and lines like "---" off both ends."""
    lines = text.split("\n")
    kept = [place for place, line in enumerate(lines) if line.strip() and not RULE.match(line)]
    first, last = (kept[0], kept[-1] + 1) if kept else (0, 0)
    removed.take("label", "".join(lines[:first] + lines[last:]))
    return "\n".join(lines[first:last]).strip()


def _without_pair(text: str, removed: Removed) -> str:
    """Takes off quotes or emphasis that enclose the whole text."""
    for size in (3, 2, 1):
        mark, closing = text[:size], _PAIRS.get(text[:size])
        inner = text[size:-size]
        if closing and len(text) > 2 * size and text.endswith(closing) and _encloses(inner, mark, closing):
            removed.take("quotes", mark + closing)
            return inner.strip()
    # one that was opened in what was taken off: "**Question: How do mosses drink?**"
    if text.endswith("**") and text.count("**") % 2 and not _CLOSED.search(text):
        removed.take("quotes", "**")
        return text[:-2].rstrip()
    return text


def _encloses(inner: str, mark: str, closing: str) -> bool:
    """Tells whether quotes around `inner` belong to one another: '"A" and "B"' is not enclosed."""
    first = inner.find(closing)
    if mark != closing:
        return inner.count(mark) == inner.count(closing) and inner.find(mark) <= first
    # an inner pair begins behind a space or a bracket; asterisks may do so as signs of a list
    pairs = mark in "\"'" and first > 0 and inner[first - 1] in " \n([" and inner.count(mark) % 2 == 0
    return first < 0 or pairs


def _first_item(text: str, several: bool, removed: Removed) -> str:
    """Takes off the number or sign of an only item; where several were announced, the others too."""
    pattern = _NUMBER if _NUMBER.match(text) else _BULLET
    sign = pattern.match(text)
    if not sign:
        return text
    lines = lines_with_fences(text)
    others = [offset for offset, line, fenced in lines if offset and not fenced and pattern.match(line)]
    if others and not several:
        return text
    if others:
        removed.take("others", text[others[0] :])
        text = text[: others[0]]
    # "**1. How do mosses drink?**" is emphasised as a whole, "**1.** How" is not
    emphasis = "" if sign["close"] else sign["open"]
    removed.take("numbering", sign[0][len(emphasis) :])
    return emphasis + text[sign.end() :].strip()


def _without_start(pattern: re.Pattern, kind: str, text: str, removed: Removed) -> str:
    found = pattern.match(text)
    if not found or found.end() == len(text):
        return text
    removed.take(kind, found[0])
    return text[found.end() :]
