"""The teacher's key: from one named environment variable, never from a file, and never Hugging Face's to another host."""

import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from huggingface_hub import get_token

from fanno_hf.errors import UserError

_HUGGING_FACE = ("huggingface.co", "huggingface.cloud", "hf.space")


def api_key(variable: str | None, urls: Iterable[str]) -> str | None:
    """Returns the key in the named environment variable; None without a name.

    Args:
        variable: its name.
        urls: where the key would be sent.

    Raises:
        UserError: the variable is not set, or holds the user's Hugging Face token and a URL is not Hugging Face's.
    """
    if not variable:
        return None
    key = os.environ.get(variable)
    if not key:
        raise UserError(f"teacher.api_key_env={variable}: this environment variable is not set")
    if not key.isprintable() or not key.isascii() or " " in key:
        raise UserError(
            f"teacher.api_key_env={variable}: its value holds a space, a line break or no ASCII, as no key does"
        )
    strangers = [url for url in urls if not _is_hugging_face(urlsplit(url).hostname or "")]
    if strangers and (key == get_token() or variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")):
        raise UserError(
            f"teacher.api_key_env={variable} holds your Hugging Face token, and {strangers[0]} is not Hugging Face's: "
            "it is not sent there. Give the server a key of its own"
        )
    return key


def _is_hugging_face(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in _HUGGING_FACE)
