"""Personal data that must not reach the training set: addresses, numbers and accounts of real people.

    find_personal_data("Write to jane@example.org", kinds=["email"], region=None)  ->  ("personal_data", "email")

The finder says which *kind* of data it found. The value never leaves this module, so that the list of removed passages
does not become a list of personal data.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from phonenumbers import Leniency, PhoneNumberMatcher
from stdnum import iban, luhn

from fanno_hf.columns import Reason

# Looks at one character left of the "@" instead of matching the whole local part: this keeps the search linear, and
# leaves out decorators (" @app.route").
# Excluded: versions (pkg@1.2.3-rc.one), pixel densities (logo@2x.png), scp paths (git@github.com:me/repo.git) and
# matrix products (a@b.sum()).
_EMAIL = re.compile(
    r"""(?<=[\w%+-]) (?<!\bgit) @ (?!v?\d+\.\d|[1-4]x\.)
        (?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+
        (?P<tld> (?:xn--[a-z0-9-]{2,59} | [a-z]{2,24}) (?![a-z0-9_(-]) | [^\W\d_a-z]{2} )
        (?!:[\w~/])""",
    re.IGNORECASE | re.VERBOSE,
)
# Last labels that no registry delegates, but that file and unit names carry (icon@home.svg, getty@tty.service).
_NOT_TOP_LEVEL = frozenset(
    ("png", "jpg", "jpeg", "gif", "svg", "webp", "css", "html", "htm", "json", "yaml", "yml", "txt")
    + ("service", "socket", "timer", "mount", "slice")
)

_PHONE_INTERNATIONAL = re.compile(r"\+\s?\(?\d[\d\s().\-/]{5,}\d", re.ASCII)
_PHONE_NATIONAL = re.compile(r"\d[\d\s().\-/]{4,}\d", re.ASCII)
# candidates that are no phone numbers before the search gives up: bounds the time on tables of digits
PHONE_TRIES = 1000

# 13 to 19 digits in one block or in the groups that are printed on cards. Free grouping would take every row of a
# table for a card number, one in ten of which passes Luhn. An expiry date (12/27) may follow.
_CARD = re.compile(
    r"""(?<![\w.,]) (?<!\d[ -])
        (?: \d{13,19}
          | \d{4}(?P<sep>[ -]) (?: \d{4}(?P=sep)\d{4}(?P=sep)\d{1,4}(?:(?P=sep)\d{1,3})? | \d{6}(?P=sep)\d{4,5} ) )
        (?! \w | [.,]\d | [ -]\d(?!\d/\d) )""",
    re.ASCII | re.VERBOSE,
)
# Issuer prefixes with the lengths they are issued in (ISO/IEC 7812 ranges): American Express, Diners Club, JCB, Visa,
# Mastercard and Maestro, Discover and UnionPay.
_CARD_ISSUER = re.compile(
    r"3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14,17}|4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|5[0678]\d{11,17}"
    r"|6\d{12,18}",
    re.ASCII,
)

# A lookahead, so that a candidate does not swallow a true number that starts inside it.
_IBAN = re.compile(r"(?<![A-Z0-9])(?=([A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}))", re.ASCII | re.IGNORECASE)
_IBAN_SHORTEST = 15  # Norway

_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d|-\w*[A-Za-z])", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f:]{6,39}(?![\w:]|\.\w)", re.ASCII | re.IGNORECASE)
_IPV6_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291; excludes C++ names such as "face::add"
_VERSION_BEFORE = re.compile(
    r"""(?: (?<![^\W_]) (?: v | ver(?:si[oó]n)? | release | rel | build | firmware | driver | python | oid
          | section | sec | chapter | clause | abschnitt | kapitel | secci[oó]n | cap[ií]tulo )
          (?:\s+(?:number|no|nr|is))? [\s.:=]* | § \s* | [=<>~!]=\s* | ~>\s* ) $""",
    re.IGNORECASE | re.VERBOSE,
)
_LOOK_BACK = 24  # characters; a search from the start of the line would be quadratic on one long line
_LINE_START = re.compile(r"(?:^|\n)[ \t#*]*$")
_HEADING_AFTER = re.compile(r"[ \t]+[^\W\d_a-z]")
_HEADING_MAX = 30  # sections are counted from 1, so a heading number has only small parts


def find_personal_data(text: str, *, kinds: Sequence[str], region: str | None) -> Reason | None:
    """Reports the first kind of personal data in a text.

    Compatibility forms and the digits of all scripts are folded to ASCII first (Unicode NFKC, UAX #15). Kinds:

    * ``email``: name@domain.tld.
    * ``phone``: a number that is valid in its country's numbering plan, by libphonenumber.
    * ``card``: 13 to 19 digits with a known issuer prefix and a right Luhn digit (ISO/IEC 7812).
    * ``iban``: a bank account with the right length and check digits (ISO 13616).
    * ``ip``: a globally routable unicast address (IANA special-purpose registries); version and section numbers,
      private and documentation addresses do not count.

    `region` is the two-letter country whose national phone numbers count too (``"DE"``); None finds only numbers in
    international form (``+49 ...``). Returns None, or ``("personal_data", kind)``; the value itself is never returned.
    """
    finders: dict[str, Callable[[str], bool]] = {
        "email": _has_email,
        "phone": lambda folded: _has_phone(folded, region),
        "card": _has_card,
        "iban": _has_iban,
        "ip": _has_ip,
    }
    folded = text if text.isascii() else "".join(map(_fold, text))
    return next((("personal_data", kind) for kind in kinds if finders[kind](folded)), None)


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    # by character, because NFKC on a whole text sorts runs of combining marks, which takes quadratic time
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.category(char) == "Cf":  # soft hyphens and zero-width spaces hide inside numbers and addresses
        return ""
    if unicodedata.category(char) == "Pd":  # PDFs print numbers with typographic hyphens
        return "-"
    return unicodedata.normalize("NFKC", char)


def _has_email(text: str) -> bool:
    return any(match["tld"].lower() not in _NOT_TOP_LEVEL for match in _EMAIL.finditer(text))


def _has_phone(text: str, region: str | None) -> bool:
    candidate = _PHONE_NATIONAL if region else _PHONE_INTERNATIONAL
    if not candidate.search(text):  # the matcher is some hundred times slower than this search
        return False
    matcher = PhoneNumberMatcher(text, region, leniency=Leniency.VALID, max_tries=PHONE_TRIES)
    return any(True for _ in matcher)


def _has_card(text: str) -> bool:
    for match in _CARD.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if _CARD_ISSUER.fullmatch(digits) and luhn.is_valid(digits):
            return True
    return False


def _has_iban(text: str) -> bool:
    for match in _IBAN.finditer(text):
        # Words may follow the number, so it may end after any of the printed groups.
        groups = re.split("[ -]", match[1])
        heads = ("".join(groups[:count]) for count in range(1, len(groups) + 1))
        if any(len(head) >= _IBAN_SHORTEST and iban.is_valid(head, check_country=False) for head in heads):
            return True
    return False


def _has_ip(text: str) -> bool:
    if any(_is_public(match[0]) for match in _IPV6.finditer(text) if match[0].count(":") >= 2):
        return True
    return any(_is_public(match[0]) and not _is_version(text, match) for match in _IPV4.finditer(text))


def _is_public(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6 and parsed not in _IPV6_GLOBAL_UNICAST:
        return False
    return parsed.is_global and not parsed.is_multicast


def _is_version(text: str, match: re.Match[str]) -> bool:
    """Tells whether four numbers with dots are a version or a section instead of an address."""
    before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
    if _VERSION_BEFORE.search(before):
        return True
    is_first = _LINE_START.search(before) is not None and ("\n" in before or match.start() <= _LOOK_BACK)
    is_small = all(int(part) <= _HEADING_MAX for part in match[0].split("."))
    return is_first and is_small and _HEADING_AFTER.match(text, match.end()) is not None
