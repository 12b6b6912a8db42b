"""One `/v1/chat/completions` server, through huggingface_hub's AsyncInferenceClient. It sends; the pool decides what next.

    Request([{"role": "user", "content": "Are mosses plants? …"}], max_tokens=1, top_logprobs=5)
        ->  Completion("Yes", "length", prompt_tokens=24, completion_tokens=1, top_logprobs=[("Yes", -0.1), …])

Portable over TGI, vLLM, SGLang, llama.cpp and Ollama: 400, 413 and 422 are the row's own fault, 401, 403, 404 and 405 the
configuration's, 429 and 503 mean "later", and the rest passes.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx

from fanno_hf.teacher.base import FINISHED, Completion, Request
from fanno_hf.teacher.session import Session

_REFUSED = frozenset({400, 413, 422})
_WRONG_SETTING = frozenset({401, 403, 404, 405})
_BUSY = frozenset({429, 503})
PROBE_SECONDS = 10.0
"""Patience with a server that is only asked how it is."""


class CallFailed(Exception):
    """A request brought no answer, and may bring one when it is sent again. Its text is the server's or the library's."""


class Unreachable(CallFailed):
    """Nobody listens there."""


class Busy(CallFailed):
    """The server is full (429, 503).

    Attributes:
        retry_after: seconds the server asks to wait; 0 where it says nothing.
    """

    def __init__(self, words: str, retry_after: float = 0.0):
        super().__init__(words)
        self.retry_after = retry_after


class Refused(CallFailed):
    """The server will never answer this very request (400, 413, 422)."""


class WrongSetting(CallFailed):
    """The server would refuse every request: key, model name or address are wrong (401, 403, 404, 405)."""


@dataclass(frozen=True)
class Server:
    """What a server tells about itself; None where it does not say.

    Attributes:
        model: the name it serves the model under.
        revision: commit of the model (TGI).
        version: of the server (TGI).
        max_in_flight: requests it takes before it answers 429 (TGI).
        max_input_tokens, max_total_tokens: of a prompt, and of prompt and answer (TGI); the second also from
            `max_model_len` (vLLM) or `meta.n_ctx` (llama.cpp).
    """

    model: str | None = None
    revision: str | None = None
    version: str | None = None
    max_in_flight: int | None = None
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None


class ChatClient:
    """Sends requests to one server.

    Args:
        base_url: of the server, with or without `/v1`.
        api_key: sent as a bearer token; None sends "-", for without one the library would send the saved Hugging
            Face token.
        timeout: seconds for one request, from connecting to the last byte.
    """

    def __init__(self, base_url: str, *, api_key: str | None = None, timeout: float = 300.0):
        self.base_url = base_url.rstrip("/").removesuffix("/v1")
        self.model: str | None = None
        self._key, self._timeout = api_key or "-", timeout
        # a proxy of the environment never stands before a loopback server
        self._proxies = urlsplit(self.base_url).hostname not in ("127.0.0.1", "localhost", "::1")
        self._client: AsyncInferenceClient | None = None
        self._probe: Session | None = None

    async def describe(self) -> Server:
        """Asks the server what it is: `/info` (TGI), then `/v1/models`.

        Raises:
            CallFailed: it does not answer, or not as such a server does.
        """
        info, models = await self._get("/info"), await self._get("/v1/models")
        if not isinstance(info, dict) or "model_id" not in info:
            info = {}
        served = models.get("data") if isinstance(models, dict) else None
        served = [entry for entry in served if isinstance(entry, dict)] if isinstance(served, list) else []
        first = served[0] if served else {}
        meta = first.get("meta") if isinstance(first.get("meta"), dict) else {}
        return Server(
            model=info.get("model_id") or (first.get("id") if len(served) == 1 else None),
            revision=info.get("model_sha"),
            version=info.get("version"),
            max_in_flight=info.get("max_concurrent_requests"),
            max_input_tokens=info.get("max_input_tokens"),
            max_total_tokens=info.get("max_total_tokens") or first.get("max_model_len") or meta.get("n_ctx"),
        )

    async def check(self) -> None:
        """Asks `/health`; a server without one is well when it answers at all.

        Raises:
            CallFailed: it does not answer, or says that it is not well.
        """
        answer = await self._fetch("/health")
        if answer.status_code >= 500:
            raise CallFailed(f"{answer.status_code}: {_words(answer)}")

    async def _get(self, path: str) -> Any:
        answer = await self._fetch(path)
        # gateways say so for paths they do not know, too
        if answer.status_code in (401, 403) and path == "/v1/models":
            raise WrongSetting(f"{answer.status_code}: {_words(answer)}")
        if answer.status_code >= 500:
            raise CallFailed(f"{answer.status_code}: {_words(answer)}")
        try:
            return json.loads(answer.content) if answer.status_code == 200 else None
        except ValueError:
            return None

    async def _fetch(self, path: str) -> httpx.Response:
        if self._probe is None:
            self._probe = Session(timeout=min(PROBE_SECONDS, self._timeout), proxies=self._proxies)
        try:
            return await self._probe.fetch("GET", self.base_url + path, {"Authorization": f"Bearer {self._key}"})
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(str(error)) from error
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:  # noqa: UP041 (3.10)
            raise CallFailed(f"{type(error).__name__}: {error}") from error

    async def send(self, request: Request) -> Completion:
        """Sends one request once.

        Raises:
            CallFailed: there is no answer; its kinds say why.
        """
        if self._client is None:
            session = Session(timeout=self._timeout, proxies=self._proxies)
            self._client = _Client(session, base_url=f"{self.base_url}/v1", api_key=self._key)
        try:
            reply = await self._client.chat_completion(
                request.messages,
                model=self.model,
                max_tokens=request.max_tokens,
                temperature=request.temperature,
                # TGI refuses 1.0, and without sampling it means nothing
                top_p=request.top_p if request.temperature > 0 and request.top_p < 1 else None,
                frequency_penalty=request.frequency_penalty or None,
                seed=request.seed,
                stop=list(request.stop) or None,
                logprobs=True if request.top_logprobs else None,
                top_logprobs=request.top_logprobs or None,
            )
            return _completion(reply, request)
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(str(error)) from error
        except HfHubHTTPError as error:
            raise _failure(error.response) from error
        # AttributeError and TypeError: a 200 whose body is JSON of another shape
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError, AttributeError, TypeError) as error:  # noqa: UP041 (3.10)
            raise CallFailed(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.close()
        if self._probe is not None:
            await self._probe.aclose()


class _Client(AsyncInferenceClient):
    """The library's client over a session of ours. `set_async_client_factory` would change it for the whole process."""

    def __init__(self, session: Session, **settings: Any):
        super().__init__(**settings)
        self._session = session

    async def _get_async_client(self) -> Session:
        return self._session

    async def close(self) -> None:
        await self._session.aclose()
        await super().close()


def _completion(reply: Any, request: Request) -> Completion:
    if not reply.choices:
        raise ValueError("an answer without choices")
    choice, usage = reply.choices[0], reply.usage
    finish_reason = choice.finish_reason if choice.finish_reason in FINISHED else "stop"
    return Completion(
        text=_strip_stop(choice.message.content or "", request.stop),
        finish_reason="length" if finish_reason == "length" else "stop",
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        cached_tokens=_cached_tokens(usage),
        top_logprobs=_first_token(choice),
    )


def _cached_tokens(usage: Any) -> int:
    """Tokens of the prompt that the server had in its prefix cache, where it tells (vLLM, SGLang, llama.cpp)."""
    details = getattr(usage, "prompt_tokens_details", None)
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return cached if isinstance(cached, int) else 0


def _first_token(choice: Any) -> list[tuple[str, float]] | None:
    """Returns the alternatives of the first token, or None where the server gave none."""
    content = choice.logprobs.content if choice.logprobs else None
    if not content:
        return None
    alternatives = content[0].top_logprobs or [content[0]]
    return [(entry.token, entry.logprob) for entry in alternatives]


def _strip_stop(text: str, stop: tuple[str, ...]) -> str:
    """Cuts the text at the first stop string: TGI keeps it, the others remove it."""
    for string in stop:
        text = text.split(string, 1)[0]
    return text


def _failure(response: httpx.Response) -> CallFailed:
    status, words = response.status_code, f"{response.status_code}: {_words(response)}"
    if status in _BUSY:
        return Busy(words, _seconds(response.headers.get("retry-after")))
    if 300 <= status < 400:
        return WrongSetting(f"{status}: it moved elsewhere; give its real address")
    kinds = {Refused: _REFUSED, WrongSetting: _WRONG_SETTING}
    return next((kind for kind, statuses in kinds.items() if status in statuses), CallFailed)(words)


def _seconds(retry_after: str | None) -> float:
    """Reads a Retry-After header in seconds, a minute at most; one with a date counts as none."""
    found = re.fullmatch(r"\d{1,9}(\.\d+)?", retry_after or "")
    return min(float(found.group()), 60.0) if found else 0.0


def _words(response: httpx.Response) -> str:
    """Returns what the server said, from any of the known error bodies, at most 300 characters."""
    try:
        body = json.loads(response.text)["error"]
        words = body["message"] if isinstance(body, dict) else str(body)
    except (ValueError, KeyError, TypeError):
        words = response.text
    return " ".join(str(words).split())[:300]
