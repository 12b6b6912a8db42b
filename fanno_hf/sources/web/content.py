"""Which elements of a page, and which lines of its text, are no content."""

import re
from typing import Any

from fanno_hf.sources.web.marks import LINK, LINK_END

_NEVER = ("img", "area", "svg", "canvas", "rp")
_HIDDEN = (
    ("hidden", '[hidden], [aria-hidden="true"], [style*="visibility:hidden" i], [style*="visibility: hidden" i]'),
    ("none", '[style*="display:none" i], [style*="display: none" i]'),
)
_HIDDEN_NAMES = (
    # formulas that stand there once more
    ("MathJax_Preview", ".MathJax_Preview, .MathJax, .MathJax_Display, .MathJax_SVG, .MJXc-display, .mjx-chtml"),
    # the numbers of lines of code
    ("lineno", ".lineno, .linenos, .linenodiv"),
    ("gutter", "td.gutter, .rouge-gutter"),
    ("hljs-ln", ".hljs-ln-numbers"),
    ("lnt", ".lnt"),
    ("mw-editsection", ".mw-editsection"),
)

_WORD = re.compile(r"\S+")
# navigation, and what else stands beside the content: by its tag, its role, a part of its class or id, or one of its classes
_TAGS = ("nav", "aside", "footer", "dialog", "menu", "search")
_ROLES = (
    "banner",
    "complementary",
    "contentinfo",
    "dialog",
    "menu",
    "menubar",
    "navigation",
    "search",
    "tablist",
    "toolbar",
)
_PARTS = _WORD.findall(
    "menu breadcrumb sidebar footer cookie consent gdpr advert sponsor promo social share sharing related recommend trending popular "
    "newsletter subscri popup modal lightbox login signup pagination pager disqus respond tagcloud taglist copyright masthead "
    "teaser headerlink catlinks tableOfContents table-of-contents tocCollapsible toc-mobile page-toc on-this-page"
)
_PARTS_BUT = {"nav": "navy", "search": "research", "comment": "commentar", "widget": "elementor-widget"}
"""Part of a name -> what it is part of where it means something else."""
_CLASSES = ("ad", "ads", "banner", "tags", "reply", "hidden", "print", "noprint", "skip", "toc")
_CONTENT = "p + p + p"  # that there are paragraphs in it says that it is content, whatever its name
_CODE = "span, pre *"  # whose classes name what colours it
_NOTES = '[role^="doc-"], .footnote, .footnotes, .footnote-list, .admonition'  # <aside> is used for them
_NAME = re.compile(r' (?:class|id|role)="([^"]*)"')

# the main part of a page
_BODY = (
    ".article-body, .articleBody, .article__body, .article-content, .article-text, .entry-content, .post-content, .post-body, "
    ".postcontent, .story-body, .single-post, .contentBody, .main-content, .mw-parser-output"
)
_BODIES = tuple(name.lstrip(".") for name in _BODY.split(", "))
_SURE = 'main, [role="main"]'
_LEAST = 600  # characters of a main part
_LOOKED_AT = 20  # elements that may be it

_ANCHOR = re.compile(rf"{LINK}[\s¶#§\U0001f517]*{LINK_END}")
_LINKED = re.compile(rf"{LINK}([^{LINK_END}\n]*)")
_LETTERS = re.compile(r"[^\W\d_]+")
_INDENT = 12  # characters before what stands in a list
_RUN = 3  # links in lines that are little else
_LINKS = 0.6  # of the characters of such a line


def names_of(page: str) -> str:
    """Returns the classes, ids and roles of all elements."""
    return " ".join(set(_NAME.findall(page)))


def hidden(page: str, names: str) -> list[str]:
    """Returns selectors of what a page, with these names, does not show, or shows twice."""
    found = [selectors for word, selectors in _HIDDEN if word in page]
    return [*_NEVER, *found, *(selectors for word, selectors in _HIDDEN_NAMES if word in names)]


def navigation(names: str) -> str:
    """Returns a selector of the elements, of a page with these names, that are navigation, or the like."""
    found = [
        *_TAGS,
        *(f"[role={role}]" for role in _ROLES if role in names),
        *(f'[class*="{part}"], [id*="{part}"]' for part in _PARTS if part in names),
        *(
            f'[{name}*="{part}"]:not([{name}*="{but}"])'
            for part, but in _PARTS_BUT.items()
            if part in names
            for name in ("class", "id")
        ),
        *(f".{name}" for name in _CLASSES if name in names),
    ]
    return f":is({', '.join(found)}):not(:has({_CONTENT}), body, {_CODE}, {_NOTES})"


def main_part(body: Any, page: str, names: str) -> Any:
    """Returns the element that a page says is its main part, where one is most of all that it says so of; else its body."""
    for is_there, selector in (
        (any(name in names for name in _BODIES), _BODY),
        ("<article" in page, "article"),
        ("<main" in page or "main" in names, _SURE),
    ):
        if is_there:
            nodes = body.query_selector_all(selector)[:_LOOKED_AT]
            if len(nodes) == 1 and selector == _SURE:
                return nodes[0]
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
    linked = sum(map(len, _LINKED.findall(line)))
    if linked < 0.4 * len(line) - _INDENT:  # the commonest case, and a quick one
        return False
    beside = sum(map(len, _LETTERS.findall(_LINKED.sub("", line))))
    return linked > _LINKS * (linked + beside)


def without_links(text: str) -> str:
    """Returns a marked text without the marks of links, and without links that only mark a place, as "¶" behind a heading."""
    text = _ANCHOR.sub("", text).replace(f" {LINK} ", f" {LINK}")
    return text.replace(LINK, "").replace(LINK_END, "")
