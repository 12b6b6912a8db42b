"""Marks written into the source of a page, which its extracted text still has: so that text says what stood in which element.

A page is not walked element by element, which takes ten times as long as to extract its text; a mark is one character, of those
that Unicode keeps free for such use, behind the tag that opens an element or before the one that closes it.
"""

import re

LINK, LINK_END = "\ufdd0", "\ufdd1"
CODE, CODE_NAMED, CODE_END = "\ufdd2", "\ufdd3", "\ufdd4"
TABLE, ROW, CELL, TABLE_END = "\ufddb", "\ufdd5", "\ufdd6", "\ufdd7"
MAIN, MAIN_END = "\ufdd8", "\ufdd9"
HEADING = "\ufdda"
_ANY = re.compile("[\ufdd0-\ufddf]+")

_TAG = re.compile(r"<(/?(?:a|h[1-6]|t[dhr]|pre|main|article|table))\b[^>]*>", re.IGNORECASE)
_BEFORE = {"/a": LINK_END, "/pre": CODE_END, "/main": MAIN_END, "/article": MAIN_END}
_BEHIND = {
    **{"a": LINK, "main": MAIN, "article": MAIN, "table": TABLE, "/table": TABLE_END},
    **{f"h{level}": f"{HEADING}{level}" for level in range(1, 7)},
}
_LANGUAGE = re.compile(
    r"""(?:[\s"'](?:language-|lang-|highlight-(?:source-)?)|\bbrush:\s*|\bsourceCode\s+|data-lang(?:uage)?=["']?)([\w+#.-]+)""",
    re.IGNORECASE,
)
_NO_LANGUAGE = ("default", "none", "text", "plain", "plaintext", "source", "highlight", "notranslate")
_AROUND = 200  # characters before and behind <pre> that may name the language of the code
_WITHOUT_END = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)([a-zA-Z][^\s/>]*)([^<>]*?)/>"
)


def unmarked(text: str) -> str:
    """Returns a text without marks."""
    return _ANY.sub("", text)


def opened(page: str) -> str:
    """Returns a page of XHTML as HTML has it: elements that are closed as they are opened, as `<a id="x"/>`, have an end tag."""
    return _WITHOUT_END.sub(r"<\1\2></\1>", page)


def marked(page: str) -> str:
    """Returns the source of a page with marks."""
    begins_row = True

    def mark(match: re.Match) -> str:
        nonlocal begins_row
        tag, name = match.group(), match[1].lower()
        if found := _BEHIND.get(name):
            return tag + found
        if found := _BEFORE.get(name):
            return found + tag
        if name in ("td", "th"):
            found, begins_row = ROW if begins_row else CELL, False
            return tag + found
        if name == "tr":  # what stands there, outside of a cell, would be moved out of the table
            begins_row = True
        elif name == "pre":
            return f"{tag}{CODE}{_language(match)}{CODE_NAMED}"
        return tag

    return _TAG.sub(mark, page)


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
