"""Numbers with dots that count something: sections, versions and object names look like IPv4 addresses.

    "5.6.12.1. Epochs", "see 5.6.12.1", "5.6.12.1 … 34", "version 1.2.3.4", "OID 1.3.6.1"      a number
    "from 5.9.12.1 port 22", "http://5.9.12.1/", "8.8.8.8", "5.9.12.1 - - [10/Oct/2026:13:55"   an address

What stands right before it decides first (before.py); then, for small numbers only, whether the text has the numbers around
it (5.6.12, 5.6.12.2), and whether it opens a line as a heading or an entry of a table of contents does.
"""

import re
from functools import cached_property

from fanno_hf.rules.personal_data.before import Says, said_before

_LARGEST = 99  # part of a section's number; 2 of 100 public addresses have no larger one
_TINY = 40  # 6 of 10,000 public addresses have no larger part: only what says that it is one makes such a number an address
_LINE = 200  # characters of a line that are looked at, in both directions
_MARKED = 40  # characters of marks at the head of a line

_ADDRESS_AFTER = re.compile(r":\d{1,5}\b|/(?:[89]|[12]\d|3[0-2])\b(?!/)|[\s:,]+(?:port|netmask|mask)\b", re.IGNORECASE)
# a log, another name of it, or what a machine does
_HOST_AFTER = re.compile(
    r"""[ \t]+(?:-[ \t]+\S+[ \t]+\[|[\w-]+(?:\.[\w-]+)+\b)|\)[ \t]+\d+[ \t]|[ \t]+(?:is|was|has|had|logged|logs|sent|tried|tries
        |connected|connects|requested|requests|answered|answers|responded|responds|failed|attacked|scanned|belongs|resolves|gehört
        |ist|war|hat|est|es|è|jest)\b""",
    re.VERBOSE | re.IGNORECASE,
)
# resolvers that everybody names: 8.8.8.8 at the head of a line is no section
_RESOLVERS = frozenset(("8.8.8.8", "8.8.4.4", "9.9.9.9", "1.0.0.1", "4.2.2.2"))
# X.500's attributes, extensions and classes, and internet objects: 2.5.4.3 is a common name
_OBJECT = re.compile(r"2\.5\.(?:4|6|13|29)\.\d+|1\.3\.6\.1|1\.3\.14\.3")

_DOTTED = re.compile(r"\d(?:(?<![\w.]\d)|(?<=\b[vV]\d))\d?(?:\.\d{1,2}){2,7}(?!\w|\.\d)", re.ASCII)
_RANGE = re.compile(r"\s{0,2}(?:--?|\.\.\.|to|through|bis|à|al?|do|tot)\s{0,2}", re.IGNORECASE)
_JOINED = r"\.?[\s,;/&\-]{1,4}(?:(?:and|or|to|through|und|oder|bis|et|ou|à|y|o|a|e|ed|i|oraz|do|en|of|tot)\s{1,2})?"
_BETWEEN = re.compile(_JOINED)
_SHORTER_BEFORE = re.compile(rf"(?<![\w.])\d{{1,2}}(?:\.\d{{1,2}}){{1,2}}{_JOINED}\Z", re.ASCII)  # "from 4.4.1 to"

_BREAK = r"[\n\r\f\v\x85\u2028\u2029]"
_MARKS = r"(?:[^\w\n\r\f\v\x85\u2028\u2029]|_)*"  # bullets, quotes, hashes, brackets, blanks
_HEAD = re.compile(rf"(?:\A|{_BREAK}){_MARKS}(?:\(?\w{{1,3}}[.)][ \t]+{_MARKS})?\Z")
# the line before ends in the middle of a sentence, unless it is a heading or an entry itself
_RUNS_ON = re.compile(rf"(?:[,;]|(?<=[^\W\d_]))[ \t]*{_BREAK}[ \t]*\Z")
_NUMBERED_LINE = re.compile(rf"(?:\A|{_BREAK}){_MARKS}\d+(?:\.\d+)*\.?[ \t][^\n\r\f\v]*{_BREAK}[ \t]*\Z")

_CLOSE = r"""[)\]*_"'`’”»]{0,3}"""
_HEADING = re.compile(
    rf"""\.{_CLOSE}[ \t]+\S
      | {_CLOSE}[ \t]+ (?: [^\W\d_a-z] | [“”„«»‹›‘’"'`*_]+\w | -{{1,2}}[ \t]+(?!-|\S+[ \t]+\[)\w )
      | {_CLOSE}[^\n]*? (?:(?:[.·_]{{3,}} | (?:[.·][ ]){{3,}} | \t) \s*(?:\d{{1,4}}|[ivxl]+)\s*(?:\n|$))""",
    re.VERBOSE,
)
# lower case: a heading too, unless what follows says something of an address or is another name of it
_PLAIN_HEADING = re.compile(
    r"""[ \t]+ (?![\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|mil|int|info|io|dev|local|lan|internal|de|fr|es|it|pt|pl|nl|uk|br)\b)
        (?!(?:is|are|was|were|has|had|have|did|does|do|can|could|will|would|may|must|should|sent|tried|tries|logged|logs|connected
            |connects|requested|requests|answered|answers|responded|responds|made|got|failed|attacked|scanned|belongs|resolves
            |points|asked|came|and|or|but|at|on|in|by|via|dev|scope|proto|netmask|port|type|peer|brd|table|tcp|udp|http|https|icmp
            |localhost|gateway|nameserver|ist|sind|war|hat|hatte|wurde|wird|kann|und|oder|est|a|était|et|ou|es|era|fue|ha|y|o|è|ed|e
            |foi|em|jest|był|oraz|i|w|z|heeft|werd|wordt|en|of|van|met)\b)
        [a-z][^\n=\[]{0,80} (?<![.!;,:]) [ \t]*(?:\n|$)""",
    re.VERBOSE,
)


# with its title on the next line; an address with a full stop may end a sentence there
_ALONE = re.compile(rf"\.{_CLOSE}[ \t]*\n\s*[“„”«‘\"']?[^\W\d_a-z]")


class Numbering:
    """The numbers of a folded text. Matches are asked about from its beginning to its end."""

    def __init__(self, text: str):
        self._text = text
        self._end: int | None = None  # of the last match that was a number

    @cached_property
    def _present(self) -> frozenset[str]:
        """The dotted numbers of the text that may be those of sections."""
        return frozenset(_DOTTED.findall(self._text))

    def holds(self, match: re.Match[str]) -> bool:
        """Tells whether four numbers with dots count something, instead of being an address."""
        found = self._counts(match)
        if found:
            self._end = match.end()
        return found

    def is_address(self, match: re.Match[str]) -> bool:
        """Tells whether the words around it say that it is an address."""
        said = said_before(self._text, match.start())
        return said is Says.ADDRESS or _ADDRESS_AFTER.match(self._text, match.end()) is not None

    def _counts(self, match: re.Match[str]) -> bool:
        said = said_before(self._text, match.start())
        if said is Says.VERSION or _OBJECT.fullmatch(match[0]):
            return True
        is_small = all(int(part) <= _LARGEST for part in match[0].split("."))
        if not is_small or said is Says.ADDRESS or _ADDRESS_AFTER.match(self._text, match.end()):
            return False
        if said is Says.SECTION or self._follows_one(match.start()) or self._has_neighbour(match):
            return True
        if match[0] in _RESOLVERS:
            return False
        is_tiny = all(int(part) <= _TINY for part in match[0].split("."))
        if is_tiny and not _HOST_AFTER.match(self._text, match.end()):
            return True
        return self._is_heading(match.start(), match.end())

    def _follows_one(self, start: int) -> bool:
        """Whether a number stands right before it: "sections 5.6, 5.7.1.9 and 6.1.2.3"."""
        if self._end is not None and start - self._end <= _MARKED and _BETWEEN.fullmatch(self._text, self._end, start):
            return True
        return _SHORTER_BEFORE.search(self._text[max(0, start - _MARKED) : start]) is not None

    def _has_neighbour(self, match: re.Match[str]) -> bool:
        """Whether the text has the number one above it, the one before, the one after it or the first one below; or a range
        begins with it."""
        above, _, last = match[0].rpartition(".")
        neighbours = (above, f"{above}.{int(last) - 1}", f"{above}.{int(last) + 1}", f"{match[0]}.1")
        if any(other in self._present for other in neighbours):
            return True
        range_ = _RANGE.match(self._text, match.end())
        return range_ is not None and self._text.startswith(f"{above}.", range_.end())

    def _is_heading(self, start: int, end: int) -> bool:
        """Whether it opens a line that looks like a heading."""
        first = max(0, start - _MARKED)
        head = _HEAD.search(self._text[first:start])
        if not head or (head.start() == 0 < first and not re.match(_BREAK, head[0])):
            return False
        after = self._text[end : end + _LINE]
        if _HEADING.match(after):
            return True
        line = first + head.start()
        earlier = self._text[max(0, line - _LINE) : line + 1]
        runs_on = _RUNS_ON.search(earlier) and not _NUMBERED_LINE.search(earlier)
        return not runs_on and (_PLAIN_HEADING.match(after) or _ALONE.match(after)) is not None
