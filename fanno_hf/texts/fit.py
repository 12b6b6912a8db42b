r"""Foreign words made fit to be shown, in a log, a table, on a terminal, in a card: the one place that does it.

    fit_to_show("401: key sk-12345678 is\x1b[31m\nwrong", ["sk-12345678"])  ->  "401: key *** is wrong"

A secret is hidden before anything is cut, so that no half of it is left; of its pieces those of eight characters and more,
whatever stands between their letters, and escaped as JSON, URLs or HTML do it (see `hidden`). So are the keys of the run, whether
they are named or not.
"""

import re
from collections.abc import Iterable

import regex

from fanno_hf.texts.hidden import known_keys, without_keys, without_secrets

MOST = 300  # characters of what somebody else said
_LOOKED_AT = 20  # times as many are looked at before anything is cut
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


_CARRIES = re.compile(r"[@?&]|%40|%3f|(?:key|token|secret|password|passwd|pwd)\s*[=:]", re.IGNORECASE)


def visible(text: str) -> str:
    r"""Returns a text with its control characters written out.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _INVISIBLE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def clean(text: str) -> str:
    """Replaces lone surrogates, which no file and no request can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def fit_to_show(words: str, secrets: Iterable[str] = (), limit: int = MOST) -> str:
    """Returns foreign words in one line of at most `limit` characters, without secrets and control characters."""
    words = without_secrets(_one_line(words[: _LOOKED_AT * limit]), [*secrets, *known_keys()])
    words = _LOOKS_SECRET.sub("***", words)
    return words if len(words) <= limit else words[: limit - 1] + "…"


def fit_name(name: str, keys: Iterable[str] = ()) -> str:
    """Returns the name of a model in one line: nothing but the keys is hidden in it, as two names must stay two."""
    return without_keys(_one_line(name), [*keys, *known_keys()])


def may_be_secret(value: str) -> bool:
    """Whether a setting may hold a key or a password: by its looks, or by the signs with which an address carries one.

    >>> may_be_secret("http://bob:hun=ter2@moss:80"), may_be_secret("/data/a=b.txt")
    (True, False)
    """
    return bool(_LOOKS_SECRET.search(value) or _CARRIES.search(value))


def _one_line(words: str) -> str:
    return " ".join(_INVISIBLE.sub("", clean(_SEQUENCES.sub("", words))).split())
