r"""Secrets hidden in words, however they are written there.

    without_secrets("no key sk-12345678, try sk-123456", ["sk-12345678"])  ->  "no key ***, try ***"
    without_keys("It is s k - 1234\u200b5678ab. I said sk-1234.", ["sk-12345678ab"])  ->  "It is ***. I said sk-1234."

In an error every piece of a secret goes. What is kept as data loses a key only where the whole of it stands, and a key that is
a word that a server wants to see ("ollama") hides nothing there: it would take words out of what a model wrote.
"""

import base64
import functools
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

SHORTEST_KEY = 12
"""Characters; a key of fewer is no secret, and stays where data is made."""
_PIECE = 8  # letters and digits of a secret in a row that give it away
# ways to write, each read by itself, since what one takes for an escape may be the beginning of a key in another: a sign
# without which a text has none of it, and its escapes
_WRITINGS = (
    ("", re.compile(r"\0")),  # as it is
    (
        # \u0073 and %u0073, \U00000073, \u{73}, \x73, %73, &#x73;, &#115;, \163, \n, behind up to 16 backslashes; colours
        "\\%&\x1b\x9b",
        re.compile(
            r"(?:\\{1,16}|%(?:25)*)u(?P<u>[0-9a-fA-F]{4})|\\{1,16}U(?P<U>[0-9a-fA-F]{8})|\\{1,16}[uUx]\{0*(?P<b>[0-9a-fA-F]{1,6})\}"
            r"|\\{1,16}x(?P<x>[0-9a-fA-F]{2})|%(?:25)*(?P<p>[0-9a-fA-F]{2})|&(?:amp;)*#[xX]0*(?P<h>[0-9a-fA-F]{1,6});?"
            r"|&(?:amp;)*#0*(?P<d>\d{1,7});?|\\{1,16}(?P<o>[01]?[0-7]{2})|\\{1,16}[nrtbf0]|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
        ),
    ),
    ("=", re.compile(r"=(?P<q>[0-9a-fA-F]{2})|=\r?\n")),  # =73, as in mails
)
_BASES = {"d": 10, "o": 8}  # of the groups above; the others are hexadecimal
_NO_LETTERS = re.compile(r"[^a-z0-9]+")
_NO_SIGNS = re.compile(r"[^!-~]+")  # nor spaces, controls, zero-width characters
_VARIABLES = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]


def hide_value_of(variable: object) -> None:
    """Has the value of an environment variable hidden in all words from now on; what cannot be its name is left alone."""
    if isinstance(variable, str) and re.fullmatch(r"\w+", variable, re.ASCII) and variable not in _VARIABLES:
        _VARIABLES.append(variable)


def known_keys() -> list[str]:
    """Returns the values of the variables that hold keys, as far as they are set and long enough."""
    values = (os.environ.get(name, "").strip() for name in _VARIABLES)
    return [value for value in values if len(value) >= SHORTEST_KEY]


def without_secrets(words: str, secrets: Iterable[str]) -> str:
    """Hides each secret, every piece of it that is long enough to give it away, and what base64 or hexadecimal digits make of it."""
    for secret in secrets:
        pieces = _pieces(secret)
        words = _without(words, pieces, _NO_LETTERS) if pieces else words.replace(secret, "***")
    return words


def without_keys(text: str, keys: Iterable[str], is_cut: bool = False) -> str:
    """Hides each key that is no mere word where the whole of it stands, with or without something invisible in between.

    `is_cut`: whether the text ends where somebody cut it; then the beginning of a key at its end goes, too.
    """
    for key in keys:
        if len(key) >= SHORTEST_KEY:
            forms, between = _whole(key)
            text = _without(text, forms, between, forms[0] if is_cut else "")
    return text


def holds_key(text: str, keys: Iterable[str]) -> bool:
    """Whether `without_keys` would hide anything."""
    return without_keys(text, keys) != text


@functools.lru_cache(maxsize=64)
def _pieces(secret: str) -> tuple[str, ...]:
    """What gives a secret away; () where it is so short that only the whole of it does."""
    packed = [_packed(form, _NO_LETTERS) for form in _encoded(secret)]
    if len(packed[0]) < _PIECE:
        return ()
    found = (form[start : start + _PIECE] for form in packed for start in range(len(form) - _PIECE + 1))
    return tuple(dict.fromkeys(found))


@functools.lru_cache(maxsize=64)
def _whole(key: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """Returns a key and what it is encoded, and what may stand between their characters.

    Signs count in a key of words alone: "no-key-required" shall not hide "No key required".
    """
    has_digits = any(ch.isdigit() for ch in key) and len(_packed(key, _NO_LETTERS)) >= _PIECE
    between = _NO_LETTERS if has_digits else _NO_SIGNS
    return tuple(_packed(form, between) for form in _encoded(key)), between


def _encoded(secret: str) -> Iterator[str]:
    """Yields a secret as it is, in hexadecimal digits, and in base64 at each of three places, as behind "Bearer "."""
    raw = secret.encode()
    yield from (secret, raw.hex())
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        yield text[2 * shift : -1]  # the digits at both ends belong to what stands beside it, too


def _without(words: str, forms: Sequence[str], between: re.Pattern[str], beginning: str = "") -> str:
    """Replaces every form by asterisks, and a beginning of one more at the end; most texts are read once and have none."""
    for signs, writing in _WRITINGS:
        if signs and not any(sign in words for sign in signs):
            continue
        line = _packed(writing.sub(_meant, words), between)
        if found := [*_places(line, forms), *_begun(line, beginning)]:
            spans = [span for meant, *span in _units(words, writing) for _ in _packed(meant, between)]
            words = _masked(words, sorted((spans[first][0], spans[last][1]) for first, last in found))
    return words


def _places(line: str, forms: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yields the first and the last place of each form in a line, wherever it stands."""
    for form in forms:
        start = line.find(form)
        while start >= 0:
            yield start, start + len(form) - 1
            start = line.find(form, start + 1)


def _begun(line: str, form: str) -> Iterator[tuple[int, int]]:
    """Yields the place of the longest beginning of a form that a line ends with, where it gives the form away."""
    for length in range(min(len(form) - 1, len(line)), _PIECE - 1, -1):
        if line.endswith(form[:length]):
            yield len(line) - length, len(line) - 1
            return


def _masked(words: str, spans: Sequence[tuple[int, int]]) -> str:
    """Replaces each span, or several that touch, by asterisks; the spans are sorted."""
    parts, end = [], -2
    for first, last in spans:
        if first > end + 1:
            parts += [words[max(end, 0) : first], "***"]
        end = max(end, last)
    return "".join([*parts, words[end:]])


def _units(words: str, writing: re.Pattern[str]) -> Iterator[tuple[str, int, int]]:
    """Yields each character that is meant, and where what stands for it begins and ends."""
    place = 0
    for unit in writing.finditer(words):
        yield from ((words[at], at, at + 1) for at in range(place, unit.start()))
        yield _meant(unit), unit.start(), unit.end()
        place = unit.end()
    yield from ((words[at], at, at + 1) for at in range(place, len(words)))


def _meant(unit: re.Match[str]) -> str:
    """The character that an escape stands for."""
    if unit.lastgroup is None:
        return " "
    number = int(unit[unit.lastgroup], _BASES.get(unit.lastgroup, 16))
    return chr(number) if number < 0x110000 else " "


def _packed(text: str, between: re.Pattern[str]) -> str:
    """Returns a text without what may stand between the characters of a secret, for which case and style make no difference."""
    return between.sub("", unicodedata.normalize("NFKD", text).casefold())
