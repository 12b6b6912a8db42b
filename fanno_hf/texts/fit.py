r"""Foreign words made fit to be shown, in a log, a table, on a terminal, in a card: the one place that does it.

    fit_to_show("401: key sk-12345678 is\x1b[31m\nwrong", ["sk-12345678"])  ->  "401: key *** is wrong"

A secret is hidden before anything is cut, so that no half of it is left; of its pieces those of eight characters and more.
"""

import re
from collections.abc import Iterable

import regex

MOST = 300  # characters of what somebody else said
_PIECE = 8  # characters of a secret in a row that give it away
# what steers a terminal: CSI and OSC sequences, whole; then whatever control, format or private character is left
_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)?|.)|\x9b[0-?]*[ -/]*[@-~]"
)
_INVISIBLE = regex.compile(r"[^\P{C}\n\t\u200c\u200d]|[\u2028\u2029]")
# keys that are not ours to know, by their looks, and passwords in URLs
_LOOKS_SECRET = re.compile(
    r"(?i:\bbearer\s+)[\w.~+/=-]{8,}"
    r"|\b(?:sk|pk|rk|hf|gsk|ghp|gho|glpat|xoxb|xai|nvapi|AIza|AKIA|key|api)[-_](?:[\w]{2,12}[-_])?[A-Za-z0-9_-]{12,}"
    r"|(?<=://)[^\s/@]{1,200}@"
    r"|(?i:(?<=api_key=)|(?<=apikey=)|(?<=token=)|(?<=password=))[^\s&\"']{4,}"
)


def visible(text: str) -> str:
    r"""Returns a text with its control characters written out.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _INVISIBLE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def clean(text: str) -> str:
    """Replaces lone surrogates, which no file and no request can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def fit_to_show(words: str, secrets: Iterable[str] = (), limit: int = MOST) -> str:
    """Returns foreign words in one line of at most `limit` characters, without secrets and control characters."""
    words = _SEQUENCES.sub("", words[: 100 * limit])
    words = " ".join(_INVISIBLE.sub("", clean(words)).split())
    for secret in secrets:
        words = _without(words, secret)
    words = _LOOKS_SECRET.sub("***", words)
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _without(words: str, secret: str) -> str:
    """Hides a secret, and every piece of it that is long enough to give it away, spaces between its characters or not."""
    places = [place for place, ch in enumerate(words) if not ch.isspace()]
    packed, size = "".join(words[place] for place in places), min(_PIECE, len(secret))
    pieces = {secret[start : start + size] for start in range(len(secret) - size + 1)} - {""}
    hidden: set[int] = set()
    for start in range(len(packed) - size + 1):
        if packed[start : start + size] in pieces:
            hidden.update(range(places[start], places[start + size - 1] + 1))
    return re.sub("\0+", "***", "".join("\0" if place in hidden else ch for place, ch in enumerate(words)))
