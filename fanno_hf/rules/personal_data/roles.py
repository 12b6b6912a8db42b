"""Addresses that are nobody's: of a role, a list, a tracker or an example.

is_nobodys("support", "fennold.com")  ->  True       is_nobodys("jane.doe", "fennold.com")  ->  False
"""

import re

from fanno_hf.rules.personal_data.words import ROLE_ENDINGS, ROLES

_OPENINGS = (
    "help-",
    "bug-",
    "bugs-",
    "info-",
    "list-",
    "lists-",
    "no-reply-",
    "noreply-",
    "owner-",
    "submit-",
    "support-",
)
# hosts that deliver to lists, trackers and machines only; "iam" has the accounts of programs
_HOST = re.compile(
    r"(?:^|\.)(?:listes?|lists\d?|listas|listserv|listen|mailinglists|mailman\d?|ml|groups|bugs|bugzilla|tracker|noreply"
    r"|no-reply|vger|bounces?|googlegroups|packages|iam)\."
)
_LISTS = re.compile(
    r"(?:^|\.)(?:groups\.io|freelists\.org|librelist\.com|ezmlm\.org|gmane\.(?:io|org)|tuxfamily\.org)$"
)
# RFC 2606 and RFC 6761; networks that nothing is sent to from outside
_EXAMPLE = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|localdomain|local|lan|internal|home|onion)$"
    r"|(?:^|[.-])(?:example|beispiel|exemple|ejemplo|esempio|exemplo|przyklad|voorbeeld)\d?\."
    r"|^(?:your|my|some)-?(?:domain|host|site|server|company|org|isp|provider|mailserver)\b|^(?:foo|bar|baz|foobar|domain|host|isp)\."
)
_TAG = re.compile(r"\+.*|(?<=[a-z])[-._]?\d{1,4}$", re.DOTALL)


def is_nobodys(local: str, host: str) -> bool:
    """Tells whether an e-mail address, the part before its @ and the one behind, is that of no person."""
    name, host = _TAG.sub("", local.lower()).replace("_", "-"), host.lower()
    return (
        name.replace(".", "-") in ROLES
        or name.startswith(_OPENINGS)
        or ("-" in name and name.rpartition("-")[2] in ROLE_ENDINGS)
        or any(pattern.search(host) for pattern in (_HOST, _LISTS, _EXAMPLE))
    )
