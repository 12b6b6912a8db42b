"""Formulas in the source of a page, and what is raised or lowered in it, as text that the page would show otherwise.

10<sup>3</sup>                                  ->  10<sup>^3</sup>
<math>…<annotation encoding="application/x-tex">x^2</annotation></math>  ->  $x^2$
<img class="tex" alt="x^2">                     ->  $x^2$
"""

import html
import re

from fanno_hf.sources.formula import LOWERED, RAISED, formula, script, tex

_SCRIPT = re.compile(r"<([sS][uU][pPbB])\b[^<>]*>([^<]*(?:<(?!/?[sS][uU][pPbB]\b)[^<]*){0,8})</\1\s*>")
_TAG = re.compile(r"<[^<>]*>")
_INLINE = re.compile(
    r"</?(?:a|abbr|b|big|cite|code|em|font|i|kbd|small|span|strong|sub|sup|tt|u|var)\b", re.IGNORECASE
)
_ENTITY = re.compile(r"&#?\w+;\Z")
_LOOKED_AT = 200  # characters before what is raised
_LONGEST = 3  # letters of the mark of a note

_MATH = re.compile(r"<((?:m:|mml:)?)math\b[^<>]*>")
_ALTTEXT = re.compile(r"\salttext\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_NAMED = re.compile(r"&(?!lt;|gt;|amp;|quot;)(\w+);")
_SAME = re.compile(r"\s*</span>\s*<img\b[^<>]*>")  # as a picture, for browsers without MathML
_UNSEEN = re.compile(r"(class=\"mwe-math-mathml[^\"]*\")\s+style=\"display:\s*none;?\"")
_IMAGE = re.compile(
    r"<img\b(?=[^<>]*\sclass=[\"'](?:[^\"']*[\s-])?(?:math|tex|latex)\b)[^<>]*?\salt=(?:\"([^\"]*)\"|'([^']*)')[^<>]*>"
)
_IMAGES = ("math", "latex", " tex ")
_MATHJAX = re.compile(r"<script\b[^<>]*\stype=[\"']math/tex[^<>]*>(.{0,9999}?)</script>", re.DOTALL)


def with_formulas(page: str, names: str, rare: set[str]) -> str:
    """Returns the source of a page with formulas as text; `names` and `rare` as `names_of` and `rare_tags` give them."""
    if "script" in rare:
        page = _MATHJAX.sub(lambda match: _escaped(tex(match[1])), page)
    if rare & {"math", "m:math", "mml:math"}:
        page = _without_mathml(_UNSEEN.sub(r"\1", page))
    if any(name in f" {names} " for name in _IMAGES):
        page = _IMAGE.sub(lambda match: _escaped(tex(html.unescape(match[1] or match[2] or ""))), page)
    if rare & {"sup", "sub", "SUP", "SUB"}:
        page = _SCRIPT.sub(_scripted, page)
    return page


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _without_mathml(page: str) -> str:
    pieces, start = [], 0
    while match := _MATH.search(page, start):
        end = page.find(f"</{match[1]}math>", match.end())
        if end < 0:
            break
        pieces += [page[start : match.start()], _escaped(_formula(page[match.start() : end], match))]
        start = end + len(match[1]) + len("</math>")
        same = _SAME.match(page, start)
        if same and "math" in same.group():
            start = same.end()
    return "".join([*pieces, page[start:]])


def _formula(source: str, match: re.Match) -> str:
    from lxml import etree  # slow to load, and few pages need it

    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    plain = _NAMED.sub(lambda entity: html.unescape(entity.group()), source)
    root = etree.fromstring(f"{plain}</{match[1]}math>".encode(), parser)
    found = "" if root is None else formula(root)
    alternative = _ALTTEXT.search(match.group())
    if alternative and not found.startswith("$"):
        return tex(html.unescape(alternative[1] or alternative[2] or "")) or found
    return found


def _scripted(match: re.Match) -> str:
    """Returns an element of which the text says that it is raised, or lowered; a link in it is the mark of a note."""
    whole, inner = match.group(0, 2)
    words = html.unescape(_TAG.sub("", inner)).strip()
    if not words:
        return whole
    before, is_link = _before(match.string[max(0, match.start() - _LOOKED_AT) : match.start()])
    mark = RAISED if match[1][-1] in "pP" else LOWERED
    if mark == RAISED and before and (is_link or "<a" in inner):
        found = f"[{words}]" if words.isalnum() and len(words) <= _LONGEST else words
    else:
        found = script(mark, words, before)
    if found == words:
        return whole
    head, _, tail = found.partition(words)
    opened = match.start(2) - match.start()
    return f"{whole[:opened]}{head}{inner.strip()}{tail}</{match[1]}>"


def _before(source: str) -> tuple[str, bool]:
    """Returns the letter that stands before a place in the source, "" for none, and whether a link was opened between them."""
    is_link = False
    while source.endswith(">"):
        start = source.rfind("<")
        if start < 0 or not _INLINE.match(source, start):
            return "", is_link
        is_link |= source[start : start + 2].lower() == "<a"
        source = source[:start]
    entity = _ENTITY.search(source[-12:])
    return (html.unescape(entity.group()) if entity else source)[-1:], is_link
