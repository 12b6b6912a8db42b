"""Payment cards and bank accounts: numbers with check digits."""

import re
from collections.abc import Iterator
from string import ascii_uppercase

from stdnum import iban, luhn

from fanno_hf.rules.personal_data.spans import Span

# 13 to 19 digits in one block or in the groups that are printed on cards. Free grouping would take every row of a
# table for a card number, one in ten of which passes Luhn. An expiry date (12/27) may follow. The first digit comes before
# what may not stand before it: so the search is fast.
_CARD = re.compile(
    r"""\d (?<![\w.,/]\d) (?<!\d[ -]\d)
        (?: \d{12,18}
          | \d{3}(?P<sep>[ -]) (?: \d{4}(?P=sep)\d{4}(?P=sep)\d{1,4}(?:(?P=sep)\d{1,3})? | \d{6}(?P=sep)\d{4,5} ) )
        (?! \w | [.,]\d | [ -]\d(?!\d/\d) )""",
    re.ASCII | re.VERBOSE,
)
# Issuer prefixes with the lengths they are issued in (ISO/IEC 7812 ranges): American Express, Diners Club, JCB, Visa,
# Mastercard and Maestro, Discover and UnionPay.
_CARD_ISSUER = re.compile(
    r"3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14,17}|4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|5[0678]\d{11,17}"
    r"|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|6\d{12,18}",
    re.ASCII,
)

# A lookahead, so that a candidate does not swallow a true number that starts inside it.
_IBAN = re.compile(
    r"\d(?<=[A-Z]{2}\d)(?<![A-Z0-9][A-Z]{2}\d)\d(?=((?:[ -]?[A-Z0-9]){11,30}))", re.ASCII | re.IGNORECASE
)
_IBAN_SHORTEST = 15  # Norway
_IBAN_VALUES = {ord(char): str(int(char, 36)) for char in ascii_uppercase}


def find_cards(text: str) -> Iterator[Span]:
    """Yields the card numbers in a folded text: a known issuer's prefix and a right Luhn digit."""
    for match in _CARD.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if _CARD_ISSUER.fullmatch(digits) and luhn.is_valid(digits):
            yield Span(*match.span(), digits)


def find_ibans(text: str) -> Iterator[Span]:
    """Yields the IBANs in a folded text: the right length and check digits."""
    end = 0
    for match in _IBAN.finditer(text):
        start = match.start() - 2
        if start < end:
            continue
        # Words may follow the number, so it may end after any of the printed groups.
        head, stop = "", start - 1
        for group in re.split("[ -]", text[start : match.end(1)].upper()):
            head, stop = head + group, stop + 1 + len(group)
            if len(head) >= _IBAN_SHORTEST and _fits(head) and iban.is_valid(head, check_country=False):
                end = stop
                yield Span(start, end, head)
                break


def _fits(head: str) -> bool:
    """Whether the check digits are right: what the library finds out, too, much more slowly."""
    return int((head[4:] + head[:4]).translate(_IBAN_VALUES)) % 97 == 1
