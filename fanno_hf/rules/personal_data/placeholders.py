"""Placeholders: what stands where personal data stood. Each has the form of what it replaces and can be nobody's.

    email   person1@example.org        RFC 2606
    phone   +44 1632 960001            Ofcom's numbers for drama, of an area that does not exist
    card    4000 0000 0000 0010        its check digit is wrong
    iban    XX00 0000 0000 0000 0000 01   no country is XX, no check digits are 00
    ip      192.0.2.1, 2001:db8::1     RFC 5737, RFC 3849

They say nothing of the value: the values of a document are numbered in the order in which they appear.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from stdnum import luhn

# The first character comes before what may not stand before it: so the search is fast.
_PLACEHOLDER = re.compile(
    r"""[p+4X12]
      (?: (?P<email> (?<=p)(?<![\w%+-]p)(?<!\w\.p) erson[1-9]\d*@example\.org (?![\w-]) )
        | (?P<phone> (?<=\+) 44[ ]1632[ ]960\d{3} (?!\d) )
        | (?P<card> (?<=4)(?<!\d4) 000(?P<sep>[ -]?)0\d{3}(?P=sep)\d{4}(?P=sep)\d{4} (?!\d) )
        | (?P<iban> (?<=X) X00[ ]?(?:\d{4}[ ]?){4}\d\d (?!\d) )
        | (?P<ip> (?<![\w.].) (?: (?<=1)92\.0\.2 | (?<=1)98\.51\.100 | (?<=2)03\.0\.113 )\.\d{1,3} (?![.]?\d)
                | (?<=2)(?<![\w:]2) 001:db8::[\da-f]{1,4} (?![\w:]) ) )""",
    re.ASCII | re.VERBOSE,
)
_SIGNS = ("@example.org", "+44 1632 960", "4000", "XX00", "192.0.2.", "198.51.100.", "203.0.113.", "2001:db8::")
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_HOSTS = 254  # in each of them


def hidden(text: str) -> str:
    """Returns a text of the same length in which nobody finds a placeholder."""
    if not _may_have_one(text):
        return text
    return _PLACEHOLDER.sub(lambda match: "\0" * len(match[0]) if _is_made(match) else match[0], text)


def placeholders_in(text: str) -> Iterator[tuple[str, str]]:
    """Yields (kind, placeholder) for each in a text, and for what happens to look like one."""
    for match in _matches(text):
        if _is_made(match):
            yield str(match.lastgroup), match[0]


def _matches(text: str) -> Iterator[re.Match[str]]:
    return _PLACEHOLDER.finditer(text) if _may_have_one(text) else iter(())


def _may_have_one(text: str) -> bool:
    return any(sign in text for sign in _SIGNS)


def _is_made(match: re.Match[str]) -> bool:
    return match["card"] is None or not luhn.is_valid(_compact(match[0]))


class Placeholders:
    """Gives the values of one document their placeholders: the same value the same one, and none that it has already."""

    def __init__(self, text: str):
        self._taken = {_compact(match[0]) for match in _matches(text)}
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = defaultdict(int)

    def of(self, kind: str, value: str, written: str) -> str:
        """Returns the placeholder of a value; `written` is how it stands in the text, in groups or as one block."""
        form = _FORMS["ipv6" if kind == "ip" and ":" in value else kind]
        number = self._numbers.get((kind, value))
        if number is None:
            first = self._last[kind] + 1
            # phone numbers and IPv4 addresses are used up at some time, and start again
            free = (n for n in range(first, first + len(self._taken) + 1) if _compact(form(n, "")) not in self._taken)
            number = self._numbers[kind, value] = self._last[kind] = next(free, first)
        return form(number, written)


def _compact(placeholder: str) -> str:
    return placeholder.replace(" ", "").replace("-", "")


def _grouped(block: str, written: str) -> str:
    separator = next((char for char in written if char in " -"), "")
    return separator.join(block[place : place + 4] for place in range(0, len(block), 4))


def _card(number: int, written: str) -> str:
    digits = f"40000{number % 10**10:010d}"
    return _grouped(f"{digits}{(int(luhn.calc_check_digit(digits)) + 1) % 10}", written)


def _ipv4(number: int, _: str) -> str:
    network, host = divmod(number - 1, _HOSTS)
    return f"{_NETWORKS[network % len(_NETWORKS)]}.{host + 1}"


_FORMS = {
    "email": lambda number, _: f"person{number}@example.org",
    "phone": lambda number, _: f"+44 1632 960{number % 1000:03d}",
    "card": _card,
    "iban": lambda number, written: _grouped(f"XX00{number:018d}", written).replace("-", " "),
    "ip": _ipv4,
    "ipv6": lambda number, _: f"2001:db8::{number % 0x10000:x}",
}
