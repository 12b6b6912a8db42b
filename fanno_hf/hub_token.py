"""The Hugging Face token and the Hub's address: from the environment variables HF_TOKEN and HF_ENDPOINT, never from a file;
what is secret in them is written nowhere.

HF_ENDPOINT=http://me:secret@hub.example  ->  hub_words("404 for http://me:secret@hub.example/x") is "404 for http://***hub.example/x"
"""

import os
import re
from urllib.parse import SplitResult, unquote, urlsplit

from fanno_hf.errors import UserError
from fanno_hf.texts.fit import fit_to_show

_SECRET = 8  # characters from which on a part of an address is hidden wherever it stands: shorter ones are in any word


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


def hub_endpoint() -> str:
    """Returns the Hub's address as it is called. Raises UserError, which repeats nothing of it, where it is none."""
    return _checked(_endpoint())


def check_endpoint() -> None:
    """Raises the same for HF_ENDPOINT as it is set, before a library that reads it is imported: some cannot be then."""
    _checked(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")


def _checked(address: str) -> str:
    if _parts(address) is None:
        raise UserError("HF_ENDPOINT is no address: give that of a Hub, as in HF_ENDPOINT=https://huggingface.co")
    return address


def _endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT


def shown_endpoint() -> str:
    """Returns the Hub's address as it may be shown: without a password, key or query that it holds by mistake."""
    if (parts := _parts(_endpoint())) is None:
        return "no address"
    return hub_words(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def hub_words(error: object) -> str:
    """Returns what was said about a call to the Hub, fit to be shown: without the token, and what HF_ENDPOINT has to hide."""
    return fit_to_show(str(error), _secrets())


def _secrets() -> list[str]:
    """Returns the token, and what stands in the address for nobody to see."""
    held = {os.environ.get("HF_TOKEN", "").strip()}
    if parts := _parts(_endpoint()):
        login = parts.netloc.rpartition("@")[0]
        held |= {*login.split(":", 1), *re.split("[=&]", parts.query), parts.fragment}
    return [
        secret for text in sorted(held) for secret in dict.fromkeys((text, unquote(text))) if len(secret) >= _SECRET
    ]


def _parts(address: str) -> SplitResult | None:
    """Returns the parts of an address; None where it is none."""
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ("http", "https") and re.fullmatch(r"[\w.:-]+", parts.hostname or "")
        return parts if is_address and parts.port != 0 else None
    except ValueError:  # a port that is no number, a bracket that is not closed
        return None
