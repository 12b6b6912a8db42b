"""Finds the labels in a completion: the places where it says which part comes next. What is in a code fence is none.

"**Instruction:** Sort these.\\n**Input:** b, a"  ->  [Label("instruction", …, start 0), Label("input", …, start 30)]
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from fanno_hf.parsing.words import ANSWER_DETERMINERS, COPULAS, DETERMINERS, EXAMPLES, LABELS

# "The learner's request in full" is a heading, no label: a label's line is short before its colon
_LONGEST_OPENING = 120
_UNDERLINE = re.compile(r"={3,}|-{3,}")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})([^\n]*)")


def alternatives(words: Iterable[str], space: str = r"[ \t]{1,3}") -> str:
    """Returns a pattern that matches any of `words`, the longest first; spaces in them match what `space` does."""
    return "|".join(re.escape(word).replace(r"\ ", space) for word in sorted(words, key=len, reverse=True))


@dataclass(frozen=True)
class Label:
    """A label and its place: `start` is where its line begins, `end` where its value does.

    `field` is a key of LABELS, `word` the label's own word in lower case, `number` what stands behind it ("Task 2:"), and
    `dress` the Markdown around it, as a sorted string of "#*[`": "" is a plain "Task:".
    """

    field: str
    word: str
    number: str
    dress: str
    start: int
    end: int


# list signs, quotes of mail, Markdown, brackets, arrows and emoji; no quotation marks and no braces: those are of data
_OPEN = r"(?P<open>(?:[ ]{0,3}\d{1,2}[.)][ ])?[ *_#>\-•·–\[【〔［`\u2190-\u2BFF\U0001F000-\U0001FAFF\uFE0F]{0,12})"
_CLOSE = r"(?P<close>[ ]{0,2}[*_`\]】〕］]{0,4}[ ]{0,2})"
_FIELD_OF = {word: field for field, words in LABELS.items() for word in words}
# "task_type:", too, as the keys of a schema are written
_WORD = alternatives(_FIELD_OF, space=r"[ \t_]{1,3}")
_LABEL = re.compile(
    rf"{_OPEN}(?P<before>(?:(?:{alternatives(DETERMINERS + ANSWER_DETERMINERS)})[ ]{{1,2}}){{0,3}})"
    rf"(?P<word>{_WORD})(?P<number>(?:[ ]?[#№])?[ ]?\d{{0,2}})(?:(?![^\W\d_])|(?=[は是]))"
    rf"(?:[ ]{{0,2}}[(（][^()（）\n]{{0,40}}[)）])?(?P<copula>[ ]{{0,2}}(?:{alternatives(COPULAS)}))?"
    rf"{_CLOSE}(?P<colon>[:：]|[–—\-]{{1,2}}[ ])?[*_`\]】〕］]{{0,4}}[ \t]*",
    re.IGNORECASE,
)
_SAME_DRESS = {"_": "*", "【": "[", "〔": "[", "［": "["}
_EXAMPLE = re.compile(rf"\W{{0,6}}(?:{alternatives(EXAMPLES)})(?![^\W\d_])[^\n]{{0,60}}$", re.IGNORECASE)


def lines_with_fences(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yields (offset, line, whether it is in a code fence) for each line; a fence's own lines are in it.

    As in Markdown, a fence ends at a line of the same sign that is at least as long and has nothing behind it, or never.
    """
    offset, opened = 0, ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        inside = bool(opened)
        if mark and not opened and not (mark[1][0] == "`" and "`" in mark[2]):
            opened, inside = mark[1], True
        elif mark and opened and mark[1].startswith(opened) and not mark[2].strip():
            opened = ""
        yield offset, line, inside
        offset += len(line) + 1


def labels(text: str) -> list[Label]:
    """Returns the labels of a text in their order.

    A plain word on a line of its own, without a colon, is one only in a text that begins so.
    """
    found = []
    first = next((line for line in text.split("\n") if line.strip()), "")
    bare = first.strip().casefold() in LABELS["instruction"]
    for offset, line, fenced in lines_with_fences(text):
        if found and found[-1].end == offset - 1 and _UNDERLINE.fullmatch(line):
            found[-1] = replace(found[-1], end=offset + len(line), dress="#")
        elif not fenced and (label := _label(line, offset, bare)):
            found.append(label)
    return found


@lru_cache(maxsize=256)
def field_of(name: str) -> str | None:
    """Returns the field that a key of JSON or a tag names, in any case: "Task_Type" -> "kind"; None when it names none."""
    return _FIELD_OF.get(re.sub(r"[\s_\-]+", " ", name).strip(" :：").casefold())


def opens_examples(line: str) -> bool:
    """Tells whether a line says that examples follow: "Example 1:", "**Beispiele**"."""
    return bool(_EXAMPLE.match(line.strip()))


def _label(line: str, offset: int, bare: bool) -> Label | None:
    if line.startswith(("    ", "\t")):  # Markdown's indented code
        return None
    match = _LABEL.match(line[:_LONGEST_OPENING])
    word = re.sub(r"[\s_]+", " ", match["word"].casefold()) if match else ""
    if (field := _FIELD_OF.get(word)) is None:
        return None
    dress = "".join(sorted({_SAME_DRESS.get(sign, sign) for sign in match["open"]} & set("#*[`")))
    alone = match.end() >= len(line.rstrip()) and (dress or bare)
    bracketed = set(match["close"]) & set("]】〕］")
    # "**Task** – …" is one, "Task – …" is not
    colon = match["colon"] and (dress or match["colon"] in ":：")
    if not (alone or bracketed or colon):
        return None
    determiners = ANSWER_DETERMINERS if field == "answer" else ("the",)
    if field != "instruction" and (match["copula"] or not set(match["before"].casefold().split()) <= set(determiners)):
        return None
    return Label(field, word, re.sub(r"\D", "", match["number"]), dress, offset, offset + match.end())
