"""The HTTP session under huggingface_hub's client: aiohttp instead of the default.

The default session scans its whole connection pool at each request: with 128 requests in flight it takes 1.1-2 ms of
CPU a request, aiohttp 0.3 ms (docs/log.md), and one process has to feed many GPUs.
"""

import asyncio
import functools
import os
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx

from fanno_hf.errors import UserError

ALONGSIDE = "alongside"
"""Key of a body under which an `Exchange` goes through the library."""
_LONGEST = 8_000_000  # bytes of an unpacked body
_PART = 1_000_000  # bytes unpacked at once
_HANDSHAKE = 5.0  # seconds for one at most
_ENCODINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
# what hf_raise_for_status and the pool look at; a decoded body must not be announced as an encoded one
_HEADERS = ("content-type", "retry-after", "x-request-id")
# what the library reads in place of an answer: its types cannot hold all that servers send (NaN makes them recurse)
_STAND_IN = b'{"choices": [], "created": 0, "id": "", "model": "", "system_fingerprint": "", "usage": null}'


class Oversized(ValueError):
    """An answer that is longer than any that was asked for."""


@dataclass
class Exchange:
    """What goes past the library's types: keys that replace those of the body (None takes one out), and the answer."""

    changes: Mapping[str, Any]
    status: int = 0
    kind: str = ""  # the answer's content type
    content: bytes = b""


class Session:
    """Sends what `AsyncInferenceClient` sends, and nothing else: `post` of a JSON body, without redirects.

    Args:
        timeout: seconds for a whole request, from connecting to the last byte. The default session would apply it to
            each phase anew.
    """

    def __init__(self, *, timeout: float):
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._proxy: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, *, json: Any, headers: Mapping[str, str], **_: Any) -> httpx.Response:
        """Sends a JSON body and reads the whole answer, into the `Exchange` that goes along with it where one does.

        Raises:
            aiohttp.ClientError, asyncio.TimeoutError: there is no whole answer.
            Oversized: it is longer than 8 MB unpacked.
            ValueError: it is packed in a way that nobody asked for, or cannot be unpacked.
            HfHubHTTPError: the server sends elsewhere, which is not followed: the key would go along.
        """
        exchange: Exchange | None = json.get(ALONGSIDE)
        if exchange is not None:
            json = {**{key: value for key, value in json.items() if key != ALONGSIDE}, **exchange.changes}
            json = {key: value for key, value in json.items() if value is not None}
        answer = await self.fetch("POST", url, headers, json)
        if 300 <= answer.status_code < 400:  # the library would take it for an answer
            raise HfHubHTTPError("a redirect", response=answer)
        if exchange is not None and answer.status_code < 300:
            exchange.status, exchange.content = answer.status_code, answer.content
            exchange.kind = answer.headers.get("content-type", "").lower()
            return httpx.Response(answer.status_code, content=_STAND_IN, request=answer.request)
        return answer

    async def fetch(self, method: str, url: str, headers: Mapping[str, str], json: Any = None) -> httpx.Response:
        """Sends any request; `json` is None for a request without a body. Raises as `post` does."""
        if self._session is None:
            verify = _trusted() if url.startswith("https") else True
            # how many connections there are is the pool's business
            connector = aiohttp.TCPConnector(limit=0, ssl=verify)
            # trust_env would also send what ~/.netrc holds
            self._proxy = _proxy(url)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                # a few bytes can unpack to any number of them
                auto_decompress=False,
            )
        headers = {**headers, "Accept-Encoding": "identity"}
        async with self._session.request(
            method, url, json=json, headers=headers, proxy=self._proxy, allow_redirects=False
        ) as answer:
            content = await _read(answer)
            kept = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
            return httpx.Response(answer.status, headers=kept, content=content, request=_request(method, url))

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets aiohttp's transports close


def _trusted() -> ssl.SSLContext:
    """Who may sign certificates: certifi's list, or what SSL_CERT_FILE or SSL_CERT_DIR name. Raises UserError: no such file."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # an SSLError is one
        name = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
        why = error.strerror if error.errno and not isinstance(error, ssl.SSLError) else "no certificates in PEM"
        raise UserError(
            f"{name}={os.environ.get(name)} cannot be read ({why}): name a file of certificates, or unset it"
        ) from error


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Reads a body part by part and unpacks it; one that does not end is given up."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", *_ENCODINGS):
        raise ValueError(f"an answer packed as {encoding}, which was not asked for")
    unpacker = zlib.decompressobj(_ENCODINGS[encoding]) if encoding in _ENCODINGS else None
    content, packed = bytearray(), 0
    async for part in answer.content.iter_chunked(65536):
        packed += len(part)
        for piece in _unpacked(unpacker, part):
            content += piece
            if max(len(content), packed) > _LONGEST:
                raise Oversized(f"an answer of more than {_LONGEST} bytes")
    if unpacker is not None and packed and not unpacker.eof:
        raise ValueError("an answer that cannot be unpacked")
    return bytes(content)


def _unpacked(unpacker: Any, part: bytes) -> Iterator[bytes]:
    if unpacker is None:
        yield part
        return
    while part:
        try:
            yield unpacker.decompress(part, _PART)
        except zlib.error as error:
            raise ValueError("an answer that cannot be unpacked") from error
        part = unpacker.unconsumed_tail


async def speaks_tls(url: str) -> bool:
    """Whether a server with an address of http:// shakes hands as one of https:// does; it is told nothing."""
    parts = urlsplit(url)
    if parts.scheme != "http" or _proxy(url) is not None:
        return False
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    shake_hands = asyncio.open_connection(parts.hostname, parts.port or 80, ssl=context)
    try:
        _, writer = await asyncio.wait_for(shake_hands, _HANDSHAKE)
    except OSError:  # a time-out is one
        return False
    writer.close()
    return True


@functools.lru_cache(maxsize=64)
def _request(method: str, url: str) -> httpx.Request:
    """What an answer names as its request, in error messages; the same few all day long."""
    return httpx.Request(method, url)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for this address (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY).

    None for a loopback server, whatever it says.
    """
    parts, proxies = urlsplit(url), getproxies()
    if parts.hostname in ("127.0.0.1", "localhost", "::1") or proxy_bypass(parts.hostname or ""):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")
