r"""Foreign words made fit to be shown, in a log, a table, on a terminal, in a card: the one place that does it.

    fit_to_show("401: key sk-12345678 is\x1b[31m\nwrong", ["sk-12345678"])  ->  "401: key *** is wrong"

A secret is hidden before anything is cut, so that no half of it is left; of its pieces those of eight characters and more,
whatever stands between their letters, and escaped as JSON, URLs or HTML do it.
"""

import base64
import functools
import re
from collections.abc import Iterable

import regex

MOST = 300  # characters of what somebody else said
_LOOKED_AT = 20  # times as many are looked at before anything is cut
_PIECE = 8  # letters and digits of a secret in a row that give it away
# what steers a terminal: CSI and OSC sequences, whole; then whatever control, format or private character is left
_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)?|.)|\x9b[0-?]*[ -/]*[@-~]"
)
_INVISIBLE = regex.compile(r"[^\P{C}\n\t\u200c\u200d]|[\u2028\u2029]")
# keys that are not ours to know, by their looks, and passwords in URLs
_LOOKS_SECRET = re.compile(
    r"(?i:\bbearer\s+)[\w.~+/=-]{8,}"
    r"|\b(?:sk|pk|rk|hf|gsk|ghp|gho|glpat|xoxb|xai|nvapi|key|api)[-_](?:\w{2,12}[-_]){0,2}"
    r"(?=[a-z]*[A-Z0-9]|[A-Z]*[a-z0-9])(?![a-z]+\b)[A-Za-z0-9]{12,}[\w-]*"
    r"|\b(?:AIza[\w-]{20,}|AKIA[A-Z0-9]{12,})"
    r"|(?<=://)[^\s/@]{1,200}@"
    r"|(?i:(?<=api_key=)|(?<=api-key=)|(?<=apikey=)|(?<=token=)|(?<=password=))[^\s&\"']{4,}"
)
# one character, however it is written: \u0073 (with any number of backslashes), \x73, %73, &#115;, \n
_UNIT = re.compile(
    r"\\+u(?P<u>[0-9a-fA-F]{4})|\\+x(?P<x>[0-9a-fA-F]{2})|%(?:25)*(?P<p>[0-9a-fA-F]{2})|&#x(?P<h>[0-9a-fA-F]{1,4});"
    r"|&#(?P<d>\d{1,4});|\\+[nrtbf0]|(?s:.)"
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
    words = _SEQUENCES.sub("", words[: _LOOKED_AT * limit])
    words = without_secrets(" ".join(_INVISIBLE.sub("", clean(words)).split()), secrets)
    words = _LOOKS_SECRET.sub("***", words)
    return words if len(words) <= limit else words[: limit - 1] + "…"


def without_secrets(words: str, secrets: Iterable[str]) -> str:
    """Hides each secret, every piece of it that is long enough to give it away, and what base64 or hexadecimal digits make of it."""
    for secret in secrets:
        is_long = len(_letters(secret)) >= _PIECE
        words = _without(words, _pieces(secret)) if is_long else words.replace(secret, "***")
    return words


@functools.lru_cache(maxsize=64)
def _pieces(secret: str) -> frozenset[str]:
    """What gives a secret away: its pieces, as it is and encoded; base64 at each of three places, as behind "Bearer "."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"\0" * shift + raw).decode().rstrip("=") for shift in range(3)]
    # the digits at both ends belong to what stands beside it, too
    forms = [secret, raw.hex(), *(text[2 * shift : -1] for shift, text in enumerate(shifted))]
    return frozenset(
        letters[start : start + _PIECE]
        for letters in map(_letters, forms)
        for start in range(len(letters) - _PIECE + 1)
    )


def _without(words: str, pieces: frozenset[str]) -> str:
    places, packed = [], []
    for unit in _UNIT.finditer(words):
        if letter := _letters(_meant(unit)):
            packed.append(letter[0])
            places.append(unit.span())
    line = "".join(packed)
    hidden: list[list[int]] = []
    for start in range(len(line) - _PIECE + 1):
        if line[start : start + _PIECE] in pieces:
            first, last = places[start][0], places[start + _PIECE - 1][1]
            if hidden and first <= hidden[-1][1] + 1:
                hidden[-1][1] = last
            else:
                hidden.append([first, last])
    for first, last in reversed(hidden):
        words = f"{words[:first]}***{words[last:]}"
    return words


def _meant(unit: re.Match) -> str:
    """The character that a unit stands for."""
    if unit.lastgroup is None:
        return unit.group() if len(unit.group()) == 1 else " "
    return chr(int(unit[unit.lastgroup], 10 if unit.lastgroup == "d" else 16))


def _letters(text: str) -> str:
    """Letters and digits, for which case makes no difference."""
    return "".join(ch for ch in text.casefold() if ch.isascii() and ch.isalnum())
