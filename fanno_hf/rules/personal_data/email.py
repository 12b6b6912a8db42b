"""E-mail addresses, also those that are written for people only.

"Ask jane@fennold.com or tom (at) fennold (dot) com."  ->  two spans; the second is "tom (at) fennold (dot) com"
"""

import re
from collections.abc import Iterator

from fanno_hf.rules.personal_data.roles import is_nobodys
from fanno_hf.rules.personal_data.spans import Span

# Looks at one character left of the "@" instead of matching the whole local part: this keeps the search linear, and
# leaves out decorators (" @app.route"). The "@" comes first in the pattern, for which the search is fast.
# Excluded: versions (pkg@1.2.3-rc.one), pixel densities (logo@2x.png), clones (git@github.com:me/repo.git) and matrix
# products (a@b.sum()).
_EMAIL = re.compile(
    r"""@ (?<=[\w%+-]@) (?<!\bgit@) (?!v?\d+\.\d|[1-4]x\.)
        (?P<host> (?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+
        (?P<tld> (?:xn--[a-z0-9-]{2,59} | [a-z]{2,24}) (?![a-z0-9_(-]) | [^\W\d_a-z]{2} ))""",
    re.IGNORECASE | re.VERBOSE,
)
# Last labels that no registry delegates, but that file and unit names carry (icon@home.svg, getty@tty.service).
_NOT_TOP_LEVEL = frozenset(
    (
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "css",
        "html",
        "htm",
        "json",
        "yaml",
        "yml",
        "txt",
        "conf",
        "cfg",
        "xml",
    )
    + ("service", "socket", "timer", "mount", "automount", "slice", "target", "path", "device", "scope", "swap", "tld")
)

# "jane (at) fennold.com", "jane [at] fennold [dot] com", "jane AT fennold DOT com", in the languages of roles.py
_AT = "at|ät|arobase|arroba|chiocciola|małpa|malpa|apenstaartje"
_DOT_ALONE = "dot|punkt|punto|ponto|kropka"
_DOT = f"{_DOT_ALONE}|point|punt"  # "at this point", too, is English
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# What it begins with and the first letters of what comes next stand in front: few places have both.
_SPOKEN = re.compile(
    rf"""[ \[({{<] (?=[ \[({{<@aäcm]) (?<=\w.) (?: (?: (?<=[\[({{<]) | (?<=[ ])[\[({{<] ) [ ]?(?:{_AT}|@)[ ]?[\])}}>][ ]?
            (?P<host>{_LABEL} (?: (?: \. | [ ]?[\[({{<][ ]?(?:{_DOT}|\.)[ ]?[\])}}>][ ]? | [ ](?:{_DOT})[ ] ) {_LABEL} )+ )
        | (?<=[ ])(?:{_AT})[ ] (?P<words>{_LABEL} (?: [ ](?:{_DOT_ALONE})[ ] {_LABEL} )+ ) )""",
    re.IGNORECASE | re.VERBOSE,
)
_SPOKEN_DOT = re.compile(rf"[ ](?:{_DOT})[ ]|[ ]?[\[({{<][ ]?(?:{_DOT}|\.)[ ]?[\])}}>][ ]?", re.IGNORECASE)

_LOCAL = re.compile(r"[\w.%+'-]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0003ffff]")


def find_emails(text: str, roles: str) -> Iterator[Span]:
    """Yields the addresses in a folded text; with `roles` "keep" none that is nobody's."""
    before, found = 0, 0  # where the last address ended, and the last one that was found
    for at, host, end in sorted((*_plain(text), *_spoken(text))):
        start = _local_start(text, at, before)
        local, before = text[start:at], end
        # a second "@host" right behind an address goes with it
        if found == at > 0 or (local and not (roles == "keep" and is_nobodys(local, host))):
            found = end
            yield Span(start, end, f"{local}@{host}".casefold())


def _plain(text: str) -> Iterator[tuple[int, str, int]]:
    for match in _EMAIL.finditer(text):
        if match["tld"].lower() not in _NOT_TOP_LEVEL:
            yield match.start(), match["host"], match.end()


def _spoken(text: str) -> Iterator[tuple[int, str, int]]:
    for match in _SPOKEN.finditer(text):
        yield match.start(), _SPOKEN_DOT.sub(".", match["host"] or match["words"]), match.end()


def _local_start(text: str, at: int, least: int) -> int:
    """Returns where the part before the "@" begins, not before `least`: the addresses of a text are looked at once."""
    start = at
    # an address in Latin letters ends where a script without spaces begins
    spaced = at == 0 or not _UNSPACED.match(text[at - 1])
    while start > least and _LOCAL.match(text[start - 1]) and not (spaced and _UNSPACED.match(text[start - 1])):
        start -= 1
    while start < at and text[start] in ".'":
        start += 1
    return start
