"""What form a text has: sentences, questions, paragraphs, lists, tables, one word. Each function takes linear time.

"Sort these by height:\\n- oak\\n- elm"  ->  has_list, not is_one_sentence, not is_question, one paragraph
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from fanno_hf.texts.segment import words

_END = ".!?…。！？｡؟۔।॥։።။។"  # what ends a sentence, in the scripts that have such a mark
_QUESTION = ("?", "？", "؟", "か", "か。")  # Japanese asks without a mark, too
_OPENING, _CLOSING, _QUOTES = "\"'“‘„«「『(（[¿¡*_", "\"'”’“»」』)）]*_", "\"'”’“»」』"
# these marks have no space behind them; inside a quotation the sentence around it goes on
_UNSPACED_END = re.compile(r"([。！？｡])(?![。！？｡」』])")
# "e.g.", "z. B.", "J. Smith", "Dr.", "vs.": a full stop behind these ends no sentence
_ABBREVIATION = re.compile(r"(?:[^\W\d_]{1,2}\.)*[^\W\d_]|[A-Z]?(?![a-z]*[aeiouy])[a-z]{1,2}")
_SHORT = 3  # letters; before a small letter or a digit such a word is taken for an abbreviation: "etc. and", "no. 5"
_ITEM = re.compile(
    r"[-*•‣▪◦–]\s+\S"  # - oak
    r"|[#>*_\s]{0,8}[(（]?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{2,4})[.)．）、](?:\s+\S|[^\x00-\x7f])"  # 1. oak, (a) oak, 1、樫
    r"|[①-⑳㈠-㈩]|[一二三四五六七八九十]{1,3}、"
)
_RULE = frozenset(" \t|+:=-")  # characters of |---|:--:|
_PARTS = 8  # "well-known" has two; in a script without spaces each character is one


def sentences(text: str) -> list[str]:
    """Returns the sentences of a text; the end of a line is the end of a sentence, too.

    A script that marks no end of a sentence, such as Thai, gives one sentence a line.

    >>> sentences("Name a moss, e.g. of Dr. Smith's. How does it drink? 苔は緑。根はない。")
    ["Name a moss, e.g. of Dr. Smith's.", 'How does it drink?', '苔は緑。', '根はない。']
    """
    return [sentence for line in text.splitlines() for sentence in _sentences(line)]


def is_one_sentence(text: str) -> bool:
    """Whether a text is one sentence, with or without a mark at its end."""
    return len(sentences(text)) == 1


def is_question(text: str) -> bool:
    """Whether one of the sentences ends with a question mark that stands in no quotation."""
    return any(sentence.rstrip("*_)）]!！").endswith(_QUESTION) for sentence in sentences(text))


def paragraphs(text: str) -> int:
    """Returns the number of paragraphs: what empty lines separate."""
    lines = ["", *text.splitlines()]
    return sum(bool(line.strip()) and not before.strip() for before, line in pairwise(lines))


def has_list(text: str) -> bool:
    """Whether two lines or more begin like the items of a list: with a bullet, a number or a letter."""
    return sum(_ITEM.match(line.lstrip()) is not None for line in text.splitlines()) > 1


def has_table(text: str) -> bool:
    """Whether two lines in succession are rows of columns, by bars or tabs, or one of them a rule as Markdown has it."""
    lines = [line.strip() for line in text.splitlines()]
    return any(_is_table(first, second) for first, second in pairwise(lines))


def is_one_word(text: str) -> bool:
    """Whether a text is one word, such as "well-known" or "3.5", with or without marks around it.

    In a script without spaces: at most 8 characters that are no sentence by their mark.
    """
    return len(text.split()) == 1 and 1 <= len(words(text)) <= _PARTS and not _UNSPACED_END.search(text)


def is_one_line(text: str) -> bool:
    """Whether a text has no line break, however long it is."""
    return len(text.strip().splitlines()) == 1


def _sentences(line: str) -> Iterator[str]:
    found: list[str] = []
    tokens = _UNSPACED_END.sub(r"\1 ", line).split()
    for token, following in pairwise([*tokens, ""]):
        found.append(token)
        if not following or _ends(token, following):
            yield " ".join(found)
            found = []


def _ends(token: str, following: str) -> bool:
    """Whether a sentence ends between two pieces of a line."""
    bare, start = token.rstrip(_CLOSING), following.lstrip(_OPENING)[:1]
    goes_on = start.islower() or start.isdigit()
    if not bare.endswith(tuple(_END)) or (goes_on and token.endswith(tuple(_QUOTES))):  # "Why?" she asked
        return False
    stem = bare.rstrip(_END).lstrip(_OPENING)
    if bare[-1] != ".":
        return True
    return bool(stem) and not _ABBREVIATION.fullmatch(stem) and not (goes_on and len(stem) <= _SHORT)


def _is_table(first: str, second: str) -> bool:
    bars, tabs = min(first.count("|"), second.count("|")), first.count("\t")
    if bars > 1 and first[0] == first[-1] == second[0] == second[-1] == "|":
        return True
    return (bars > 0 and "-" in second and _RULE.issuperset(second)) or 0 < tabs == second.count("\t")
