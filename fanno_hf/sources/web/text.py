"""From the source of a page to its text in Markdown form."""

import html
import re

from fanno_hf.sources.markdown import fence, table
from fanno_hf.sources.web import content, marks
from fanno_hf.sources.web.marks import CELL, CODE, CODE_END, CODE_NAMED, LINK, ROW, TABLE, TABLE_END, marked, unmarked

_TITLE = re.compile(r"<title\b[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_MARKED_HEADING = re.compile(rf"{marks.HEADING}([1-6])([^\n]*)")
_BULLET = re.compile(r"^  ( *)• *", re.MULTILINE)
_NUMBER = re.compile(r"^  ( *\d+\. )", re.MULTILINE)
_CODE = re.compile(rf"{CODE}([^{CODE_NAMED}]*){CODE_NAMED}([^{CODE}]*?){CODE_END}")
_TABLE = re.compile(f"{TABLE}[^{TABLE}{TABLE_END}]*{TABLE_END}")
_CELL = re.compile(f"[{ROW}{CELL}]")
_BLANK = re.compile(r"\n\s*\n(?=[^\n])|\n{3,}")
_LAYOUT = 600  # characters in a cell from which on a table only lays a page out
_FEW = 300  # characters of content that may be too few


def title_of(page: str) -> str:
    """Returns the `<title>` of a page, or ""."""
    found = _TITLE.search(page)
    return " ".join(html.unescape(_COMMENT.sub("", found[1])).split()) if found else ""


def text_of(page: str, is_whole: bool = False) -> str:
    """Returns the content of a page; `is_whole`: all of it that is shown."""
    from resiliparse.extract.html2text import extract_plain_text

    page = marked(page)
    hidden = content.hidden(page)
    if is_whole:
        return _markdown(extract_plain_text(page, skip_elements=hidden))
    text = extract_plain_text(page, skip_elements=[*hidden, *content.navigation(page)])
    text = content.main_part(content.without_navigation(content.without_anchors(text)))
    if len(text) < _FEW:
        whole = extract_plain_text(page, skip_elements=hidden)
        if content.length(whole) > 3 * content.length(text):
            text = content.without_navigation(whole) if content.length(text) else whole
    return _markdown(text)


def heading_of(text: str) -> str:
    """Returns the first heading of a text in Markdown form, or ""."""
    found = _HEADING.search(text)
    return found[1] if found else ""


def _markdown(text: str) -> str:
    """Returns the extracted text of a marked page in Markdown form."""
    text = content.without_anchors(text)
    if "•" in text:
        text = _BULLET.sub(r"\1- ", text)
    text = _NUMBER.sub(r"\1", text)
    if TABLE in text:
        text = _TABLE.sub(_table, text)
    text = _MARKED_HEADING.sub(_heading, text)
    if CODE in text:
        text = _CODE.sub(lambda match: f"\n\n{fence(match[2], match[1])}\n\n", text)
    if LINK in text:
        text = text.replace(f" {LINK} ", f" {LINK}")
    return _BLANK.sub("\n\n", unmarked(text)).strip()


def _heading(match: re.Match) -> str:
    words = unmarked(match[2]).strip()
    return f"\n\n{'#' * int(match[1])} {words}\n\n" if words else ""


def _table(match: re.Match) -> str:
    """Returns a table in Markdown form, or, where it only lays the page out, its cells one after another."""
    found = match.group()[1:-1]
    _, *rows = ([cell.strip() for cell in row.split(CELL)] for row in found.split(ROW))
    cells = [cell for row in rows for cell in row]
    is_layout = len(rows) < 2 or max(map(len, rows)) < 2 or max(map(len, cells)) > _LAYOUT
    if is_layout or CODE in found or marks.HEADING in found:
        return _CELL.sub("\n", found)
    before = found.partition(ROW)[0].strip()
    return f"{before}\n\n{table([[unmarked(cell) for cell in row] for row in rows])}\n\n"
