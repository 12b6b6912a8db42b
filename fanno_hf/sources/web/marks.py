"""Marks written into the source of a page, which its extracted text still has: so that text says what stood in which element.

A page is not walked element by element, which takes ten times as long as to extract its text; a mark is one character, a control
code that no text has, behind the tag that opens an element or before the one that closes it.
"""

import re

LINK, LINK_END = "\x01", "\x02"
CODE, CODE_NAMED, CODE_END = "\x03", "\x04", "\x05"
TABLE, ROW, CELL, TABLE_END = "\x06", "\x07", "\x08", "\x0e"
HEADING, START = "\x0f", "\x10"
_REMOVED = (LINK, LINK_END, CODE_NAMED, CODE_END, TABLE, ROW, CELL, TABLE_END, HEADING, START)

_TAG = re.compile(r"<([aA]|[hH][1-6]|[tT][dDhHrR]|pre|PRE|table|TABLE|summary)(?=[\s>])[^<>]*>")
_BEHIND = {"a": LINK, "table": TABLE, **{f"h{level}": f"{HEADING}{level}" for level in range(1, 7)}}
_BEHIND |= {name.upper(): mark for name, mark in _BEHIND.items()}
_RARE = re.compile(r"<(su[bp]|SU[BP]|math|m:math|mml:math|ol(?= )|OL(?= )|li(?= value)|script(?=[^<>]*math/tex))")
_FIRST = r"\s*=\s*[\"']?(\d{1,9})[^<>]*>(?:\s*<(?:li|p|div|LI|P|DIV)\b[^<>]*>)*"
_STARTS = {  # the first item of a list that does not begin at 1, and one that has a number of its own
    "ol": re.compile(rf"<ol (?:[^<>]* )?start{_FIRST}"),
    "OL": re.compile(rf"<OL (?:[^<>]* )?(?i:start){_FIRST}"),
    "li": re.compile(rf"<li value{_FIRST}"),
}
_ENDS = {
    "a": f"{LINK_END}</a>",
    "pre": f"{CODE_END}</pre>",
    "table": f"</table>{TABLE_END}",
    "summary": "</summary><br>",
}
_CELLS = ("td", "th", "TD", "TH")
_LANGUAGE = re.compile(
    r"""(?:[\s"'](?:language-|lang-|highlight-(?:source-)?)|\bbrush:\s*|\bsourceCode\s+|data-lang(?:uage)?=["']?)([\w+#.-]+)""",
    re.IGNORECASE,
)
_NO_LANGUAGE = ("default", "none", "text", "plain", "plaintext", "source", "highlight", "notranslate")
_AROUND = 200  # characters before and behind <pre> that may name the language of the code
_VOID = frozenset(re.findall(r"\w+", "area base br col embed hr img input link meta param source track wbr"))
_LAST_TAG = re.compile(r"<([a-zA-Z][\w:.-]*)[^>]*\Z")


def unmarked(text: str) -> str:
    """Returns a text without marks, but for those that stand for code."""
    for mark in _REMOVED:
        text = text.replace(mark, "")
    return text


def opened(page: str) -> str:
    """Returns a page of XHTML as HTML has it: elements that are closed as they are opened, as `<a id="x"/>`, have an end tag."""
    *pieces, last = page.split("/>")
    for number, piece in enumerate(pieces):
        tag = _LAST_TAG.match(piece, piece.rfind("<")) if "<" in piece else None
        pieces[number] += f"></{tag[1]}>" if tag and tag[1] not in _VOID else "/>"
    return "".join([*pieces, last])


def rare_tags(page: str) -> set[str]:
    """Returns the names of those elements in a page that few have and that need more work."""
    return set(_RARE.findall(page))


def marked(page: str, rare: set[str]) -> str:
    """Returns the source of a page, of which these are the `rare_tags`, with marks."""
    begins_row, seen = True, set()

    def mark(match: re.Match) -> str:
        nonlocal begins_row
        tag, name = match.group(0, 1)
        if found := _BEHIND.get(name):
            seen.add(name)
            return tag + found
        if name in _CELLS:
            found, begins_row = ROW if begins_row else CELL, False
            return tag + found
        if name in ("tr", "TR"):  # what stands there, outside of a cell, would be moved out of the table
            begins_row = True
            return tag
        seen.add(name)
        return tag if name == "summary" else f"{tag}{CODE}{_language(match)}{CODE_NAMED}"

    page = _TAG.sub(mark, page)
    for name in _STARTS.keys() & rare:
        page = _STARTS[name].sub(lambda match: f"{match.group()}{START}{match[1]}{START}", page)
    for name in seen:
        if end := _ENDS.get(name.lower()):
            page = page.replace(f"</{name}>", end)
    return page


def _language(match: re.Match) -> str:
    """Returns the language that the class of <pre>, of <code> in it or of <div> around it names; "" where none does."""
    page = match.string
    around = page[max(0, match.start() - _AROUND) : match.start()]
    behind = page[match.end() : match.end() + _AROUND].lstrip()
    around = around[around.rfind("</") + 1 :]
    for text in (match.group(), behind[: behind.find(">") + 1] if behind.startswith("<code") else "", around):
        found = _LANGUAGE.search(text)
        if found and found[1].lower() not in _NO_LANGUAGE:
            return found[1].lower()
    return ""
