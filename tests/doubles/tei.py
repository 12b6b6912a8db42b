"""A text-embeddings-inference server on the loopback interface, without a model: its vectors are hashed bags of words.

with TeiServer(max_client_batch_size=8, faults=[429]) as server:
    ServerEmbedder(server.url).encode(["Mosses have no roots."])     # the first request gets 429, the second is answered
    server.batches                                                   # [["Mosses have no roots."], ["Mosses have no roots."]]

What it tells and answers is TEI's, as its OpenAPI description of 1.7 and its source say; `like` makes it one of the others. One
batch after the other takes `seconds` for each text, as a GPU would. By hand, in a process of its own, with a URL printed:
`python -m tests.doubles.tei '{"seconds": 0.002}'`.
"""

import base64
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from fanno_hf.vectors.embedder import HashingEmbedder

Fault = int | str
"""A status, or "drop": the connection closes without an answer."""
_TYPES = {413: "Validation", 422: "Tokenizer", 424: "Backend", 429: "Overloaded", 503: "Unhealthy"}


class TeiServer:
    """Listens from entering the context to leaving it.

    Args:
        faults: what happens to the first batches, one each; None answers.
        like: "tei"; or "openai", which has no /info and names its models at /v1/models, as vLLM, llama.cpp and Ollama do.
        alter: gets each answer (a dict or list) and returns what is sent.
        told: keys of /info that are another value than usual.
    """

    def __init__(
        self,
        faults: Iterable[Fault | None] = (),
        *,
        like: str = "tei",
        model: str = "thenlper/gte-base",
        dimension: int = 64,
        max_client_batch_size: int = 32,
        max_input_length: int = 512,
        auto_truncate: bool = True,
        seconds: float = 0.0,
        alter: Callable[[Any], Any] = lambda answer: answer,
        **told: Any,
    ):
        self.info = {
            **{"model_id": model, "model_sha": "fca14538aa99", "model_dtype": "float16"},
            **{"model_type": {"embedding": {"pooling": "cls"}}, "max_concurrent_requests": 512},
            **{"max_input_length": max_input_length, "max_batch_tokens": 16384, "max_batch_requests": None},
            **{"max_client_batch_size": max_client_batch_size, "auto_truncate": auto_truncate},
            **{"tokenization_workers": 4, "version": "1.7.1", "sha": None, "docker_label": None},
            **told,
        }
        self.like, self.alter, self.batches, self.headers, self.paths = like, alter, [], [], []
        self._faults, self._seconds, self._lock = deque(faults), seconds, threading.Lock()
        self._vectors = HashingEmbedder(dimension).encode
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "TeiServer":
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int | None, Any]:
        """Returns status and body; no status where the connection drops."""
        texts = body.get("input" if path == "/v1/embeddings" else "inputs")
        with self._lock:
            self.batches.append(texts), self.headers.append(headers), self.paths.append(path)
            fault = self._faults.popleft() if self._faults else None
            if fault is None:
                time.sleep(self._seconds * len(texts))
        if fault is not None:
            return (None, None) if fault == "drop" else self._error(path, fault, "as the test asked")
        if not texts:
            return self._error(path, 413, "`inputs` cannot be empty")
        if len(texts) > (most := self.info["max_client_batch_size"]):
            return self._error(path, 413, f"batch size {len(texts)} > maximum allowed batch size {most}")
        cuts = self.info["auto_truncate"] or (path == "/embed" and body.get("truncate") is True)
        longest, most = max(len(text.split()) + 2 for text in texts), self.info["max_input_length"]
        if longest > most and not cuts:
            words = f"`inputs` must have less than {most} tokens. Given: {longest}"
            return self._error(path, 413, f"Input validation error: {words}")
        vectors = self._vectors([" ".join(text.split()[: most - 2]) for text in texts])
        return 200, self.alter(vectors.tolist() if path == "/embed" else self._openai(body, vectors))

    def _openai(self, body: dict[str, Any], vectors: np.ndarray) -> dict[str, Any]:
        def shown(vector: np.ndarray) -> Any:
            is_packed = body.get("encoding_format") == "base64"
            return base64.b64encode(vector.tobytes()).decode() if is_packed else vector.tolist()

        data = [{"object": "embedding", "embedding": shown(vector), "index": n} for n, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 8 * len(data), "total_tokens": 8 * len(data)}
        return {"object": "list", "data": data, "model": self.info["model_id"], "usage": usage}

    def _error(self, path: str, status: int, words: str) -> tuple[int, dict[str, Any]]:
        kind = _TYPES.get(status, "Backend")
        native = {"error": words, "error_type": kind}
        return status, native if path == "/embed" else {"message": words, "code": status, "type": kind}


class _Http(ThreadingHTTPServer):
    request_queue_size = 128  # of more connections at once the rest would come a second later


def _handler(server: TeiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other

        def do_GET(self):
            models = {"object": "list", "data": [{"id": server.info["model_id"], "object": "model"}]}
            pages = {"/info": server.info, "/health": {}} if server.like == "tei" else {"/v1/models": models}
            self._send(200, pages[self.path]) if self.path in pages else self._send(404, {})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, content = server.answer(self.path, headers, body)
            if status is None:
                self.close_connection = True
            else:
                self._send(status, content)

        def _send(self, status, content):
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            """Says nothing: tests look at `batches`."""

    return Handler


if __name__ == "__main__":
    with TeiServer(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")) as running:
        print(json.dumps({"url": running.url}), flush=True)
        sys.stdin.read()
