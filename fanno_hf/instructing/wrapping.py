"""Takes off what a chatty teacher puts around an instruction, and says what it took.

    "Sure! Here's one:\\n\\n1. How do mosses drink?\\n\\nI hope this helps!"
        ->  "How do mosses drink?", {"preamble": 15, "numbering": 2, "closing": 15}

What goes is only what cannot be part of a task; the teacher's words themselves are never changed.
"""

import re
from collections import Counter

from fanno_hf.instructing.labels import alternatives, lines_with_fences
from fanno_hf.instructing.words import (
    BASES,
    FIRST_PERSON,
    MADE,
    NOUN_STEMS,
    NOUNS,
    OPENERS,
    OWNERS,
    PLURALS,
    PRESENTERS,
    READERS,
    WEAK_OPENERS,
)

# how many wrappings are taken off one by one: more is no wrapping, but a text that means harm
_MOST_LAYERS = 8
# a preamble is a sentence or two, no page
_LONGEST_PREAMBLE = 300
_SIGNS = r"[*_#>¡¿\s]{0,8}"
_AFTER = r"[*_\s]*"
_END = r"(?![^\W\d_])"
_OPENER = re.compile(
    rf"{_SIGNS}(?:(?P<strong>{alternatives(OPENERS)})|(?:{alternatives(WEAK_OPENERS)})){_END}"
    r"[ ]?[,.!:;、，。！–—\-]{0,3}[*_]{0,3}\s{0,4}",
    re.IGNORECASE,
)
_BASIS = re.compile(rf"{_SIGNS}(?:{alternatives(BASES)})[^\n:：?？]{{0,120}}?[,，、]\s{{0,2}}", re.IGNORECASE)
_PRESENTER = re.compile(rf"{_SIGNS}(?:{alternatives(PRESENTERS)})(?!\s+(?:my|our)\b)", re.IGNORECASE)
# "指示はこちらです：", "요청하신 질문은 다음과 같습니다:"
_PRESENTED_LAST = re.compile(
    r"[^\n:：。]{0,80}(?:はこちら(?:です)?|は(?:以下|次)の通りです|다음과 같습니다)\s?[。:：]"
)
_NOUN = re.compile(
    rf"(?<![^\W\d_])(?:{alternatives((*NOUNS, *PLURALS))}){_END}|{alternatives(NOUN_STEMS)}", re.IGNORECASE
)
_OWNED = re.compile(
    rf"[ ](?:{alternatives(OWNERS)}){_END}(?![^\n:：]{{0,30}}(?<![^\W\d_])(?:{alternatives(READERS)}){_END})",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(rf"(?:{alternatives(FIRST_PERSON)}){_END}", re.IGNORECASE)
_MADE = re.compile(rf"(?<![^\W\d_])(?:{alternatives(MADE)}){_END}", re.IGNORECASE)
# "One possible question could be:"; the second word shows that it is no part of a task
_POSSIBLE = re.compile(
    r"(?:(?:the|a|an|one|eine|ein|una|une|un|uma|um)\s)?(?:[^\n:：?？]{0,30}\b(?:possible|potential|suitable|fitting|example|mögliche|passende|"
    r"posible|potentielle|possibile|possível)\b|[^\n:：?？]{0,60}\b(?:could be|would be|might be|könnte|podría|pourrait être|potrebbe))",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[:：。！]|[.!](?=[\s*_]|$)|$")
_SEVERAL = re.compile(
    rf"(?<!the )(?<![^\W\d_])(?:{alternatives(PLURALS)}){_END}|[2-9２-９二两三四五几]\s?(?:つ|個|个|道|条|種類)|いくつか|一些|几个|여러|몇",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"[*_]{0,2}\(?(\d{1,2})[.)][*_]{0,2}[ \t]+")
_BULLET = re.compile(r"[-*•][ \t]+")
_RULE = re.compile(r"[ ]{0,3}(?:(?:[-*_=][ ]?){3,})$")
_PAIRS = {
    **{
        '"': '"',
        "'": "'",
        "“": "”",
        "„": "“",
        "«": "»",
        "»": "«",
        "「": "」",
        "『": "』",
        "‘": "’",
        "‚": "‘",
        "`": "`",
    },
    **{"**": "**", "__": "__", "*": "*", "_": "_", "***": "***"},
}
# "What is the answer to the question: How do …": the question itself is what was asked for
_NESTED = re.compile(
    r"(?:what(?:'s|’s|\s+is)\s+(?:the|an?)\s+(?:possible\s+|correct\s+)?answer\s+to\s+(?:the|this)\s+(?:following\s+)?question|"
    r"this\s+(?:sentence|text)\s+is\s+the\s+answer\s+to\s+the\s+question)(?:\s*[:：]\s*|\s+(?=[\"“][^\"”]*[\"”]$))",
    re.IGNORECASE,
)


class Removed(Counter):
    """What was taken off, by kind: the number of characters, white space apart."""

    def take(self, kind: str, piece: str) -> None:
        """Counts a piece under a kind; a piece of white space only leaves no trace."""
        if size := solid(piece):
            self[kind] += size


def solid(text: str) -> int:
    """Returns the number of characters that are no white space."""
    return sum(not ch.isspace() for ch in text)


def without_preamble(text: str, removed: Removed) -> tuple[str, bool]:
    """Takes preambles off the start, one after the other.

    Returns the text and whether a preamble announced several instructions. A preamble with nothing behind it stays.
    """
    several = opened = False
    for _ in range(_MOST_LAYERS):
        size = _preamble(text, opened)
        if not size:
            break
        opened = opened or bool((opener := _OPENER.match(text)) and opener["strong"])
        several = several or bool(_SEVERAL.search(text[:size]))
        rest = text[size:].lstrip("*_ \t\n") if _dressed(text[:size]) else text[size:].lstrip()
        if not rest.strip():
            break
        removed.take("preamble", text[: len(text) - len(rest)])
        text = rest
    return text, several


def _dressed(preamble: str) -> bool:
    return preamble.lstrip()[:1] in ("*", "_")


def _preamble(text: str, opened: bool) -> int:
    """Returns the length of the preamble at the start, 0 when there is none."""
    head = text[:_LONGEST_PREAMBLE].partition("\n")[0]
    opener = _OPENER.match(head)
    start = opener.end() if opener else 0
    rest = head[start:]
    if (last := _PRESENTED_LAST.match(rest)) and _NOUN.search(last[0]):
        return start + last.end()
    basis = _BASIS.match(rest)
    start += basis.end() if basis else 0
    spoken = head[start:]
    strong = opened or bool(opener and opener["strong"])
    end = start + _SENTENCE_END.search(spoken).start() + 1
    sentence, inline = head[start:end], bool(head[end:].strip(" *_"))
    if "?" not in sentence and _announces(sentence, inline, strong, bool(basis)):
        return min(end, len(text))
    if opener and opener["strong"] and re.search(r"[.!:。！]", opener[0]) and text[opener.end() :].strip():
        return opener.end()
    return 0


def _announces(sentence: str, inline: bool, strong: bool, based: bool) -> bool:
    """Tells whether a sentence announces an instruction; one that goes on in its line must end with a colon."""
    if len(sentence) >= _LONGEST_PREAMBLE - 1 or (inline and sentence[-1] not in ":：" and not strong):
        return False
    presenter = _PRESENTER.match(sentence)
    if presenter:
        noun = _NOUN.search(sentence, presenter.end())
        owned = noun and _OWNED.match(sentence, noun.end())
        return bool(noun and not owned) or not sentence[presenter.end() :].strip(" :：.!。")
    if first := _FIRST_PERSON.match(sentence.lstrip("*_ ")):
        made = bool(_MADE.search(sentence)) and bool(_NOUN.search(sentence, first.end()))
        return strong or made or (based and bool(_NOUN.search(sentence, first.end())))
    return sentence[-1:] in ":：" and bool(_POSSIBLE.match(sentence.lstrip("*_ "))) and bool(_NOUN.search(sentence))


def bare(text: str, several: bool, removed: Removed) -> str:
    """Takes numbering, quotes and Markdown around the whole off, again and again; of `several` items the first is left."""
    for _ in range(_MOST_LAYERS):
        previous = text
        text = _without_rules(text.strip(), removed)
        text = _without_pair(text, removed)
        text = _first_item(text, several, removed)
        text = _without_quote_signs(text, removed)
        if (nested := _NESTED.match(text)) and text[nested.end() :]:
            removed.take("preamble", nested[0])
            text = text[nested.end() :]
        if text == previous:
            break
    return text


def _without_rules(text: str, removed: Removed) -> str:
    """Takes lines like "---" off both ends."""
    lines = text.split("\n")
    first, last = 0, len(lines)
    while first < last and (not lines[first].strip() or _RULE.match(lines[first])):
        first += 1
    while last > first and (not lines[last - 1].strip() or _RULE.match(lines[last - 1])):
        last -= 1
    removed.take("label", "".join(lines[:first] + lines[last:]))
    return "\n".join(lines[first:last])


def _without_pair(text: str, removed: Removed) -> str:
    """Takes off quotes or emphasis that enclose the whole text."""
    for size in (3, 2, 1):
        mark, closing = text[:size], _PAIRS.get(text[:size])
        inner = text[size:-size]
        if closing and len(text) > 2 * size and text.endswith(closing) and _encloses(inner, mark, closing):
            removed.take("quotes", mark + closing)
            return inner.strip()
    return text


def _encloses(inner: str, mark: str, closing: str) -> bool:
    """Tells whether quotes around `inner` belong to one another: '"A" and "B"' is not enclosed."""
    first = inner.find(closing)
    if first < 0:
        return mark == closing or mark not in inner
    if mark[0] in "*_`":
        return False
    if mark == closing:
        # an inner pair begins behind a space or a bracket
        return inner.count(mark) % 2 == 0 and first > 0 and inner[first - 1] in " \n(["
    opened = inner.find(mark)
    return 0 <= opened < first and inner.count(mark) == inner.count(closing)


def _first_item(text: str, several: bool, removed: Removed) -> str:
    """Takes off the number or sign of an only item; where several were announced, the others too."""
    pattern = next((pattern for pattern in (_NUMBERED, _BULLET) if pattern.match(text)), None)
    if pattern is None:
        return text
    sign = pattern.match(text)
    others = [
        offset
        for offset, line, fenced in lines_with_fences(text)
        if offset and not fenced and _is_next(pattern.match(line), sign)
    ]
    if others and not several:
        return text
    if others:
        removed.take("others", text[others[0] :])
        text = text[: others[0]]
    removed.take("numbering", sign[0].replace("*", "").replace("_", ""))
    emphasis = re.sub(r"[^*_]", "", sign[0]) if pattern is _NUMBERED else ""
    if len(emphasis) in (2, 4) and sign[0].rstrip()[-1:] in "*_":
        removed.take("numbering", emphasis)
        emphasis = ""
    return emphasis + text[sign.end() :].strip()


def _is_next(item: re.Match | None, first: re.Match) -> bool:
    return bool(item) and (first.re is _BULLET or item[1] != first[1])


def _without_quote_signs(text: str, removed: Removed) -> str:
    """Takes ">" off when each line has it, and "#" off an only line."""
    lines = text.split("\n")
    if all(line.startswith(">") or not line.strip() for line in lines) and text.strip("> \n"):
        removed.take("quotes", "".join(line[:1] for line in lines))
        return "\n".join(re.sub(r"^>[ ]?", "", line) for line in lines).strip()
    heading = re.match(r"#{1,6}[ \t]+(?=\S)", text)
    if heading and len(lines) == 1:
        removed.take("quotes", heading[0])
        return text[heading.end() :]
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
