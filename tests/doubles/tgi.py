"""A text-generation-inference server on the loopback interface, in a process of its own, without a model.

with TgiServer(slots=16, mean_seconds=1.0, drop_share=0.1) as server:
    client = ChatClient(server.url, "tgi")       # nine in ten requests are answered, one is dropped in the middle
    server.stats()                               # {"requests": 10, "answered": 9, "max_in_flight": 10, …}
    server.faults(storm=True, drop_share=0)      # from now on everything gets 429
    server.kill(); server.start_again()          # died and came back on the same port

By hand: `python -m tests.doubles.tgi '{"slots": 16, "mean_seconds": 1.0}'` prints {"url": "http://127.0.0.1:40123"}.
What it answers is in `tgi_answers`, when and whether in `tgi_app`; here are connections and processes. HTTP is spoken by hand and not with a
framework: client benchmarks run against this, so it must take several times more requests a second than a client sends.
"""

import asyncio
import http.client
import json
import os
import resource
import stat
import subprocess
import sys
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.doubles.tgi_answers import Settings
from tests.doubles.tgi_app import Job, Response, Tgi

_ROOT = Path(__file__).resolve().parent.parent.parent
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: a request after the other, bodies with a Content-Length."""

    def __init__(self, tgi: Tgi):
        self._tgi, self._buffer, self._job, self._busy, self._last = tgi, bytearray(), None, False, False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport):
        self._transport = transport

    def connection_lost(self, _error):
        if self._job is not None:
            self._tgi.abandon(self._job)

    def data_received(self, data: bytes):
        self._buffer += data
        self._read()

    def _read(self) -> None:
        """Handles what has come in whole; a request waits until the one before it is answered."""
        while not self._busy and (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            small = head.lower()
            length, _, _ = small.partition("\r\ncontent-length:")[2].partition("\r\n")
            start, stop = end + 4, end + 4 + int(length or 0)
            if len(self._buffer) < stop:
                return
            body = bytes(self._buffer[start:stop])
            del self._buffer[:stop]
            method, path, _ = head.split(" ", 2)
            self._busy, self._last = True, "\r\nconnection: close" in small
            # the request may be answered before `handle` returns: then there is nothing to abandon later
            job = self._tgi.handle(method, path.partition("?")[0], head, body, self._send)
            self._job: Job | None = job if self._busy else None

    def _send(self, response: Response) -> None:
        again, self._busy, self._job = self._job is not None, False, None
        if self._transport.is_closing():
            return
        head = f"HTTP/1.1 {response.status} {_REASONS[response.status]}\r\nContent-Type: {response.type}\r\n"
        head = f"{head}{response.headers}Content-Length: {len(response.body)}\r\n\r\n"
        self._transport.write(head.encode() + response.body[: response.sent])
        if self._last or response.sent is not None:
            self._transport.close()
        elif again:
            self._read()


async def serve(settings: Settings) -> None:
    """Prints where it listens and serves until whoever started it has gone."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    tgi = Tgi(settings, loop.call_later)
    server = await loop.create_server(lambda: Connection(tgi), "127.0.0.1", settings.port, backlog=4096)
    settings.port = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{settings.port}"}), flush=True)
    # a pipe ends with the process that holds its other end; /dev/null has always ended, a terminal never does
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, lambda: os.read(0, 4096) or over.set())
    await over.wait()


def main() -> None:
    """The command line: the settings as JSON."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    asyncio.run(serve(Settings(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))))


class TgiServer:
    """The process, from entering the context to leaving it.

    Args:
        settings: of `tgi_answers.Settings`.

    Attributes:
        url: where it listens, without `/v1`.
    """

    def __init__(self, **settings: Any):
        self._settings, self._process, self.url = Settings(**settings), None, ""

    def __enter__(self) -> "TgiServer":
        self.start_again()
        return self

    def __exit__(self, *_) -> None:
        self.kill()

    def start_again(self, **changes: Any) -> None:
        """Starts the process, after `kill` on the same port and with these settings changed."""
        self._settings = Settings(**{**asdict(self._settings), **changes})
        command = [sys.executable, "-m", "tests.doubles.tgi", json.dumps(asdict(self._settings))]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the double ended with {self._process.wait()} before it listened")
        self.url = json.loads(line)["url"]
        self._settings.port = int(self.url.rsplit(":", 1)[1])

    def kill(self) -> None:
        """The process dies at once, and every connection with it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def stats(self) -> dict[str, Any]:
        """What was counted so far: see `tgi_app.Stats`."""
        return self._ask("GET", "/double/stats")

    def received(self) -> list[dict[str, Any]]:
        """The requests so far, with `record=True`: `path`, `headers` (names in lower case) and `body`."""
        return self._ask("GET", "/double/received")

    def faults(self, **changes: Any) -> dict[str, Any]:
        """Changes settings of the running server and returns all that can be changed."""
        return self._ask("POST", "/double/faults", changes)

    def reset(self) -> None:
        """Starts counting anew, and the sequence of faults with it."""
        self._ask("POST", "/double/reset")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        # not urllib: it would go through a proxy that the environment names
        connection = http.client.HTTPConnection("127.0.0.1", self._settings.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status == 400:
            raise ValueError(content.decode())
        return json.loads(content) if content else None


if __name__ == "__main__":
    main()
