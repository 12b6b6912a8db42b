"""Rules that look at a passage before the teacher is asked: cheap, exact and the same on every machine.

A rule returns None to keep the text, else ``(reason, detail)``: a name for counting and a few words for a person.

    markup_reason("<ul><li><a href='/'>Home</a></li></ul> Hi")  ->  ("markup", "85 % of the characters are HTML")

All rules take linear time, and none raises on any text.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import regex

from fanno_hf.rules.measures import Reason, count_non_space, shorten


def length_reason(num_tokens: int, min_tokens: int = 20, max_tokens: int = 512) -> Reason | None:
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
    rf"(?P<comment><!--) | <!\w[^<>]*> | &(?:nbsp|amp|lt|gt|quot|apos|\#\d{{1,7}}|\#x[0-9a-f]{{1,6}});"
    rf"| </?(?P<name>{'|'.join(_TAG_NAMES.split())})(?=[\s/>])(?P<inside>[^<>]*)>",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_ATTRIBUTE = re.compile(
    r"""=\s*["'\w/\#.] | \b(?:async|autofocus|autoplay|checked|controls|defer|disabled|hidden|loop|multiple|muted
        |noshade|nowrap|open|readonly|required|reversed|selected)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSERS = {"comment": re.compile("-->"), **{n: re.compile(rf"</{n}\b[^<>]*>", re.I) for n in ("script", "style")}}
_QUOTED_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def markup_reason(text: str, max_share: float = 0.3, min_tags: int = 3) -> Reason | None:
    """Rejects texts that are mostly HTML: tags, comments, entities, scripts and style sheets.

    Code between Markdown backticks is shown on purpose and does not count as HTML.

    Args:
        text: Any text.
        max_share: Largest allowed share of HTML among the characters that are not white space, in [0, 1].
        min_tags: Texts with fewer tags only mention HTML and pass, at least 1.

    Returns:
        None, or ``("markup", ...)``.
    """
    total = count_non_space(text)
    spans = _markup_spans(_QUOTED_CODE.sub(" ", text))
    share = sum(map(count_non_space, spans)) / max(total, 1)
    if len(spans) < min_tags or share <= max_share:
        return None
    return "markup", f"{share:.0%} of the characters are HTML".replace("%", " %")


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
            closer = _CLOSERS[kind].search(text, position)
            if closer:
                position = closer.end()
            else:
                unclosed.add(kind)  # do not search the rest again at each further opening
        spans.append(text[match.start() : position])
    return spans


def _is_tag(inside: str) -> bool:
    return not inside.strip(" \t\r\n/") or _ATTRIBUTE.search(inside) is not None


# What UTF-8 continuation bytes look like when they are read as Latin-1 or Windows-1252, and as Windows-1251.


_NOUN_EN = r"(?:instructions?|prompts?)"
_PREVIOUS_EN = "(?:previous|prior|above|earlier|preceding|foregoing)"
_NOUN_ES = "(?:instruccion(?:es)?|indicaciones|[óo]rdenes|prompts?)"
INJECTION_PATTERNS = (
    # "Do not ignore the previous instructions" is advice to a reader. Commands and directives are left out: in manuals
    # of programs these do override earlier ones.
    rf"""(?x) (?<!\b(?:not|never)\s|n['’]t\s) \b(?:ignore|disregard|forget)\s+
        (?: (?:(?:all|any|of|the|your|my|these|those)\s+){{0,5}}
            (?: {_PREVIOUS_EN}\s+(?:\w+\s+)?{_NOUN_EN} | {_NOUN_EN}\s+(?:above|before\s+this|you\s+were\s+given) )
          | (?:all\s+(?:of\s+)?)?your\s+(?:system\s+)?{_NOUN_EN}
          | (?:everything|all\s+text)\s+above )\b""",
    r"(?x) \b(?:reveal|print|repeat|output|show)\s+(?:me\s+)?(?:your|the)\s+(?:system|hidden|initial)\s+prompt\b",
    r"""(?x) \b(?:ignorier(?:e|t|en)?|vergiss|vergesst|vergessen|missachte[nt]?)\s+
        (?:(?:sie|bitte|all|alle|sämtliche|die|deine|ihre)\s+){0,5}
        (?:bisherigen?|vorherigen?|vorigen?|vorangegangenen?|vorangehenden?|obigen?|früheren?)\s+
        (?:anweisung(?:en)?|instruktion(?:en)?|prompts?|vorgaben?|eingaben?)\b""",
    rf"""(?x) \b(?:ignor(?:a|e|ad|en|ar)|olvid(?:a|e|ad|en|ar)|descart(?:a|e|ad|en|ar)|haz\s+caso\s+omiso\s+de)\s+
        (?:(?:todas?|todos|las?|los|tus|sus)\s+){{0,3}}
        (?: {_NOUN_ES}\s+(?:anteriores|previ[ao]s|precedentes|de\s+arriba)
          | (?:anteriores|previ[ao]s)\s+{_NOUN_ES} )\b""",
    # The tokens of chat templates: ChatML, GPT-2, Llama 2 and 3, Gemma. "</s>" after "<s>" is struck-out HTML.
    r"<\|(?:im_start|im_end|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|system|user|assistant)\|>",
    r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|(?<!<s>[^<]{0,300})</s>",
)


def prompt_injection_reason(text: str, patterns: Sequence[str] = INJECTION_PATTERNS) -> Reason | None:
    """Rejects texts that give orders to the model that reads them, or contain the tokens of chat templates.

    Args:
        text: Any text.
        patterns: Regular expressions in the syntax of the ``regex`` package, matched without regard to case.

    Returns:
        None, or ``("prompt_injection", the words found)``.

    Raises:
        regex.error: If a pattern is malformed.
    """
    for pattern in patterns:
        if match := _compiled(pattern).search(text):
            return "prompt_injection", shorten(" ".join(match[0].lower().split()), 80)
    return None


@lru_cache
def _compiled(pattern: str) -> regex.Pattern:
    return regex.compile(pattern, regex.IGNORECASE)
