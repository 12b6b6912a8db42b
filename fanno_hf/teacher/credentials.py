"""The teacher's key: from one named environment variable, never from a file, and never Hugging Face's to another host."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub import constants

from fanno_hf.errors import UserError

_HUGGING_FACE = ("huggingface.co", "huggingface.cloud")


def api_key(variable: str | None, urls: Iterable[str]) -> str | None:
    """Returns the key in the named environment variable, to be sent to `urls`; None without a name.

    Raises:
        UserError: the variable is not set, or holds the user's Hugging Face token and a URL is not Hugging Face's.
    """
    if not variable:
        return None
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        raise UserError(
            "teacher.api_key_env takes the NAME of an environment variable, as in MY_KEY, not the key itself"
        )
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
