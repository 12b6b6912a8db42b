"""Which elements of a page, and which lines of its text, are no content."""

import re
from collections.abc import Iterator
from functools import lru_cache

from fanno_hf.sources.web.marks import LINK, LINK_END, MAIN, MAIN_END, unmarked

_NEVER = ("img", "area", "svg", "math annotation", "canvas", "rp")
_TAGS = ("nav", "aside", "footer", "dialog", "menu", "search")
_ROLES = frozenset(
    [
        "alert",
        "alertdialog",
        "banner",
        "complementary",
        "contentinfo",
        "dialog",
        "menu",
        "menubar",
        "navigation",
        "search",
        "toolbar",
        "tooltip",
    ]
)
_WORDS = frozenset(
    [
        "nav",
        "navi",
        "navigation",
        "navbar",
        "navheader",
        "navfooter",
        "navbox",
        "menu",
        "breadcrumb",
        "breadcrumbs",
        "sidebar",
        "sidebars",
        "footer",
        "cookie",
        "cookies",
        "consent",
        "gdpr",
        "advert",
        "adverts",
        "advertisement",
        "advertising",
        "ads",
        "ad",
        "sponsor",
        "sponsored",
        "promo",
        "promotion",
        "social",
        "share",
        "sharing",
        "sharedaddy",
        "related",
        "recommended",
        "recommendations",
        "trending",
        "popular",
        "newsletter",
        "subscribe",
        "subscription",
        "popup",
        "modal",
        "lightbox",
        "login",
        "signin",
        "signup",
        "search",
        "searchbox",
        "searchform",
        "toolbar",
        "pagination",
        "pager",
        "skiplink",
        "skip",
        "prevnext",
        "hidden",
        "comments",
        "comment",
        "commentlist",
        "disqus",
        "respond",
        "reply",
        "tags",
        "tagcloud",
        "taglist",
        "byline",
        "copyright",
        "topbar",
        "masthead",
        "widget",
        "widgets",
        "teaser",
        "teasers",
        "invisible",
        "linenos",
        "linenodiv",
        "gutter",
        "sphinxsidebar",
        "headerlink",
        "print",
        "banner",
    ]
)
_SPLIT = re.compile(r"[^a-zA-Z]+|(?<=[a-z])(?=[A-Z])")
_NAMES = re.compile(r' (class|id|role)="([^"<>\\]*)"')
_HIDDEN = (
    ("hidden", "[hidden]"),
    ("aria-hidden", '[aria-hidden="true"]'),
    ("display:none", '[style*="display:none" i]'),
    ("display: none", '[style*="display: none" i]'),
    ("visibility:hidden", '[style*="visibility:hidden" i]'),
    ("visibility: hidden", '[style*="visibility: hidden" i]'),
)
_ANCHOR = re.compile(rf"{LINK}[\s¶#§\U0001f517]*{LINK_END}")
_LINKED = re.compile(rf"{LINK}[^{LINK_END}]*{LINK_END}?")
_WORD = re.compile(r"[^\W\d_]")
_RUN = 3  # lines of nothing but links, or links of such a line, that are navigation
_SHARE = 0.3  # of a page's text that its main part has at least


def hidden(page: str) -> list[str]:
    """Returns selectors of what a page does not show."""
    return [*_NEVER, *(selector for word, selector in _HIDDEN if word in page)]


def navigation(page: str) -> list[str]:
    """Returns selectors of the elements that are navigation, or the like, by their tags, roles, classes and ids."""
    found = sorted({(name, value) for name, value in _NAMES.findall(page) if _is_navigation(name, value)})
    return [*_TAGS, *(f'body [{name}="{" ".join(value.split())}"]' for name, value in found)]


@lru_cache(maxsize=10_000)
def _is_navigation(name: str, value: str) -> bool:
    if name == "role":
        return value in _ROLES
    return not _WORDS.isdisjoint(word.lower() for word in _SPLIT.split(value))


def without_navigation(text: str) -> str:
    """Returns a marked text without the lines that are nothing but links, three of them and more."""
    if LINK not in text:
        return text
    kept: list[str] = []
    run: list[str] = []
    links = 0
    for line in text.split("\n"):
        if LINK in line and _is_linked(line):
            run.append(line)
            links += line.count(LINK)
        elif run and line.strip():
            if links < _RUN:
                kept += run
            run, links = [], 0
            kept.append(line)
        else:
            (run or kept).append(line)
    return "\n".join(kept if links >= _RUN else [*kept, *run])


def _is_linked(line: str) -> bool:
    """Whether a line is nothing but links."""
    if line.lstrip(" •0123456789.|,·»›-")[:1] != LINK:
        return False
    return not _WORD.search(_LINKED.sub("", line))


def without_anchors(text: str) -> str:
    """Returns a marked text without links that only mark a place, as "¶" behind a heading."""
    return _ANCHOR.sub("", text)


def main_part(text: str) -> str:
    """Returns the part of a marked text that the page says is its main one, where that holds a good part of it; else all."""
    spans = list(_spans(text))
    if not spans:
        return text
    start, end = max(spans, key=lambda span: span[1] - span[0])
    return text[start:end] if end - start > _SHARE * len(text) else text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    opened: list[int] = []
    for match in re.finditer(f"[{MAIN}{MAIN_END}]", text):
        if match.group() == MAIN:
            opened.append(match.end())
        elif opened:
            yield opened.pop(), match.start()
    yield from ((start, len(text)) for start in opened)


def length(text: str) -> int:
    """Returns how many characters of a marked text are no white space at its edges and no marks."""
    return len(unmarked(text).strip())
