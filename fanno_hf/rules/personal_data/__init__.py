"""Personal data that must not reach the training set: addresses, numbers and accounts of real people.

    find_personal_data("Write to jane@fennold.com", …)  ->  ("personal_data", "email")
    mask_personal_data("Write to jane@fennold.com", …)  ->  ("Write to person1@example.org", ("person1@example.org",))

The finder says which *kind* of data it found. The value never leaves this room, so that the list of removed passages
does not become a list of personal data; nor can anybody tell from a placeholder what stood there.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from fanno_hf.columns import Reason
from fanno_hf.rules.personal_data.account import find_cards, find_ibans
from fanno_hf.rules.personal_data.email import find_emails
from fanno_hf.rules.personal_data.folding import Folded
from fanno_hf.rules.personal_data.ip import find_ips
from fanno_hf.rules.personal_data.phone import find_phones
from fanno_hf.rules.personal_data.placeholders import Placeholders, hidden, placeholders_in
from fanno_hf.rules.personal_data.spans import Replaced, Span, moved

__all__ = ["Masked", "count_placeholders", "find_personal_data", "mask_personal_data"]

_MOST_ROUNDS = (
    8  # what stands side by side when a value is gone may be one, too; two are enough for any text but a hostile one
)


class Masked(NamedTuple):
    """A text without personal data."""

    text: str
    placeholders: tuple[str, ...]  # what stands for it there, each once
    offsets: tuple[int, ...] = ()  # where the given offsets are in it


def find_personal_data(text: str, *, kinds: Sequence[str], region: str | None, roles: str = "keep") -> Reason | None:
    """Reports the first kind of personal data in a text.

    Compatibility forms and the digits of all scripts are folded to ASCII first (Unicode NFKC, UAX #15). Kinds:

    * ``email``: name@domain.tld, also as ``name (at) domain (dot) tld``.
    * ``phone``: a number that is valid in its country's numbering plan, by libphonenumber, or follows a word for telephone.
    * ``card``: 13 to 19 digits with a known issuer prefix and a right Luhn digit (ISO/IEC 7812).
    * ``iban``: a bank account with the right length and check digits (ISO 13616).
    * ``ip``: a globally routable unicast address (IANA special-purpose registries); version and section numbers,
      private and documentation addresses do not count.

    Args:
        text: any text.
        kinds: those to look for, the first to be reported first.
        region: the two-letter country whose national phone numbers count too (``"DE"``); None finds only numbers in
            international form (``+49 ...``) and behind a word ("Tel.").
        roles: "keep" leaves e-mail addresses alone that are nobody's (info@, lists, example.org), "find" reports them.

    Returns:
        None, or ``("personal_data", kind)``; the value itself is never returned. The placeholders of
        `mask_personal_data` are no personal data.
    """
    folded = hidden(Folded(text).text)
    finders = _finders(region, roles)
    return next((("personal_data", kind) for kind in kinds if any(True for _ in finders[kind](folded))), None)


def mask_personal_data(
    text: str, *, kinds: Sequence[str], region: str | None, roles: str = "keep", offsets: Sequence[int] = ()
) -> Masked:
    """Puts a placeholder of the same form in the place of personal data, the same one for the same value.

    Arguments are those of `find_personal_data`, which finds nothing in what comes back; and `offsets` of characters, which
    placeholders of other lengths move.
    """
    placeholders, used, finders = Placeholders(text), dict[str, None](), _finders(region, roles)
    for _ in range(_MOST_ROUNDS):
        folded, pieces, done, replaced = Folded(text), list[str](), 0, list[Replaced]()
        searched = hidden(folded.text)
        for kind, span in _apart((name, span) for name in kinds for span in finders[name](searched)):
            placeholder = placeholders.of(kind, span.value, searched[span.start : span.end])
            start, end = folded.span(span.start, span.end)
            pieces += (text[done:start], placeholder)
            done, used[placeholder] = end, None
            replaced.append(Replaced(start, end, len(placeholder)))
        if not pieces:
            break
        text, offsets = "".join((*pieces, text[done:])), moved(offsets, replaced)
    return Masked(text, tuple(used), tuple(offsets))


def count_placeholders(text: str, placeholders: Iterable[str]) -> dict[str, int]:
    """Returns how many of these placeholders a piece of a masked text has, by kind."""
    wanted, counted = frozenset(placeholders), dict[str, int]()
    for kind, placeholder in placeholders_in(text) if wanted else ():
        if placeholder in wanted:
            counted[kind] = counted.get(kind, 0) + 1
    return counted


def _finders(region: str | None, roles: str) -> dict[str, Callable[[str], Iterable[Span]]]:
    return {
        "email": lambda text: find_emails(text, roles),
        "phone": lambda text: find_phones(text, region),
        "card": find_cards,
        "iban": find_ibans,
        "ip": find_ips,
    }


def _apart(found: Iterable[tuple[str, Span]]) -> list[tuple[str, Span]]:
    """Returns spans in their order; where some overlap or touch, one that covers them, of the kind that begins first."""
    apart: list[tuple[str, Span]] = []
    for kind, span in sorted(found, key=lambda item: (item[1].start, -item[1].end, item[0] == "phone")):
        if apart and span.start <= apart[-1][1].end:
            first, last = apart[-1]
            apart[-1] = first, last._replace(end=max(last.end, span.end))
        else:
            apart.append((kind, span))
    return apart
