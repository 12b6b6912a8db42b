"""IP addresses of the public internet.

"logged in from 93.184.216.34"  ->  a span        "see 5.6.12.1", "192.168.1.1", "192.0.2.7"  ->  none
"""

import ipaddress
import re
from collections.abc import Iterator

from fanno_hf.rules.personal_data.numbering import Numbering
from fanno_hf.rules.personal_data.spans import Span

# a hyphen behind a digit stands between the ends of a range
_IPV4 = re.compile(r"\d(?<![\w.]\d)(?<!\D-\d)\d{0,2}(?:\.\d{1,3}){3}(?!\w|\.\d|-\w*[A-Za-z])", re.ASCII)
_IPV6 = re.compile(r"[23](?<![\w:.].)[0-9a-f:]{5,38}(?![\w:]|\.\w)", re.ASCII | re.IGNORECASE)
_COLONS = re.compile(r":[0-9a-f]{0,4}:", re.IGNORECASE)
_IPV6_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291; excludes C++ names such as "face::add"


def find_ips(text: str) -> Iterator[Span]:
    """Yields the addresses in a folded text that are globally routable (IANA) and of one host: 5.9.12.0 is a network."""
    for match in _IPV6.finditer(text) if _COLONS.search(text) else ():
        if match[0].count(":") >= 2 and (address := _public(match[0])):
            yield Span(*match.span(), address)
    numbering = Numbering(text)
    public = [(match, address) for match in _IPV4.finditer(text) if (address := _public(match[0]))]
    counting = [numbering.holds(match) for match, _ in public]
    # one place that shows that it counts something speaks for the others
    numbers = {match[0] for (match, _), counts in zip(public, counting, strict=True) if counts}
    for (match, address), counts in zip(public, counting, strict=True):
        if not counts and (match[0] not in numbers or numbering.is_address(match)):
            yield Span(*match.span(), address)


def _public(written: str) -> str | None:
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return None
    if address.version == 6 and address not in _IPV6_GLOBAL_UNICAST:
        return None
    is_network = not int(address) & (0xFF if address.version == 4 else 2**64 - 1)
    return str(address) if address.is_global and not address.is_multicast and not is_network else None
