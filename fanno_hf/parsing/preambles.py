"""Takes off the sentences by which a chatty teacher announces an instruction.

    "Sure! Here's a question for you:\\n\\nHow do mosses drink?"  ->  "How do mosses drink?", {"preamble": 28}

The hard part is a task that begins alike: "Here is a question from a customer: …", "ok so here is my problem: …".
"""

import re

from fanno_hf.parsing import words
from fanno_hf.parsing.labels import alternatives
from fanno_hf.parsing.removed import Removed
from fanno_hf.parsing.wrapping import MOST_LAYERS

# a preamble is a sentence or two, no page
_LONGEST = 300
_SIGNS = r"[*_#>¡¿\s]{0,8}"
_START, _END = r"(?<![^\W\d_])", r"(?![^\W\d_])"


def _any(listed: tuple[str, ...], before: str = "", after: str = "") -> re.Pattern:
    return re.compile(rf"{before}(?:{alternatives(listed)}){after}", re.IGNORECASE)


_OPENER = re.compile(
    rf"{_SIGNS}(?:(?P<strong>{alternatives(words.OPENERS)})|(?:{alternatives(words.WEAK_OPENERS)})){_END}"
    r"[ ]?(?P<stop>[,.!:;、，。！–—\-]{0,3})[*_]{0,3}\s{0,4}",
    re.IGNORECASE,
)
_BASIS = _any(words.BASES, before=_SIGNS, after=r"[^\n:：?？]{0,120}?[,，、]\s{0,2}")
_PRESENTER = _any(words.PRESENTERS, before=_SIGNS, after=r"(?!\s+(?:my|our)\b)")
_FIRST_PERSON = _any(words.FIRST_PERSON, before=_SIGNS, after=_END)
_MADE = _any(words.MADE, before=_START, after=_END)
# "One possible question could be:", but not "List all possible questions:"
_POSSIBLE = re.compile(
    rf"{_SIGNS}(?:(?:(?:the|a|an|one|eine|ein|una|une|un|uma|um)\s(?:\w{{1,20}}\s)?)?(?:{alternatives(words.POSSIBLE)}){_END}"
    rf"|[^\n:：?？]{{0,80}}(?:{alternatives(words.PRESENTED)}))",
    re.IGNORECASE,
)
_NOUN = re.compile(
    rf"{_START}(?:{alternatives((*words.NOUNS, *words.PLURALS))}){_END}|{alternatives(words.NOUN_STEMS)}",
    re.IGNORECASE,
)
# "from a customer", but not "from the text"
_OWNED = _any(
    words.OWNERS, before="[ ]", after=rf"{_END}(?![^\n:：]{{0,30}}{_START}(?:{alternatives(words.READERS)}){_END})"
)
_SEVERAL = re.compile(
    rf"(?<!the ){_START}(?:{alternatives(words.PLURALS)}){_END}|[2-9２-９二两三四五几]\s?(?:つ|個|个|道|条|種類)|いくつか|一些|几个|여러|몇",
    re.IGNORECASE,
)
_EMPHASIS_END = re.compile(r"^[*_]{1,3}(?:\s+|$)")
_SENTENCE_END = re.compile(r"[:：。！]|[.!](?=[\s*_]|$)|$")


def without_preamble(text: str, removed: Removed) -> tuple[str, bool]:
    """Takes preambles off the start, one after the other.

    Returns the text and whether a preamble announced several instructions. A preamble with nothing behind it stays.
    """
    several = opened = False
    for _ in range(MOST_LAYERS):
        size, strong = _preamble(text, opened)
        preamble, rest = text[:size], text[size:].lstrip()
        if preamble.lstrip()[:1] in ("*", "_"):
            rest = _EMPHASIS_END.sub("", rest, count=1)
        if not preamble or not rest:
            break
        removed.take("preamble", text[: len(text) - len(rest)])
        opened, several = opened or strong, several or bool(_SEVERAL.search(preamble))
        text = rest
    return text, several


def _preamble(text: str, opened: bool) -> tuple[int, bool]:
    """Returns the length of the preamble at the start, 0 when there is none, and whether it has a word like "Sure".

    Behind such a word (`opened`: in a sentence before this one), less of an announcement is enough.
    """
    head = text[:_LONGEST].partition("\n")[0]
    opener = _OPENER.match(head)
    opens = bool(opener and opener["strong"])
    basis = _BASIS.match(head, start := opener.end() if opener else 0)
    if basis:
        start = basis.end()
    end = _SENTENCE_END.search(head, start).start() + 1
    if _announces(head[start:end], bool(head[end:].strip(" *_")), opened or opens, bool(basis)):
        return end, opens
    return (opener.end() if opens and re.search(r"[.!:。！]", opener["stop"]) else 0), opens


def _announces(sentence: str, inline: bool, strong: bool, based: bool) -> bool:
    """Tells whether a sentence announces an instruction; one that goes on in its line must end with a colon."""
    if "?" in sentence or len(sentence) >= _LONGEST - 1 or (inline and sentence[-1] not in ":：" and not strong):
        return False
    if presenter := _PRESENTER.match(sentence):
        noun = _NOUN.search(sentence, presenter.end())
        if noun is None:
            return not sentence[presenter.end() :].strip(" :：.!。")
        return not _OWNED.match(sentence, noun.end())
    if first := _FIRST_PERSON.match(sentence):
        noun = _NOUN.search(sentence, first.end())
        return strong or (bool(noun) and (based or bool(_MADE.search(sentence))))
    return sentence[-1:] in (":", "：", "。") and bool(_POSSIBLE.match(sentence) and _NOUN.search(sentence))
