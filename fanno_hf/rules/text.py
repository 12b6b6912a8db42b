"""Rules that look at a passage before the teacher is asked: cheap, exact and the same on every machine.

A rule returns None to keep the text, else ``(reason, detail)``: a name for counting and a few words for a person.

    markup_reason("<ul><li><a href='/'>Home</a></li></ul> Hi")  ->  ("markup", "85 % of the characters are HTML")

All rules take linear time, and none raises on any text.
"""

import re
from collections.abc import Sequence

import regex

from fanno_hf.columns import Reason
from fanno_hf.rules.measures import count_non_space, percent, shorten
from fanno_hf.rules.needed import may_match


def length_reason(num_tokens: int, min_tokens: int, max_tokens: int) -> Reason | None:
    """Rejects texts with fewer than ``min_tokens`` or more than ``max_tokens`` tokens; both bounds are allowed."""
    if num_tokens < min_tokens:
        return "too_short", f"{num_tokens} tokens < {min_tokens}"
    if num_tokens > max_tokens:
        return "too_long", f"{num_tokens} tokens > {max_tokens}"
    return None


# Format characters, marks without a base, and the blanks that Unicode counts as letters or symbols: Hangul fillers and
# the empty Braille cell.
_VISIBLE = regex.compile(r"[^\s\p{Z}\p{Cc}\p{Cf}\p{Cs}\p{M}\u115F\u1160\u2800\u3164\uFFA0]")


def empty_reason(text: object) -> Reason | None:
    """Rejects None, what is not a string, and strings in which nothing can be seen."""
    if text is None or text == "":
        return "empty", "no text"
    if not isinstance(text, str):
        return "empty", f"not a text: {type(text).__name__}"
    if not _VISIBLE.search(text):
        return "empty", "only invisible characters"
    return None


# Only the names of HTML: `List<String>`, `#include <vector>` and `if a <b and c> d` are no tags.
_TAG_NAMES = """a abbr address animate area article aside audio b base basefont bdi bdo big blockquote body br button
    canvas caption center circle cite code col colgroup data datalist dd defs del details dfn dialog dir div dl dt
    ellipse em embed fieldset figcaption figure font footer form frame frameset g h[1-6] head header hgroup hr html i
    iframe image img input ins kbd label legend li line link main map mark marquee math menu meta meter nav nobr
    noframes noscript object ol optgroup option output p param path picture polygon polyline pre progress q rect rp
    rt ruby s samp script section select slot small source span stop strike strong style sub summary sup svg symbol
    table tbody td template text textarea tfoot th thead time title tr track tt u ul use var video wbr"""
_TAG = re.compile(
    rf"[<&] (?: (?<=<) (?: (?P<comment>!--) | !\w[^<>]*> | /?(?P<name>{'|'.join(_TAG_NAMES.split())})(?=[\s/>])(?P<inside>[^<>]*)> )"
    rf"| (?<=&) (?:nbsp|amp|lt|gt|quot|apos|\#\d{{1,7}}|\#x[0-9a-f]{{1,6}}); )",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_ATTRIBUTE = re.compile(
    r"""=\s*["'\w/\#.] | \b(?:async|autofocus|autoplay|checked|controls|defer|disabled|hidden|loop|multiple|muted
        |noshade|nowrap|open|readonly|required|reversed|selected)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSERS = {"comment": re.compile("-->"), **{n: re.compile(rf"</{n}\b[^<>]*>", re.I) for n in ("script", "style")}}
_QUOTED_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def markup_reason(text: str, *, max_share: float, min_tags: int) -> Reason | None:
    """Rejects texts that are mostly HTML: tags, comments, entities, scripts and style sheets.

    Code between Markdown backticks is shown on purpose and does not count as HTML.

    Args:
        max_share: Largest allowed share of HTML among the characters that are not white space, in [0, 1].
        min_tags: Texts with fewer tags only mention HTML and pass, at least 1.
    """
    if text.count("<") + text.count("&") < min_tags:
        return None
    spans = _markup_spans(_QUOTED_CODE.sub(" ", text))
    if len(spans) < min_tags:
        return None
    share = sum(map(count_non_space, spans)) / max(count_non_space(text), 1)
    if share <= max_share:
        return None
    return "markup", f"{percent(share)} of the characters are HTML"


def _markup_spans(text: str) -> list[str]:
    """Lists tags, entities, and comments, scripts and style sheets with what they enclose."""
    spans: list[str] = []
    unclosed: set[str] = set()
    position = 0
    while match := _TAG.search(text, position):
        position = match.end()
        if match["name"] and not _is_tag(match["inside"]):
            continue
        kind = "comment" if match["comment"] else (match["name"] or "").lower()
        if kind in _CLOSERS and kind not in unclosed and not match[0].startswith("</"):
            if closer := _CLOSERS[kind].search(text, position):
                position = closer.end()
            else:
                unclosed.add(kind)  # do not search again at every further opening
        spans.append(text[match.start() : position])
    return spans


def _is_tag(inside: str) -> bool:
    return not inside.strip(" \t\r\n/") or _ATTRIBUTE.search(inside) is not None


def prompt_injection_reason(text: str, patterns: Sequence[regex.Pattern[str]]) -> Reason | None:
    """Rejects texts that give orders to the model that reads them, or contain the tokens of chat templates."""
    lower = text.lower()
    for pattern in patterns:
        if may_match(pattern, text, lower) and (match := pattern.search(text)):
            return "prompt_injection", shorten(" ".join(match[0].lower().split()), 80)
    return None
