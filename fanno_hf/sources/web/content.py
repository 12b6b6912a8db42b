"""Which elements of a page, and which lines of its text, are no content."""

import re
from typing import Any

from fanno_hf.sources.web.marks import LINK, LINK_END

_NEVER = ("img", "area", "svg", "math annotation", "canvas", "rp")
_HIDDEN = (
    ("hidden", '[hidden], [aria-hidden="true"], [style*="visibility:hidden" i], [style*="visibility: hidden" i]'),
    ("none", '[style*="display:none" i], [style*="display: none" i]'),
)

# navigation, and what else stands beside the content, by what it is
_TAGS = ("nav", "aside", "footer", "dialog", "menu", "search")
_ROLES = ["banner", "complementary", "contentinfo", "dialog", "menu", "menubar", "navigation", "search", "toolbar"]
# by a part of its class or id
_NAMES = [
    "nav",
    "menu",
    "breadcrumb",
    "sidebar",
    "footer",
    "cookie",
    "consent",
    "gdpr",
    "advert",
    "sponsor",
    "promo",
    "social",
    "share",
    "sharing",
    "related",
    "recommend",
    "trending",
    "popular",
    "newsletter",
    "subscri",
    "popup",
    "modal",
    "lightbox",
    "login",
    "signup",
    "search",
    "pagination",
    "pager",
    "comment",
    "disqus",
    "respond",
    "tagcloud",
    "taglist",
    "copyright",
    "masthead",
    "widget",
    "teaser",
    "headerlink",
]
# by one of its classes
_CLASSES = ["ad", "ads", "banner", "tags", "reply", "hidden", "print", "skip", "linenos", "lineno"]
_CONTENT = "p + p + p"  # that there are paragraphs in it says that it is content, whatever its name
_CODE = "span, pre *"  # whose classes name what colours it
_NOTES = '[role^="doc-"], .footnote, .footnotes, .footnote-list, .admonition'  # <aside> is used for them
_NAMED = re.compile(r' (?:class|id|role)="([^"]*)"')

# the main part of a page, the surest first
_BODIES = [
    "article-body",
    "articleBody",
    "article__body",
    "article-content",
    "article-text",
    "entry-content",
    "post-content",
    "post-body",
    "postcontent",
    "story-body",
    "single-post",
    "contentBody",
    "main-content",
    "mw-parser-output",
]
_MAIN = (
    (_BODIES, ", ".join(f".{name}" for name in _BODIES)),
    (["<article"], "article"),
    (["<main", "main"], 'main, [role="main"]'),
)
_LEAST = 600  # characters of a main part
_LOOKED_AT = 20  # elements that may be it

_ANCHOR = re.compile(rf"{LINK}[\s¶#§\U0001f517]*{LINK_END}")
_LINKED = re.compile(rf"{LINK}([^{LINK_END}\n]*)")
_BESIDE = f" •0123456789.|,·»›-{LINK}{LINK_END}"
_RUN = 3  # links in lines that are little else
_LINKS = 0.6  # of the characters of such a line


def names_of(page: str) -> set[str]:
    """Returns the classes (of one element together), ids and roles of all elements."""
    return set(_NAMED.findall(page))


def hidden(page: str) -> list[str]:
    """Returns selectors of what a page does not show."""
    return [*_NEVER, *(selectors for word, selectors in _HIDDEN if word in page)]


def navigation(names: set[str]) -> str:
    """Returns a selector of the elements, of a page with these names, that are navigation, or the like."""
    joined = " ".join(names)
    found = [
        *_TAGS,
        *(f"[role={role}]" for role in _ROLES if role in names),
        *(f'[class*="{word}"], [id*="{word}"]' for word in _NAMES if word in joined),
        *(f".{word}" for word in _CLASSES if word in joined),
    ]
    return f":is({', '.join(found)}):not(:has({_CONTENT}), body, {_CODE}, {_NOTES})"


def main_part(body: Any, page: str, names: set[str]) -> Any:
    """Returns the element that a page says is its main part, where one is most of all that it says so of; else its body."""
    joined = " ".join(names)
    for words, selector in _MAIN:
        if any(word in page if word[0] == "<" else word in joined for word in words):
            nodes = body.query_selector_all(selector)[:_LOOKED_AT]
            sizes = [len(node.inner_text) for node in nodes]
            longest = max(sizes, default=0)
            if longest >= _LEAST and 2 * longest > sum(sizes):
                return nodes[sizes.index(longest)]
    return body


def without_navigation(text: str) -> str:
    """Returns a marked text without lines that are little but links, where there are three of these, or more."""
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
    if line.index(LINK) > (1 - _LINKS) * len(line):  # the commonest case, and a quick one
        return False
    return sum(map(len, _LINKED.findall(line))) > _LINKS * len(line.strip(_BESIDE))


def without_links(text: str) -> str:
    """Returns a marked text without the marks of links, and without links that only mark a place, as "¶" behind a heading."""
    text = _ANCHOR.sub("", text).replace(f" {LINK} ", f" {LINK}")
    return text.replace(LINK, "").replace(LINK_END, "")
