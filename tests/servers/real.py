"""Real servers on the loopback interface, each with the packaged 135M model, in a process group of its own.

with Server("vllm", folder) as server:           # waits until it answers: a minute or two on two cores
    server.url                                   # "http://127.0.0.1:40123"
    server.kill(); server.start()                # kill -9 of all its processes; the same port again

Which Python has them: SERVERS_VLLM and SERVERS_LLAMA, else what `make test-servers` installs below .servers/.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from omegaconf import OmegaConf

from fanno_hf.packaged import find_packaged_file
from tests.conftest import CONFIGURATION

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".servers"
KINDS = ("vllm", "llama")
CONTEXT = 2048
PATIENCE = 420.0  # seconds until a server answers, on busy cores
_OFFLINE = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}


def python_of(kind: str) -> Path | None:
    """The Python that a server is installed in; None where there is none."""
    path = Path(os.environ.get(f"SERVERS_{kind.upper()}") or FOLDER / kind / "bin" / "python")
    return path if path.exists() else None


def packaged_model() -> Path:
    """The GGUF that the embedded teacher uses."""
    config = OmegaConf.load(CONFIGURATION / "teacher" / "local.yaml")
    return find_packaged_file(config.package, config.pattern, config.sha256, config.version)


def unpacked_model() -> Path:
    """The same model as a folder that vLLM loads; made once, by transformers."""
    folder = FOLDER / "smollm2"
    if not folder.exists():
        FOLDER.mkdir(exist_ok=True)
        command = [python_of("vllm"), Path(__file__).parent / "dequantise.py", packaged_model(), folder]
        subprocess.run(command, check=True, env={**os.environ, **_OFFLINE}, stderr=subprocess.DEVNULL)
    return folder


class Server:
    """Listens from entering the context to leaving it.

    Args:
        kind: "vllm" or "llama".
        folder: gets its log.
        context: tokens of prompt and answer.
        model: a folder that vLLM loads; None takes the packaged model.
    """

    def __init__(self, kind: str, folder: Path, context: int = CONTEXT, model: Path | None = None):
        self._kind, self._log, self._context = kind, folder / f"{kind}-{context}.log", context
        self._model = model
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url, self._process = f"http://127.0.0.1:{self.port}", None

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it and waits until it answers. Raises RuntimeError, with the end of its log, where it does not."""
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                list(map(str, self._command())),
                env={**os.environ, **_OFFLINE},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self._kind} does not answer: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.5)

    def kill(self) -> None:
        """Kills all its processes at once, as a machine that loses its power."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _command(self) -> list:
        where = ["--host", "127.0.0.1", "--port", self.port]
        if self._kind == "llama":
            return [
                python_of("llama"),
                "-m",
                "llama_cpp.server",
                *where,
                "--model",
                packaged_model(),
                "--n_ctx",
                self._context,
            ]
        model = self._model or unpacked_model()
        serve = [python_of("vllm"), "-m", "vllm.entrypoints.openai.api_server", *where, "--model", model]
        # in chunks, a seeded request whose prompt is split kills the engine on a CPU
        # bf16, its default, is emulated on processors that have no instructions for it
        prefill = [
            "--dtype",
            "float32",
            "--enforce-eager",
            "--no-enable-chunked-prefill",
            "--max-num-batched-tokens",
            8192,
        ]
        names = ["--served-model-name", "smollm2", "--enable-prompt-tokens-details"]
        return [*serve, *names, "--max-model-len", self._context, *prefill]

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/v1/models")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def fanno(*overrides: str, **options) -> subprocess.Popen:
    """Starts the command line with what suits a 135M model on two cores; few tokens, every stage."""
    command = [sys.executable, "-m", "fanno_hf", *SMALL, *overrides]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


SMALL = (
    # JSON is too much for so small a model: it is made to write it, and finds no end
    *("teacher=openai", "teacher.structured=off", "embedder=hashing", "tokenizer=words", "parser=[]"),
    *("prompts=small", "tags=small", "rules=small", "stages.seed.temperature=0.3", "stages.augment.temperature=0.3"),
    *("stages.prescreen.max_tokens=256", "stages.prescreen.communities.threshold=null"),
    # the verdicts of so small a model are near chance: they are asked for, and none rejects
    *(f"stages.prescreen.verdicts.{name}=1.0" for name in ("low_quality", "advertisement")),
    "stages.prescreen.verdicts.private_information=null",
    *(
        f"stages.{stage}.verdicts.{name}=null"
        for stage in ("seed", "augment")
        for name in ("no_request", "private_details")
    ),
    *(f"stages.{stage}.verdicts.{name}=1.0" for stage in ("seed", "augment") for name in ("needs_document", "unsafe")),
    *(f"stages.{stage}.{key}" for stage in ("seed", "augment") for key in ("max_tokens=64", "min_relevance=null")),
    *(
        "stages.seed.combinations=2",
        "stages.augment.target_size=10",
        "stages.augment.window=4",
        "stages.augment.lag=0",
    ),
    *("stages.augment.epochs=1", "stages.respond.max_tokens=64", "stages.respond.retrieved=1"),
)
