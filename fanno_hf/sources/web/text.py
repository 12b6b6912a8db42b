"""From the source of a page to its text in Markdown form."""

import html
import re
from itertools import chain, zip_longest

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from fanno_hf.sources.markdown import fence, table
from fanno_hf.sources.web import content, marks
from fanno_hf.sources.web.formulas import with_formulas
from fanno_hf.sources.web.listings import with_listings
from fanno_hf.sources.web.lists import numbered, sectioned
from fanno_hf.sources.web.marks import (
    CELL,
    CODE,
    CODE_END,
    CODE_NAMED,
    ROW,
    TABLE,
    TABLE_END,
    marked,
    rare_tags,
    unmarked,
)

_TITLE = re.compile(r"<title\b[^<>]*>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*(?:<\?xml[^<>]*>\s*)?<!DOCTYPE[^<>\[]*\[[^\]]*\]\s*>", re.IGNORECASE)  # with entities
_NO_FRAMES = re.compile(r"<(/?)noframes\b[^<>]*>", re.IGNORECASE)
_MARKED_HEADING = re.compile(rf"{marks.HEADING}([1-6])([^\n]*)")
_NUMBER = re.compile(r"\n  ( *\d+\. )")
_CODE = re.compile(rf"{CODE}([^{CODE_NAMED}]*){CODE_NAMED}([^{CODE}]*?){CODE_END}")
_TABLE = re.compile(f"{TABLE}[^{TABLE}{TABLE_END}]*{TABLE_END}")
_CELL = re.compile(f"[{ROW}{CELL}]")
_BLANK = re.compile(r"\n(?:[ \t]*\n){2,}")
_DEEPEST = 8  # lists within lists
_FEW = 300  # characters, of a page that has far more, that are too few to be its content
_LAYOUT = 600  # characters in a cell from which on a table only lays a page out


def title_of(page: str) -> str:
    """Returns the `<title>` of a page, or ""."""
    found = _TITLE.search(page)
    end = page.find("</", found.end()) if found else -1
    return " ".join(html.unescape(page[found.end() : end]).split()) if end > 0 else ""


def text_of(page: str, is_whole: bool = False) -> str:
    """Returns the content of a page; `is_whole`: all of it that is shown."""
    if declared := _DOCTYPE.match(page):
        page = page[declared.end() :]
    names, rare = content.names_of(page), rare_tags(page)
    source, page = page, marked(with_formulas(with_listings(page, names), names, rare), rare)
    tree = HTMLTree.parse(page)
    if tree.body is None or tree.body.tag != "body":  # but frames
        source = _without_frames(source)
        return text_of(source, is_whole) if source else ""
    hidden = content.hidden(page, names)
    if is_whole:
        return _markdown(extract_plain_text(tree, skip_elements=hidden))
    main = content.main_part(tree.body, page, names)
    if main.tag != "body":
        tree.body.replace_children(main)
    text = extract_plain_text(tree, skip_elements=[*hidden, content.navigation(names)])
    if len(text) < _FEW and len(whole := extract_plain_text(tree, skip_elements=hidden)) > 3 * len(text):
        text = whole
    return _markdown(content.without_navigation(text) or text)


def _without_frames(page: str) -> str:
    """Returns what a page shows where there are no frames, or ""."""
    start = end = 0
    for tag in _NO_FRAMES.finditer(page):
        start, end = (start, tag.start()) if tag[1] else (tag.end(), len(page))
        if tag[1]:
            break
    return page[start:end]


def _markdown(text: str) -> str:
    """Returns the extracted text of a marked page in Markdown form."""
    text, *codes = _CODE.split(content.without_links(text))
    fences = [
        fence(code.replace("\xa0", " "), language) for language, code in zip(codes[::3], codes[1::3], strict=True)
    ]
    prose = CODE.join(each.replace(CODE, "") for each in (text, *codes[2::3]))
    pieces = _prose(prose).split(CODE)
    return "\n\n".join(filter(None, chain(*zip_longest(map(str.strip, pieces), fences))))


def _prose(text: str) -> str:
    text = "\n" + sectioned(numbered(text))
    for depth in range(_DEEPEST):
        if "•" not in text:
            break
        text = text.replace(f"\n  {'  ' * depth}• ", f"\n{'  ' * depth}- ")
    text = _NUMBER.sub(r"\n\1", text)
    if TABLE in text:
        text = _TABLE.sub(_table, text)
    text = _MARKED_HEADING.sub(_heading, text)
    return _BLANK.sub("\n\n", unmarked(text))


def _heading(match: re.Match) -> str:
    words = match[2].strip()
    return f"\n\n{'#' * int(match[1])} {words}\n\n" if words else ""


def _table(match: re.Match) -> str:
    """Returns a table in Markdown form, or, where it only lays the page out, its cells one after another."""
    found = match.group()[1:-1]
    before, *rows = found.split(ROW)
    cells = [[" ".join(cell.split()) for cell in row.split(CELL)] for row in rows]
    most = max((sum(map(bool, row)) for row in cells), default=0)
    is_layout = len(cells) < 2 or most < 2 or max(map(len, chain(*cells))) > _LAYOUT
    if is_layout or CODE in found or marks.HEADING in found:
        return _CELL.sub("\n", found)
    return f"{before.strip()}\n\n{table(cells)}\n\n"
