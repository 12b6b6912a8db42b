"""Peak memory of one hostile answer, each in a process of its own: one JSON line with the highest of them, in MB.

python -m tests.benchmarks.hostile_answer
"""

import asyncio
import contextlib
import gzip
import json
import subprocess
import sys
import zlib

from fanno_hf.teacher.base import Request
from fanno_hf.teacher.client import ChatClient
from tests.benchmarks import added_bytes

LIMIT = 100.0
_MANY = 300_000_000
_HEAD = b'{"choices": [{"finish_reason": "stop", "message": {"content": "'


def _answer(body: bytes, encoding: str = "") -> bytes:
    packed = f"Content-Encoding: {encoding}\r\n" if encoding else ""
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{packed}\r\n".encode() + body


ANSWERS = {
    "gzip": lambda: _answer(gzip.compress(bytes(_MANY), 1), "gzip"),
    "deflate": lambda: _answer(zlib.compress(bytes(_MANY), 1), "deflate"),
    "endless": lambda: b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 100_000_000,
    "headers": lambda: b"HTTP/1.1 200 OK\r\n" + b"X-Moss: roots\r\n" * 7_000_000,
    "lists": lambda: _answer(b"[" + b"[]," * 2_600_000 + b"0]"),
    "texts": lambda: _answer(b"[" + b'"ab",' * 1_590_000 + b"0]"),
    "spaces": lambda: _answer(_HEAD + b" " * 7_900_000 + b'"}}]}'),
    "wide": lambda: _answer(_HEAD + "\U0001f33f".encode() * 1_900_000 + b'"}}]}'),
    "tags": lambda: _answer(_HEAD + b"<think></think>" * 500_000 + b'"}}]}'),
}


async def _ask(answer: bytes) -> None:
    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            for place in range(0, len(answer), 65_536):
                writer.write(answer[place : place + 65_536])
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = ChatClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=60.0)
    client.model = "double"
    with contextlib.suppress(Exception):
        await client.send(Request([{"role": "user", "content": "Moss?"}], 64))
    await client.close()
    server.close()


def peak(name: str) -> float:
    """MB that one answer adds at most to the memory of this process."""
    answer = ANSWERS[name]()
    asyncio.run(_ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))  # what the first request loads
    return added_bytes(lambda: asyncio.run(_ask(answer))) / 1e6


def main() -> None:
    """Measures each, or the one that is named."""
    if len(sys.argv) > 1 and sys.argv[1] in ANSWERS:
        print(peak(sys.argv[1]))
        return
    peaks = {}
    for name in ANSWERS:
        done = subprocess.run([sys.executable, "-m", __spec__.name, name], capture_output=True, text=True, check=True)
        peaks[name] = round(float(done.stdout), 1)
    line = {"name": "hostile_answer", "ours": max(peaks.values()), "limit": LIMIT, "unit": "MB", "peaks": peaks}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
