"""The teacher's key: from one named environment variable, never from a file, and never Hugging Face's to another host."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants

from fanno_hf.errors import UserError
from fanno_hf.texts.hidden import hide_value_of, holds_key, known_keys

# of a header or a parameter: "Authorization", "x-api-key", "access_token", "token"; "stop_token" and "max_tokens" are none
_NAMES_A_KEY = re.compile(
    r"(?i)authorization|api[-_ ]?key|password|passwd|secret|^(?:(?:access|auth|bearer|hf)[-_]?)?token$"
)
_MAY_BE_A_KEY = re.compile(r"(?i)(?:(?:bearer|basic|token)\s+)?[^\s<>|]{8,}")
_HUGGING_FACE = ("huggingface.co", "huggingface.cloud")


def api_key(variable: object, urls: Iterable[str]) -> str | None:
    """Returns the key in the named environment variable, to be sent to `urls`; None without a name. Words hide it from then on.

    Raises:
        UserError: the variable is not set, or holds the user's Hugging Face token and a URL is not Hugging Face's.
    """
    if variable is None or variable == "":
        return None
    # YAML makes a number of a key of digits
    if not isinstance(variable, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        raise UserError(
            "teacher.api_key_env takes the NAME of an environment variable, as in MY_KEY, not the key itself"
        )
    hide_value_of(variable)
    key = os.environ.get(variable)
    if not key:
        shown = f"={variable}" if _is_name(variable) else ""  # else it may be the key itself
        raise UserError(f"teacher.api_key_env{shown}: this environment variable is not set")
    if not key.isprintable() or not key.isascii() or " " in key:
        raise UserError(
            f"teacher.api_key_env={variable}: its value holds a space, a line break or no ASCII, as no key does"
        )
    strangers = [url for url in urls if not _is_hugging_face(url)]
    if strangers and (key.startswith("hf_") or key in _hugging_face_tokens()):
        raise UserError(
            f"teacher.api_key_env={variable} holds a Hugging Face token, and {strangers[0]} is not Hugging Face's: "
            "it is not sent there. Give the server a key of its own"
        )
    return key


def _is_name(variable: str) -> bool:
    """Whether every word of a name looks like one: letters, then digits at most, and no more than a dozen of them."""
    return len(variable) <= 40 and all(
        re.fullmatch(r"[A-Z]{0,12}\d{0,2}|[a-z]{0,12}\d{0,2}", word) for word in variable.split("_")
    )


def _hugging_face_tokens() -> set[str]:
    """The tokens of the environment and of `hf auth login`."""
    found = {os.environ.get(name, "") for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")}
    for path in (constants.HF_TOKEN_PATH, constants.HF_STORED_TOKENS_PATH):
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found.update(word for line in text.splitlines() for word in line.replace("=", " ").split())
    return found - {""}


def _is_hugging_face(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" and any(host == name or host.endswith(f".{name}") for name in _HUGGING_FACE)


def check_no_secret(key: str, value: Any) -> None:
    """Checks what of the settings is sent with every request, and becomes a part of the teacher's identity.

    Raises UserError: it holds a key, or what looks like one under the name of one.
    """
    if any(_is_secret(name, text) for name, text in _texts(value)):
        raise UserError(
            f"{key} holds what seems to be a key, and would be published with every row: give the key by "
            f"{key.split('.')[0]}.api_key_env, the name of an environment variable"
        )


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields every text in a value, names of keys included, each with the name it stands under."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield "", str(key)
            yield from _texts(item, str(key))
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for item in value:
            yield from _texts(item, name)
    elif value is not None:
        yield name, str(value)


def _is_secret(name: str, text: str) -> bool:
    return holds_key(text, known_keys()) or bool(_NAMES_A_KEY.search(name) and _MAY_BE_A_KEY.fullmatch(text.strip()))
