"""The HTTP session: proxies, redirects, one deadline for a whole request, and what it leaves behind."""

import asyncio
import gc
import gzip
import shutil
import socket
import ssl
import subprocess
import warnings
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext

import aiohttp
import pytest

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.teacher import session
from fanno_hf.teacher.base import Request
from fanno_hf.teacher.client import ChatClient, Unreachable
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.session import Session
from tests.doubles.chat_server import ChatServer

ASK = Request([{"role": "user", "content": "Explain how mosses drink water without having any roots."}], 64)
KEY = {"Authorization": "Bearer sk-open-sesame"}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch, tmp_path):
    """The environment names no proxy, and nobody has a netrc file."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(answer: Answer):
    """A server that lets `answer` write what it likes after each request head; yields its URL and the heads."""
    heads = []

    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                heads.append(head.decode())
                await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            heads.append("closed")
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


def says(body: bytes, head: str = "", status: str = "200 OK") -> Answer:
    """Answers every request with the same."""

    async def answer(_, writer):
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body)

    return answer


def fetch(answer: Answer, *paths: str, timeout: float = 20.0):
    """Asks a raw server for these paths in one session; returns the answers and the request heads."""

    async def do():
        async with raw_server(answer) as (url, heads):
            session = Session(timeout=timeout)
            try:
                return [await session.fetch("GET", url + path, KEY) for path in paths], list(heads)
            finally:
                await session.aclose()

    return asyncio.run(asyncio.wait_for(do(), 60.0))


def unused_url(host: str = "127.0.0.1") -> str:
    with socket.socket() as listener:
        listener.bind((host, 0))
        return f"http://{host}:{listener.getsockname()[1]}"


def send(url: str):
    """What a client makes of one request."""

    async def do():
        client = ChatClient(url, timeout=20.0)
        client.model = "double"
        try:
            return await client.send(ASK)
        finally:
            await client.close()

    return asyncio.run(do())


def test_a_proxy_of_the_environment_stands_before_a_server_elsewhere(monkeypatch):
    with ChatServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        send("http://teacher.invalid:8080")
    assert [request.path for request in proxy.received] == ["http://teacher.invalid:8080/v1/chat/completions"]


@pytest.mark.parametrize(("host", "exempt"), [("127.0.0.1", ""), ("localhost", ""), ("127.0.0.2", "127.0.0.2")])
def test_no_proxy_stands_before_a_loopback_server_or_one_that_the_environment_exempts(monkeypatch, host, exempt):
    with ChatServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exempt)
        address = "127.0.0.1" if host == "localhost" else host
        with pytest.raises(Unreachable):
            send(unused_url(address).replace(address, host))
    assert proxy.received == []


@pytest.mark.parametrize("line", ["machine teacher.invalid login moss password roots", "default login a password b"])
def test_a_netrc_file_changes_nothing(monkeypatch, tmp_path, line):
    (tmp_path / "netrc").write_text(line + "\n")
    (tmp_path / "netrc").chmod(0o600)
    with ChatServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        send("http://teacher.invalid:8080")
    assert [request.headers["authorization"] for request in proxy.received] == ["Bearer -"]


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"])
def test_a_redirect_is_an_answer_and_not_followed(status):
    with ChatServer() as elsewhere:
        [answer], _ = fetch(says(b"", f"Location: {elsewhere.url}/\r\n", status), "/")
    assert (answer.status_code, elsewhere.received) == (int(status[:3]), [])


@pytest.mark.parametrize("part", [b"X-Moss: 1\r\n", b" "], ids=["head", "body"])
def test_a_server_that_sends_a_little_now_and_then_meets_the_deadline(part):
    async def drip(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n" + (b"\r\n" if part == b" " else b""))
        for _ in range(1000000):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)

    with pytest.raises(asyncio.TimeoutError):
        fetch(drip, "/", timeout=0.2)


@pytest.mark.parametrize("fault", [None, "drop"])
def test_nothing_is_left_open_after_an_answer_or_a_failure(fault):
    gc.collect()  # what earlier tests left open is not meant
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        failure = pytest.raises(Exception, match="Disconnected") if fault else nullcontext()
        with ChatServer(faults=[fault]) as server, failure:
            send(server.url)
        gc.collect()
    assert [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)] == []


def test_a_server_that_says_nothing_meets_the_deadline():
    async def silent(reader, _):
        await reader.read()

    with pytest.raises(asyncio.TimeoutError):
        fetch(silent, "/", timeout=0.1)


def test_a_body_that_ends_too_early_is_an_error():
    async def half(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    with pytest.raises(aiohttp.ClientPayloadError):
        fetch(half, "/")


def test_a_body_that_was_packed_is_unpacked():
    [answer], _ = fetch(says(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip\r\n"), "/")
    assert answer.json() == {"a": 1}


def test_what_the_pool_looks_at_is_kept_of_the_headers():
    [answer], _ = fetch(says(b"{}", "Retry-After: 7\r\nContent-Type: application/json\r\nX-Other: 1\r\n"), "/")
    assert dict(answer.headers).keys() & {"retry-after", "content-type", "x-other"} == {"retry-after", "content-type"}


def test_a_cookie_is_not_sent_back():
    async def do():
        async with raw_server(says(b"{}", "Set-Cookie: crumb=1\r\n")) as (url, heads):
            session = Session(timeout=20.0)
            for _ in range(2):
                # a cookie of an address would be dropped anyway
                await session.fetch("GET", url.replace("127.0.0.1", "localhost"), KEY)
            await session.aclose()
            return heads[1]

    assert "crumb" not in asyncio.run(asyncio.wait_for(do(), 60.0))


def test_a_second_request_uses_the_same_connection():
    accepted = []

    async def answer(reader, writer):
        accepted.append(writer.get_extra_info("peername"))
        await says(b"{}")(reader, writer)

    fetch(answer, "/a", "/b")
    assert accepted[0] == accepted[1]


def test_connections_are_closed_at_the_end():
    async def do():
        async with raw_server(says(b"{}")) as (url, heads):
            session = Session(timeout=20.0)
            await session.fetch("GET", url, KEY)
            await session.aclose()
            while heads[-1] != "closed":
                await asyncio.sleep(0)
            return heads[-1]

    assert asyncio.run(asyncio.wait_for(do(), 60.0)) == "closed"


def test_a_session_that_was_never_used_can_be_closed():
    assert asyncio.run(Session(timeout=1.0).aclose()) is None


@pytest.fixture
def tls_url(tmp_path):
    """The address of a server that speaks https only, given as http."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("openssl makes the certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([openssl, *made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with ChatServer(tls=context) as server:
        yield server.url


def test_a_server_of_https_behind_an_address_of_http_is_named_at_once(tls_url):
    with pytest.raises(
        TeacherUnavailable, match="answers with https only, and the address begins with http: give it as"
    ):
        asyncio.run(Pool(tls_url, "double").open())


def test_a_certificate_that_is_not_trusted_is_said_in_plain_words_with_what_to_give(tls_url):
    words = (
        r"answers with a certificate that is not trusted \(self-signed certificate\): give .* SSL_CERT_FILE, then run"
    )
    with pytest.raises(TeacherUnavailable, match=words):
        asyncio.run(Pool(tls_url.replace("http:", "https:"), "double").open())


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), ("Moss.", "no certificates in PEM")]
)
def test_a_file_of_certificates_that_cannot_be_read_is_named_at_once(tmp_path, monkeypatch, content, why):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(UserError, match=rf"SSL_CERT_FILE={file} cannot be read \({why}\): name a file"):
        asyncio.run(Pool("https://127.0.0.1:9", "double").open())


def test_a_server_of_http_behind_an_address_of_https_is_no_certificate_that_is_not_trusted():
    with (
        ChatServer() as server,
        pytest.raises(TeacherUnavailable, match="answers with plain http, .* give it as http://"),
    ):
        asyncio.run(Pool(server.url.replace("http:", "https:"), "double").open())


def test_a_server_that_hangs_up_and_speaks_no_tls_is_waited_for():
    with ChatServer(get="drop") as server:
        assert asyncio.run(session.speaks_tls(server.url)) is False
