"""The Hugging Face token: from the environment variable HF_TOKEN, never from a file, written nowhere."""

import os

from fanno_hf.errors import UserError


def hub_token() -> str | bool:
    """Returns HF_TOKEN, or False where it is not set: then the client looks for no saved one.

    Raises UserError where it holds what no token does.
    """
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UserError("HF_TOKEN holds a space, a line break or no ASCII, as no token does")
    return token or False


def require_token(key: str) -> None:
    """Checks that there is a token to write with. Raises UserError: HF_TOKEN is not set, or is no token."""
    if not hub_token():
        raise UserError(
            f"{key} needs a token with write access in the environment variable HF_TOKEN "
            "(one that was saved by `hf auth login` is not used)"
        )
