"""Formulas, and what is raised or lowered, as a line of text in which nothing changes its meaning.

10 with a raised 3  ->  "10^3"         <mfrac><mn>1</mn><mn>2</mn></mfrac>  ->  "1/2"
"""

import re
from collections.abc import Callable
from typing import Any

RAISED, LOWERED = "^", "_"
_LONGEST = 20  # letters of what is raised for its meaning
_SIMPLE = re.compile(r"[-+\u2212\u2013]?[\w.]*[-+\u2212]?|[\u2032\u2033'*\u2020\u2021\u00b0]+")
_ENDING = re.compile(r"[^\W\d_]{2,}|st|nd|rd|th")  # as in 1st, Mme
_ENDINGS = "aeo\u00aa\u00ba"  # of a number: 2e, 1o
_BESIDE = "\u2032\u2033\u2034'*\u2020\u2021\u00b0\u00af~\u02c6\u2192\u20d7^\u02d9\u00a8\u203e"  # is read beside what it belongs to
_CLOSING = ")]}\u2019'|!"
_INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))
_DISPLAY = re.compile(r"\{?\\(?:display|text)style\s*(.*?)\}?", re.DOTALL)


def script(mark: str, text: str, before: str) -> str:
    """Returns what stands raised or lowered behind a letter, so that it is read as such.

    >>> script("^", "3", "0"), script("^", "n+1", "x"), script("_", "2", "H"), script("^", "st", "1"), script("^", "7", ".")
    ('^3', '^(n+1)', '_2', 'st', '[7]')
    """
    words = text.strip()
    if not words or len(words) > _LONGEST or words[0] in "[(^" or not before or before.isspace():
        return text
    if mark == RAISED:
        if _ENDING.fullmatch(words) or (before.isdigit() and words in _ENDINGS) or not any(map(str.isalnum, words)):
            return text
        if not before.isalnum() and before not in _CLOSING:  # behind the end of a sentence
            return f"[{words}]" if words.isdigit() else text
    return mark + _grouped(words)


def tex(source: str) -> str:
    """Returns TeX as Markdown has it."""
    source = " ".join(source.split())
    match = _DISPLAY.fullmatch(source)
    if match and source.startswith("{") == source.endswith("}"):
        source = match[1].strip()
    return f"${source}$" if source else ""


def formula(element: Any) -> str:
    """Returns a formula of MathML, or of a Word document, given as an element of lxml: its TeX, where it has it."""
    for note in element.iter("{*}annotation", "annotation"):
        if "tex" in note.get("encoding", "").lower():
            return tex(note.text or "")
    return " ".join(_text(element).translate(_INVISIBLE).split())


def _text(element: Any) -> str:
    name = _name(element)
    if name in _LEAVES:
        return (element.text or "").strip(" \n\t") if name != "t" else element.text or ""
    parts = [_text(child) for child in element.iterchildren("*") if not _is_silent(_name(child))]
    if name == "nary":  # a sum, an integral …
        sign = next((found for child in element for found in child.iterchildren("{*}chr")), None)
        name = "\u222b" if sign is None else next(iter(sign.values()), "")
        return f"{_powers(name, *parts[:2])} {''.join(parts[2:])}"
    try:
        return _FORMS[name](*parts) if name in _FORMS else "".join(parts)
    except (TypeError, IndexError):  # it has too few parts, or too many
        return "".join(parts)


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2].rpartition(":")[2]


def _is_silent(name: str) -> bool:
    return name.endswith("Pr") or name in ("annotation", "annotation-xml", "mphantom", "none", "mprescripts")


def _grouped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _powers(base: str, lower: str = "", upper: str = "") -> str:
    for mark, part in ((LOWERED, lower), (RAISED, upper)):
        base += part if part and part in _BESIDE else mark + _grouped(part) if part else ""
    return base


def _root(of: str, degree: str = "") -> str:
    return f"root({of}, {degree})" if degree else f"sqrt({of})"


_LEAVES = ("mi", "mn", "mo", "mtext", "ms", "t")
_FORMS: dict[str, Callable[..., str]] = {
    **dict.fromkeys(("mfrac", "f"), lambda over, under: f"{_grouped(over)}/{_grouped(under)}"),
    **dict.fromkeys(("msup", "mover", "sSup", "limUpp"), lambda base, upper: _powers(base, "", upper)),
    **dict.fromkeys(("msub", "munder", "msubsup", "munderover", "sSub", "sSubSup", "limLow"), _powers),
    "msqrt": lambda *parts: _root("".join(parts)),
    "mroot": _root,
    "rad": lambda *parts: _root(parts[-1], *parts[:-1]),
    **dict.fromkeys(("mfenced", "d"), lambda *parts: f"({', '.join(parts)})"),
    **dict.fromkeys(("mtr", "mr"), lambda *cells: ", ".join(cells)),
    **dict.fromkeys(("mtable", "m", "eqArr"), lambda *rows: "; ".join(rows)),
}
"""Name of an element -> what is made of its parts."""
