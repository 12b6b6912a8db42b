"""The one door to the Hub: the token of the environment, calls that are tried again while it is busy, errors in words.

429, then 412, then done   ->  done, two waits later
403                        ->  "hub.repo_id=me/fanno: HF_TOKEN may not write there: …"
"""

import logging
import re
from collections.abc import Callable
from time import sleep
from typing import Any, TypeVar

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import HFValidationError, httpx, validate_repo_id

import fanno_hf
from fanno_hf.errors import FannoError, UserError, causes, raise_if_disk_full
from fanno_hf.hub_token import hub_endpoint, hub_token, hub_words, shown_endpoint

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
# two writers met, too many requests, or trouble at the Hub
_TRY_AGAIN = frozenset({408, 409, 412, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 300.0
# what git and the Hub both take as a branch or tag
_REVISION = re.compile(r"(?!.*(?:\.\.|//|\.lock$|[./]$))[\w][\w./-]*")


class Hub:
    """Calls the Hub, again up to `retries` times.

    `token` is HF_TOKEN, or False where it is not set: a saved token is never used. `api` is the one of `huggingface_hub`
    for this token and the endpoint in HF_ENDPOINT. Raises UserError where either is none.
    """

    def __init__(self, retries: int):
        self.token = hub_token()
        self.api = HfApi(
            endpoint=hub_endpoint(),
            token=self.token,
            library_name="fanno_hf",
            library_version=fanno_hf.__version__,
        )
        self._retries = retries

    def call(self, what: str, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        """Calls a function that talks to the Hub, again while the Hub is busy: what it did already must do no harm.

        Raises UserError where the repository, revision or permission is wrong, FannoError where it failed for good or too
        often. `what` begins the message, e.g. "hub.repo_id=me/fanno: pushing seed".
        """
        for attempt in range(self._retries + 1):
            try:
                return function(*args, **kwargs)
            except (HfHubHTTPError, httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError, ValueError) as error:
                raise_if_disk_full(error)
                status = _status(error)
                if not _may_pass(error, status):
                    raise self._explained(what, error, status) from error
                if attempt == self._retries:
                    times = f"{attempt + 1} times, at last with" if attempt else "with"
                    raise FannoError(
                        f"{what} failed {times}: {_words(error)} (HF_ENDPOINT={shown_endpoint()}). What is done stays: "
                        "run the same command again to complete it"
                    ) from error
                seconds = min(_retry_after(error) or 2.0**attempt, _LONGEST_WAIT)
                logger.info("%s: %s; again in %.0f s", what, _words(error), seconds)
                sleep(seconds)
        raise AssertionError("unreachable")

    def _explained(self, what: str, error: Exception, status: int | None) -> FannoError:
        if isinstance(error, OfflineModeIsEnabled):
            return UserError(f"{what}: HF_HUB_OFFLINE is set, so the Hub is not asked")
        if isinstance(error, RevisionNotFoundError):
            return UserError(f"{what}: there is no such branch, tag or commit")
        if isinstance(error, RepositoryNotFoundError):
            has = "HF_TOKEN may not read it" if self.token else "it is private: set HF_TOKEN"
            return UserError(f"{what}: there is no such repository on {shown_endpoint()}, or {has}")
        if status in (401, 403):
            has = "HF_TOKEN is not accepted or may not write there" if self.token else "it asks for HF_TOKEN"
            return UserError(f"{what}: {has} ({_words(error)})")
        return FannoError(f"{what} failed: {_words(error)} (HF_ENDPOINT={shown_endpoint()})")


def check_repo_id(key: str, repo_id: Any) -> str:
    """Returns a repository's name, checked. Raises UserError: it is none."""
    try:
        if not isinstance(repo_id, str) or repo_id.count("/") > 1:
            raise HFValidationError
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UserError(f"{key}={repo_id} is no data set on the Hub: give owner/name, as in {key}=me/fanno") from error
    return repo_id


def is_revision(name: str) -> bool:
    """Whether git takes a name as a branch or tag."""
    return bool(_REVISION.fullmatch(name))


def split_origin(key: str, origin: str) -> tuple[str, str]:
    """Returns repository and revision ("main" without one) of "me/fanno@demo/seed". Raises UserError where it is neither."""
    repo_id, _, revision = str(origin).partition("@")
    try:
        check_repo_id(key, repo_id)
    except UserError:
        raise UserError(
            f"{key}={origin} is no data set on the Hub: give owner/name@revision, as in {key}=me/fanno@demo"
        ) from None
    if revision and not is_revision(revision):
        raise UserError(f"{key}={origin}: {revision!r} is no branch, tag or commit")
    return repo_id, revision or "main"


def _response(error: BaseException) -> Any:
    return next((e.response for e in causes(error) if isinstance(e, HfHubHTTPError)), None)


def _status(error: BaseException) -> int | None:
    response = _response(error)
    return None if response is None else response.status_code


def _may_pass(error: BaseException, status: int | None) -> bool:
    if isinstance(error, OfflineModeIsEnabled):
        return False
    if status is not None:
        return status in _TRY_AGAIN
    if any(isinstance(e, httpx.UnsupportedProtocol) for e in causes(error)):
        return False
    return any(isinstance(e, (httpx.TransportError, ConnectionError, TimeoutError)) for e in causes(error))


def _retry_after(error: BaseException) -> float | None:
    """Seconds the server asks to wait."""
    response = _response(error)
    value = "" if response is None else response.headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"\d{1,6}(?:\.\d+)?", value) else None


def _words(error: BaseException) -> str:
    """The first words of what went wrong; never the request, whose headers hold the token."""
    said = next((e.server_message for e in causes(error) if isinstance(e, HfHubHTTPError) and e.server_message), None)
    status = _status(error)
    text = hub_words(said or error).rstrip(".") or type(error).__name__
    return f"{status} {text}" if status and str(status) not in text else text
