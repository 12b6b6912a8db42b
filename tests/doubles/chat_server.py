"""A /v1 server on the loopback interface: answers as the scripted teacher does, keeps what it gets, fails on demand.

with ChatServer(faults=[503, "drop"]) as server:
    client = ChatClient(server.url, "double")    # its first request gets 503, its second no answer, the rest answers
    server.chats                                 # [Received("/v1/chat/completions", headers={…}, body={…}), …]
"""

import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.scripted import reply


@dataclass(frozen=True)
class Raw:
    """A reply as it is sent, whatever it is."""

    content: bytes
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Fault = int | str | Raw
"""A status; or "drop" (the connection closes without an answer), "truncated" (half a JSON body), "hang", or other text,
which is sent as the body of a 200; or a reply as it is."""

BODIES: dict[str, Callable[[int, str], dict[str, Any]]] = {
    "tgi": lambda status, words: {"error": words, "error_type": "validation"},
    "vllm": lambda status, words: {"error": {"message": words, "type": "Error", "param": None, "code": status}},
}


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)


class ChatServer:
    """Listens from entering the context to leaving it.

    Args:
        faults: what happens to the first chat requests, one each.
        lasting: what happens to every chat request after those; None answers.
        dialect: "tgi" or "vllm", the shape of error bodies.
        words: what an error says.
        alter: gets each answer (a dict) and may change it before it is sent.
        models: the names that /v1/models lists.
        refuse: gets each body and says what happens to it; None leaves that to the others.
        wrap: gets each body and its answer (a dict), and returns what is sent: that dict, another one, or a fault.
        get: what happens to every GET request, or to those of some paths; None answers.
        context: tokens of prompt and answer together, which /v1/models tells; None tells none.
        tls: what it speaks https with; its address is one of http all the same. None speaks http.
        write: makes the completion that belongs to a request; None answers as the scripted teacher does.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        lasting: Fault | None = None,
        dialect: str = "vllm",
        words: str = "as the test asked",
        alter: Callable[[dict[str, Any]], None] = lambda answer: None,
        models: Sequence[str] = ("double",),
        write: Callable[[Request], Completion] | None = None,
        refuse: Callable[[dict[str, Any]], Fault | None] = lambda body: None,
        wrap: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any] | Fault] = lambda body, answer: answer,
        get: Fault | Mapping[str, Fault] | None = None,
        context: int | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self.wrap, self.get, self.context = wrap, get, context
        self.lasting, self.alter, self.models = lasting, alter, models
        self.refuse = refuse
        self.write = write or (lambda request: reply(request, request.key("double")))
        self.error_body = lambda status: BODIES[dialect](status, words)
        self.received: list[Received] = []
        self._faults, self._lock = deque(faults), threading.Lock()
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "ChatServer":
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def chats(self) -> list[Received]:
        """The chat requests so far, failed ones included."""
        return [request for request in self.received if request.path == "/v1/chat/completions"]

    def next_fault(self) -> Fault | None:
        with self._lock:
            return self._faults.popleft() if self._faults else self.lasting


def answer(body: dict[str, Any], write: Callable[[Request], Completion]) -> dict[str, Any]:
    """The answer of a server to a chat request."""
    numbers = {"seed": body.get("seed", 0), "top_logprobs": body.get("top_logprobs", 0)}
    most = body.get("max_tokens") or body["max_completion_tokens"]
    done = write(Request(body["messages"], most, **numbers))
    choice = {"index": 0, "finish_reason": done.finish_reason, "logprobs": None}
    choice["message"] = {"role": "assistant", "content": done.text}
    if tokens := [*([done.top_logprobs] if done.top_logprobs else []), *(done.answers or [])]:
        entries = [[{"token": token, "logprob": logprob} for token, logprob in one] for one in tokens]
        choice["logprobs"] = {"content": [{**one[0], "top_logprobs": one} for one in entries]}
    usage = {"prompt_tokens": done.prompt_tokens, "completion_tokens": done.completion_tokens, "total_tokens": 0}
    head = {"id": "chat-1", "object": "chat.completion", "created": 0, "model": body["model"]}
    return {**head, "system_fingerprint": "double", "choices": [choice], "usage": usage}


def _handler(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other

        def do_GET(self):
            self._receive({})
            models = [{"id": name, "object": "model"} for name in server.models]
            if server.context:
                models = [{**model, "max_model_len": server.context} for model in models]
            fault = server.get.get(self.path) if isinstance(server.get, Mapping) else server.get
            if fault is None:
                self._send(200, json.dumps({"object": "list", "data": models}))
            else:
                self._fail(fault)

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._receive(body)
            fault = server.refuse(body) or server.next_fault()
            if fault not in (None, "truncated"):
                self._fail(fault)
                return
            done = answer(body, server.write)
            server.alter(done)
            done = server.wrap(body, done)
            if not isinstance(done, dict):
                self._fail(done)
                return
            text = json.dumps(done)
            self._send(200, text if fault is None else text[: len(text) // 2])

        def _fail(self, fault):
            if fault in ("drop", "hang"):
                if fault == "hang":
                    server.closing.wait()
                self.close_connection = True
            elif isinstance(fault, int):
                self._send(fault, json.dumps(server.error_body(fault)))
            elif isinstance(fault, Raw):
                self._write(fault)
            else:
                self._send(200, fault)

        def _receive(self, body):
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.received.append(Received(self.path, headers, body))

        def _send(self, status, text):
            self._write(Raw(text.encode(), status))

        def _write(self, raw):
            self.send_response(raw.status)
            self.send_header("Content-Type", raw.kind)
            self.send_header("Content-Length", str(len(raw.content)))
            for name, value in raw.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw.content)

        def log_message(self, *_):
            """Says nothing: tests look at `received`."""

    return Handler
