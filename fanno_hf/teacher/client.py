"""One `/v1/chat/completions` server, through huggingface_hub's AsyncInferenceClient. It sends; the pool decides what next.

    Request([{"role": "user", "content": "Are mosses plants? …"}], max_tokens=1, top_logprobs=5)
        ->  Completion("Yes", "length", prompt_tokens=24, completion_tokens=1, top_logprobs=[("Yes", -0.1), …])

Portable over TGI, vLLM, SGLang, llama.cpp and Ollama: 400, 413, 422 and most of the 400s are the row's own fault, 401 to 407, 410
and a few more the configuration's, 429 and 503 mean "later", and the rest passes.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx

from fanno_hf.errors import UserError
from fanno_hf.teacher import session
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.body import NoAnswer, read_json
from fanno_hf.teacher.reply import REFUSAL, Server, read_completion, read_server, read_words
from fanno_hf.teacher.session import ALONGSIDE, Exchange, Session
from fanno_hf.texts.fit import fit_name, fit_to_show

PROBE_SECONDS = 10.0  # patience with a server that is only asked how it is


class CallFailed(Exception):
    """A request brought no answer, and may bring one when it is sent again. Its text is the server's or the library's."""

    paid = (0, 0, 0, 0)  # as of `Completion`: what it cost all the same

    @property
    def status(self) -> int | None:
        """The status that the server answered with; None where it said none, or a good one."""
        found = re.match(r"(\d{3}):", str(self))
        return int(found[1]) if found else None


class Unreachable(CallFailed):
    """Nobody listens there."""


class TimedOut(CallFailed):
    """There was no answer within the time-out; it may still wait in the server's queue."""


class Busy(CallFailed):
    """The server is full (429, 503), and asks to wait `retry_after` seconds; 0 where it says nothing."""

    def __init__(self, words: str, retry_after: float = 0.0):
        super().__init__(words)
        self.retry_after = retry_after


class Refused(CallFailed):
    """The server will never answer this very request (400, 413, 422, any other of the 400s, 501)."""


class Nonsense(CallFailed):
    """There is a reply and no answer in it: a page, half a JSON, an error with a good status."""


class Unfinished(CallFailed):
    """The model did not end its answer well, or was not let; `is_final` where it would be the same again."""

    def __init__(self, words: str, is_final: bool):
        super().__init__(words)
        self.is_final = is_final


class Oversized(CallFailed):
    """The reply is far longer than what was asked for; the same request mostly gets the same."""


class WrongSetting(CallFailed):
    """The server would refuse every request: key, model name or address are wrong (401 to 407, 410, a redirect, a certificate)."""


_KINDS: dict[int, type[CallFailed]] = {
    **dict.fromkeys(range(400, 500), Refused),
    # of a key, a model (410: it was retired) or an address; 415, 421 and 426 of a server that is no such one
    **dict.fromkeys((401, 402, 403, 404, 405, 406, 407, 410, 415, 421, 426), WrongSetting),
    # a conflict, a lock, a server that gave up: another time it may work; TGI says 424 where its model failed
    **dict.fromkeys((408, 409, 423, 424, 425, 499), CallFailed),
    **dict.fromkeys((501, 505), Refused),
}
_NOT_WELL = (
    502,
    503,
    504,
)  # of /health: there is nobody behind it, or not yet; 500 is also said for a path that there is not


# what OpenSSL says of an answer that is no TLS at all
_IS_PLAIN = re.compile(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL", re.IGNORECASE)

_HOW_TO_TRUST = ": give the address that it was made for, or the file of who signed it by the variable SSL_CERT_FILE"


def check_url(url: str, key: str = "teacher.base_url") -> None:
    """Refuses what is no address of a server, or holds a secret, before anything waits for it; shows no secret."""
    try:
        parts = urlsplit(str(url))
        good = (
            parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not re.search(r"\s", str(url))
        )
    except ValueError:
        good = False
    if re.search(r"[@?&;#]|%40|%3f", str(url), re.IGNORECASE):
        raise UserError(
            f"{key} holds a user name, a password or a query, which it cannot: give the key by {key.split('.')[0]}.api_key_env, "
            "the name of an environment variable"
        )
    if not good:  # what stands in the place of a port may be a password
        shown = re.sub(r":(?!//|\d+(?:/|$))[^/]+", ":…", str(url))
        raise UserError(f"{key}={fit_to_show(shown)!r} is no URL: give it as http://host:port")


class ChatClient:
    """Sends requests to one server. Without a key it sends "-": else the library would send the saved Hugging Face token."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout: float = 300.0,
        extra_body: Mapping[str, Any] | None = None,
        system: str | None = None,
    ):
        # what people paste: with /v1, or with the path of the requests
        self.base_url = re.sub(r"(?<=[^/])(?:/v1)?(?:/(?:chat/)?completions|/embeddings|/models)?/*$", "", base_url)
        self.model: str | None = None
        self.is_tgi = False
        self._extra_body, self._system = dict(extra_body or {}), system
        self._key = api_key or "-"
        self._probe = Session(timeout=min(PROBE_SECONDS, timeout))
        self._session = Session(timeout=timeout)
        self._client: AsyncInferenceClient | None = None

    async def describe(self) -> Server:
        """Asks the server what it is: `/info` (TGI), then `/v1/models`. Raises CallFailed: it does not answer."""
        info = await self._get("/info")
        return read_server(info, await self._get("/v1/models"))

    async def check(self) -> None:
        """Asks `/health`; a server without one is well when it answers at all. Raises CallFailed: it is not well."""
        answer = await self._fetch("/health")
        if answer.status_code in _NOT_WELL:
            raise self._failure(answer)

    async def _get(self, path: str) -> Any:
        answer = await self._fetch(path)
        # gateways say so, too, for paths they do not know
        if path == "/v1/models" and (answer.status_code in (401, 402, 403) or 300 <= answer.status_code < 400):
            raise self._failure(answer)
        if answer.status_code == 200:
            with suppress(NoAnswer):
                return read_json(answer.content)
        return {REFUSAL: f"{answer.status_code}: {read_words(answer.content, self._secrets)}"}

    async def _fetch(self, path: str) -> httpx.Response:
        try:
            return await self._probe.fetch("GET", self.base_url + path, self._headers)
        except Exception as error:
            failure = self._trouble(error)
            # what hangs up on plain http may want https; only a handshake tells it from a server that is not ready
            if type(failure) is CallFailed and await session.speaks_tls(self.base_url):
                failure = WrongSetting("with https only, and the address begins with http: give it as https://")
            raise failure from error

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"}

    async def send(self, request: Request) -> Completion:
        """Sends one request once. Raises CallFailed: there is no answer; its kinds say why."""
        if self._client is None:
            self._client = AsyncInferenceClient(base_url=f"{self.base_url}/v1", api_key=self._key)
            # for this client alone: `set_async_client_factory` would change it for the whole process
            self._client._async_client = self._session
        exchange = Exchange(self._changes(request))
        messages = [*([{"role": "system", "content": self._system}] if self._system else []), *request.messages]
        try:
            await self._client.chat_completion(
                messages,
                model=self.model,
                max_tokens=request.max_tokens + request.room,
                temperature=request.temperature,
                # TGI refuses 1.0, and without sampling it means nothing
                top_p=request.top_p if request.temperature > 0 and request.top_p < 1 else None,
                frequency_penalty=request.frequency_penalty or None,
                seed=request.seed,
                stop=list(request.stop) or None,
                logprobs=True if request.top_logprobs else None,
                top_logprobs=request.top_logprobs or None,
                extra_body={ALONGSIDE: exchange},
            )
            return read_completion(exchange.content, exchange.kind, request, self._secrets)
        # whatever an answer makes a library raise is this call's failure, and never the end of a run
        except Exception as error:
            raise self._trouble(error) from error

    def _changes(self, request: Request) -> dict[str, Any]:
        """Returns the keys of the body that the library would change, or does not know."""
        changes: dict[str, Any] = {}
        if request.schema is not None and self.is_tgi:
            changes["response_format"] = {"type": "json", "value": request.schema}
        elif request.schema is not None:
            schema = {"name": "answer", "schema": request.schema, "strict": True}
            changes["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.limit_name != "max_tokens":
            changes |= {"max_tokens": None, request.limit_name: request.max_tokens + request.room}
        return {**changes, **dict(request.manner), **self._extra_body}

    async def close(self) -> None:
        """Closes the connections."""
        await self._probe.aclose()
        await self._session.aclose()

    def _trouble(self, error: Exception) -> CallFailed:
        """Says what an exception means. Raises UserError: a setting of this machine, whatever the server."""
        if isinstance(error, UserError):
            raise error
        if isinstance(error, HfHubHTTPError):
            return self._failure(error.response)
        if isinstance(error, NoAnswer):
            words = fit_to_show(str(error), self._secrets)
            failure = Nonsense(words) if error.is_final is None else Unfinished(words, error.is_final)
            failure.paid = error.paid
            return failure
        if isinstance(error, session.Oversized):
            return Oversized(str(error))
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            if _IS_PLAIN.search(str(error)):
                return WrongSetting("with plain http, and the address begins with https: give it as http://")
            return WrongSetting(
                f"with a certificate that is not trusted ({self._why_not_trusted(error)})" + _HOW_TO_TRUST
            )
        if isinstance(error, aiohttp.ClientConnectorError):
            return Unreachable(fit_to_show(_why_unreachable(error), self._secrets))
        if isinstance(error, TimeoutError):
            return TimedOut("no answer in time")
        if isinstance(error, ValueError):
            return Nonsense(fit_to_show(str(error), self._secrets))
        return CallFailed(fit_to_show(f"{type(error).__name__}: {error}".rstrip(": "), self._secrets))

    def _why_not_trusted(self, error: Exception) -> str:
        """Returns OpenSSL's own words without those of the libraries around it."""
        told = getattr(getattr(error, "certificate_error", None), "verify_message", "")
        return fit_to_show(told or str(error), self._secrets, 200)

    def _failure(self, answer: httpx.Response) -> CallFailed:
        """Says what a status means."""
        status, words = answer.status_code, read_words(answer.content, self._secrets)
        if 300 <= status < 400:
            return WrongSetting(f"{status}, a redirect, which is not followed: give the address it leads to")
        if status in (429, 503):
            return Busy(f"{status}: {words}", _seconds(answer.headers.get("retry-after")))
        return _KINDS.get(status, CallFailed)(f"{status}: {words}")

    def shown(self, name: str | None) -> str:
        """Returns the name of a model as rows and messages have it; what is sent is the name itself."""
        return fit_name(str(name), self._secrets)

    @property
    def _secrets(self) -> tuple[str, ...]:
        """A server may quote what it was sent, and its words end up in rows and logs."""
        return () if self._key == "-" else (self._key,)


def _why_unreachable(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"there is no host {error.host}"
    reason = os.strerror(error.os_error.errno) if error.os_error.errno else str(error.os_error)
    return f"{error.host}:{error.port}: {reason.lower()}"


def _seconds(retry_after: str | None) -> float:
    """Reads a Retry-After header in seconds, a minute at most; one with a date counts as none."""
    found = re.fullmatch(r"\d{1,9}(\.\d+)?", retry_after or "")
    return min(float(found.group()), 60.0) if found else 0.0
