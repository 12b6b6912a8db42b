"""Any `/v1/chat/completions` server, through huggingface_hub's AsyncInferenceClient.

    Request([{"role": "user", "content": "Are mosses plants? …"}], max_tokens=1, top_logprobs=5)
        ->  Completion("Yes", "length", prompt_tokens=24, completion_tokens=1, top_logprobs=[("Yes", -0.1), …])

Portable over TGI, vLLM, SGLang, llama.cpp and Ollama: 400, 404, 413 and 422 are the row's (or the configuration's)
own fault and are not repeated; 429, 5xx, refused, dropped and timed-out calls are tried again after a growing pause.
"""

import asyncio
import json
import logging
import os
import random
import time
from urllib.parse import urlsplit

from huggingface_hub import AsyncInferenceClient, set_async_client_factory
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError
from huggingface_hub.utils import httpx

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.teacher.base import FINISHED, Completion, Request

logger = logging.getLogger(__name__)

# the row is at fault: asking again cannot help
_REFUSED = frozenset({400, 413, 422})
# the configuration is at fault: no row can be answered
_FATAL = frozenset({401, 403, 404, 405})


class ChatClient:
    """A backend over one server.

    Args:
        base_url: of the server, with or without `/v1`.
        model: name sent with each request; part of the teacher's identity.
        revision: of the model, where known; part of the identity.
        api_key_env: NAME of the environment variable that holds the key; no key is ever read from elsewhere, so the
            saved Hugging Face token is sent nowhere.
        concurrency: requests in flight at most.
        timeout: seconds for one request, from sending to the last byte.
        retries: how often one request is tried again before its row is given up (`teacher_failed`).
        patience: seconds to wait for a server that cannot be reached at all before the run stops.

    Raises:
        UserError: a value is missing or the named environment variable is not set.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        revision: str | None = None,
        api_key_env: str | None = None,
        concurrency: int = 64,
        timeout: float = 300.0,
        retries: int = 6,
        patience: float = 60.0,
    ):
        if not base_url or not str(base_url).startswith(("http://", "https://")):
            raise UserError(f"teacher.base_url={base_url!r} is no URL: give it as http://host:port")
        if not model:
            raise UserError("teacher.model is empty: name the model that the server serves")
        if api_key_env and not os.environ.get(api_key_env):
            raise UserError(f"teacher.api_key_env={api_key_env}: this environment variable is not set")
        self.base_url = str(base_url).rstrip("/").removesuffix("/v1")
        self.model, self.concurrency = model, concurrency
        self.identity = f"{model}@{revision}" if revision else model
        # "-" where there is no key: without one the client would send the user's saved Hugging Face token
        self._api_key = os.environ[api_key_env] if api_key_env else "-"
        self._timeout, self._retries, self._patience = timeout, retries, patience
        self._client: AsyncInferenceClient | None = None
        # spreads retries only; no result depends on it
        self._jitter = random.Random(0)

    async def open(self) -> None:
        """Connects, and waits up to `patience` seconds for a server that is not there yet."""
        # the default pool holds 100 connections; a proxy from the environment never stands before a loopback server
        connections = self.concurrency + 8
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        proxies = urlsplit(self.base_url).hostname not in ("127.0.0.1", "localhost", "::1")
        set_async_client_factory(lambda: httpx.AsyncClient(limits=limits, timeout=self._timeout, trust_env=proxies))
        self._client = AsyncInferenceClient(
            base_url=f"{self.base_url}/v1", api_key=self._api_key, timeout=self._timeout
        )
        deadline, pause = time.monotonic() + self._patience, 0.2
        async with httpx.AsyncClient(timeout=10.0, trust_env=proxies) as probe:
            while True:
                try:
                    await probe.get(f"{self.base_url}/v1/models", headers={"Authorization": f"Bearer {self._api_key}"})
                    return
                except httpx.TransportError as error:
                    if time.monotonic() + pause > deadline:
                        raise self._unavailable(error) from error
                    logger.info("waiting for the teacher at %s (%s)", self.base_url, type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.close()

    async def complete(self, request: Request) -> Completion:
        """Answers one request; see `Backend.complete`."""
        attempt = failures = 0
        reached = time.monotonic()
        while True:
            try:
                return await asyncio.wait_for(self._send(request), self._timeout)
            except httpx.ConnectError as error:
                # nobody listens: no fault of the row, so it is waited for and not counted
                if time.monotonic() - reached > self._patience:
                    raise self._unavailable(error) from error
            except HfHubHTTPError as error:
                failure = f"{error.response.status_code}: {_server_words(error)}"
                self._check_status(error)
                if error.response.status_code in _REFUSED:
                    return Completion(error=("teacher_refused", failure))
                failures, reached = failures + 1, time.monotonic()
            except (InferenceTimeoutError, asyncio.TimeoutError, httpx.HTTPError, ValueError) as error:  # noqa: UP041 (3.10)
                failure = f"{type(error).__name__}: {error}"
                failures, reached = failures + 1, time.monotonic()
            if failures > self._retries:
                return Completion(error=("teacher_failed", f"given up after {failures} tries; last: {failure}"))
            await asyncio.sleep(self._jitter.uniform(0.5, 1.0) * min(0.25 * 2**attempt, 20.0))
            attempt += 1

    def _check_status(self, error: HfHubHTTPError) -> None:
        """Stops the run at a status that every row would get."""
        if error.response.status_code in _FATAL:
            raise TeacherUnavailable(
                f"The teacher at {self.base_url} answers {error.response.status_code} ({_server_words(error)}): check "
                f"teacher.base_url, teacher.model ({self.model}) and teacher.api_key_env, then run the same command again."
            ) from error

    def _unavailable(self, error: object) -> TeacherUnavailable:
        return TeacherUnavailable(
            f"The teacher at {self.base_url} cannot be reached ({error}): start the server or mend teacher.base_url, "
            "then run the same command again; what was answered so far is kept."
        )

    async def _send(self, request: Request) -> Completion:
        reply = await self._client.chat_completion(
            request.messages,
            model=self.model,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p if request.temperature > 0 else None,
            frequency_penalty=request.frequency_penalty or None,
            seed=request.seed,
            stop=list(request.stop) or None,
            logprobs=True if request.top_logprobs else None,
            top_logprobs=request.top_logprobs or None,
        )
        if not reply.choices:
            raise ValueError("an answer without choices")
        choice = reply.choices[0]
        finish_reason = choice.finish_reason if choice.finish_reason in FINISHED else "stop"
        return Completion(
            text=_strip_stop(choice.message.content or "", request.stop),
            finish_reason="length" if finish_reason == "length" else "stop",
            prompt_tokens=reply.usage.prompt_tokens if reply.usage else 0,
            completion_tokens=reply.usage.completion_tokens if reply.usage else 0,
            top_logprobs=_first_token(choice),
        )


def _first_token(choice) -> list[tuple[str, float]] | None:
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


def _server_words(error: HfHubHTTPError) -> str:
    """Returns what the server said, from any of the known error bodies, at most 300 characters."""
    try:
        body = json.loads(error.response.text)["error"]
        words = body["message"] if isinstance(body, dict) else str(body)
    except (ValueError, KeyError, TypeError):
        words = error.response.text or str(error)
    return " ".join(words.split())[:300]
