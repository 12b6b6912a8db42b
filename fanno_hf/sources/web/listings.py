"""Code that a page has in other elements than <pre>, a line each, as <pre>.

<div class="fragment"><div class="line">int a;</div><div class="line">  int b;</div></div>  ->  <pre>int a;\n  int b;\n</pre>
"""

import re

_LISTING = re.compile(
    r"<div class=\"(?:fragment|container)\">(?=\s*(?:<a\b[^<>]*></a>\s*)?<div class=\"(?:line|foldopen)\b)"
)
_DIV = re.compile(r"<(/?)div\b([^<>]*)>")
_NUMBER = re.compile(r"<span class=\"lineno\">(?:<a\b[^<>]*>)?\s*\d+(?:</a>)?\s*</span>(?:&#160;|&nbsp;| )?")
_LINE, _TIP = 'class="line', 'class="ttc'  # a tip is shown when a name in the code is pointed at


def with_listings(page: str, names: str) -> str:
    """Returns the source, of a page with these names, with code of Doxygen and SyntaxHighlighter in <pre>."""
    if "fragment" not in names and "syntaxhighlighter" not in names:
        return page
    pieces, start = [], 0
    while match := _LISTING.search(page, start):
        code, end = _listing(page, match.end())
        pieces += [page[start : match.start()], code]
        start = end
    return "".join([*pieces, page[start:]])


def _listing(page: str, start: int) -> tuple[str, int]:
    """Returns the lines of a listing of which the content begins there, and where what is behind it does."""
    lines: list[str] = []
    inside: list[str] = []  # what the elements that are open are, and how many of each
    count = {_LINE: 0, _TIP: 0, "": 0}
    for tag in _DIV.finditer(page, start):
        if count[_LINE] and not count[_TIP]:
            lines.append(page[start : tag.start()])
        start = tag.end()
        if not tag[1]:
            inside.append(next((kind for kind in (_LINE, _TIP) if kind in tag[2]), ""))
            count[inside[-1]] += 1
        elif not inside:
            break
        else:
            kind = inside.pop()
            count[kind] -= 1
            lines.append("\n" if kind == _LINE else "")
    return f"<pre>{_NUMBER.sub('', ''.join(lines))}</pre>", start
