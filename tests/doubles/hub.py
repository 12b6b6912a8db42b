"""A Hugging Face Hub on the loopback interface, in memory, for data sets, with faults on demand.

with HubServer(token="hf_right") as hub:
    pointed_at(hub, monkeypatch, tmp_path, token="hf_right")   # from now on both libraries talk to it, and never wait
    hub.fault("commit", 503)                                   # the next commit is refused
    dataset.push_to_hub("tester/prompts", "seed", revision="demo/seed")
    hub.branches("tester/prompts")                             # {"main": "…", "demo/seed": "…"}
    hub.commits("tester/prompts", "demo/seed")[0].files        # {"README.md": b"…", "seed/train-….parquet": b"…", …}
    hub.count("commit"), hub.unknown                           # 1, []

What it answers is in `hub_routes`, out of what is in `hub_store`; what a test can do to it and see of it in `hub_app`.
"""

import importlib
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import datasets.config
import httpx2
import huggingface_hub
import huggingface_hub.constants
import huggingface_hub.hf_api
from huggingface_hub.utils import _http
from pytest import MonkeyPatch

from tests.doubles.hub_app import Hub, Received

# the modules that wait before they try again
_WAITING = (
    *("huggingface_hub.utils._http", "huggingface_hub.file_download"),
    *("datasets.arrow_dataset", "datasets.dataset_dict", "datasets.utils.file_utils"),
)


class HubServer(Hub):
    """The Hub, listening from entering the context to leaving it; see `Hub` for everything else.

    Attributes:
        url: what HF_ENDPOINT is to be.
    """

    def __init__(self, token: str | None = None, user: str = "tester"):
        super().__init__(token, user)
        self._connections: set[socket.socket] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, self._connections))
        self.url = self.routes.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._http.shutdown()
        self._http.server_close()
        # those that clients keep for later would still be served
        for connection in list(self._connections):
            _close(connection)

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """Returns what lets another process talk to this Hub, and keep its caches in a folder."""
        names = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        names |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0", "NO_PROXY": "127.0.0.1"}
        return names if token is None else {**names, "HF_TOKEN": token}


def _handler(hub: Hub, connections: set[socket.socket]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other

        def setup(self):
            super().setup()
            connections.add(self.connection)

        def finish(self):
            connections.discard(self.connection)
            super().finish()

        def _serve(self):
            call = hub.routes.find(self.command, self.path)
            fault = hub.next_fault(call.route)
            headers = {name.lower(): value for name, value in self.headers.items()}
            length = int(headers.get("content-length", 0))
            if call.route == "upload" and fault is not None and fault.status == "truncated":
                body, response = self.rfile.read(length // 2), None
            else:
                body = self.rfile.read(length)
                response = hub.answer(call, headers, body, fault)
            status = 0 if response is None else response.status
            hub.record(Received(self.command, self.path, headers, status, call.route, body))
            if response is None:
                self._drop()
            else:
                self._send(response)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _send(self, response):
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.content)))
            self.send_header("X-Request-Id", f"Root=1-{len(hub.requests):08x}")
            self.end_headers()
            if self.command != "HEAD":
                size = len(response.content)
                self.wfile.write(response.content[: size // 2 if response.truncated else size])
            if response.truncated:
                self.wfile.flush()
                self._drop()

        def _drop(self):
            self.close_connection = True
            _close(self.connection)

        def log_message(self, *_):
            """Says nothing: tests look at `requests`."""

    return Handler


def _close(connection: socket.socket) -> None:
    with suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)


class _Clock:
    """Stands for the module `time`, but nobody sleeps."""

    def __init__(self):
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def pointed_at(hub: HubServer, monkeypatch: MonkeyPatch, tmp_path: Path, token: str | None = None) -> list[float]:
    """Points `huggingface_hub` and `datasets` at a Hub, in this process and those it starts, until the test is over.

    Their caches are in `tmp_path`; they have this token or none, whatever the machine has; and where they would wait
    before they try again, they go on at once.

    Returns:
        The seconds they would have waited, one number a wait, growing.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in hub.environment(tmp_path, token).items():
        monkeypatch.setenv(name, value)
    # both read their environment when they are imported
    for name, value in {
        "ENDPOINT": hub.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HUB_OFFLINE": False,
        "HF_HOME": str(tmp_path),
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_TOKEN_PATH": str(tmp_path / "token"),
        "HF_STORED_TOKENS_PATH": str(tmp_path / "stored_tokens"),
    }.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    for name, value in {
        "HF_ENDPOINT": hub.url,
        "HUB_DATASETS_URL": hub.url + "/datasets/{repo_id}/resolve/{revision}/{path}",
        "HF_HUB_OFFLINE": False,
        "HF_DATASETS_CACHE": tmp_path / "datasets",
        "DOWNLOADED_DATASETS_PATH": tmp_path / "datasets" / "downloads",
        "EXTRACTED_DATASETS_PATH": tmp_path / "datasets" / "downloads" / "extracted",
        "USE_PARQUET_EXPORT": False,  # else the name datasets-server.127.0.0.1 would be looked up
        "HF_UPDATE_DOWNLOAD_COUNTS": False,
    }.items():
        monkeypatch.setattr(datasets.config, name, value)
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", hub.url)
    huggingface_hub.HfFileSystem.clear_instance_cache()
    # a client of its own: it asks no proxy and, other than the usual one, is made without reading certificates
    hooks = {"request": [_http.hf_request_event_hook]}
    options = {"event_hooks": hooks, "follow_redirects": True, "timeout": None, "trust_env": False, "verify": False}
    monkeypatch.setattr(_http, "_GLOBAL_CLIENT_FACTORY", partial(httpx2.Client, **options))
    monkeypatch.setattr(_http, "_GLOBAL_CLIENT", None)
    clock = _Clock()
    for name in _WAITING:
        monkeypatch.setattr(importlib.import_module(name), "time", clock)
    return clock.waits
