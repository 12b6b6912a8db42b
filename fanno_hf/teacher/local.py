"""The embedded teacher: llama.cpp's own server inside this process, with SmolLM2-135M-Instruct from a PyPI package.

It shows that everything works on a machine without GPU or account. A 135M model writes poor instructions and its
verdicts are near chance: it is no teacher for real data.
"""

import asyncio
import logging
import os

from fanno_hf.errors import UserError
from fanno_hf.packaged import find_packaged_file
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import ChatClient

logger = logging.getLogger(__name__)


class EmbeddedTeacher:
    """A backend that starts llama.cpp in this process, on a free loopback port, at the first request.

    Args:
        package, pattern, sha256, version: where the GGUF file is (see `find_packaged_file`).
        concurrency: slots of the server, each with `context` tokens.
        context: tokens a slot holds, prompt and answer.
        threads: of the CPU; None takes all cores.
    """

    def __init__(
        self,
        package: str,
        pattern: str,
        sha256: str,
        version: str,
        *,
        concurrency: int = 8,
        context: int = 2048,
        threads: int | None = None,
    ):
        self._file = (package, pattern, sha256, version)
        self.identity = f"{package.replace('_', '-')}@{sha256[:12]}"
        self.concurrency, self._context, self._threads = concurrency, context, threads
        self._server = self._client = None

    async def open(self) -> None:
        """Loads the model (about a second) and connects to it."""
        try:
            import xllamacpp
        except ImportError as error:
            raise UserError('The embedded teacher needs xllamacpp: run `pip install "fanno_hf[local]"`') from error
        path = find_packaged_file(*self._file)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.hostnames = ["127.0.0.1"]
        parameters.n_parallel = self.concurrency
        parameters.n_ctx = self._context * self.concurrency
        # prompts kept for reuse of their prefix; the default is 8 GB
        parameters.cache_ram_mib = 512
        parameters.cpuparams.n_threads = self._threads or os.cpu_count() or 1
        parameters.verbosity = -1
        logger.info("loading the embedded teacher %s (CPU)", path.name)
        self._server = await asyncio.to_thread(xllamacpp.Server, parameters)
        self._client = ChatClient(
            self._server.listening_address, self.identity, concurrency=self.concurrency, timeout=600.0
        )
        await self._client.open()

    async def complete(self, request: Request) -> Completion:
        """Answers one request; see `Backend.complete`."""
        return await self._client.complete(request)

    async def close(self) -> None:
        """Stops the server and frees the model."""
        if self._client is not None:
            await self._client.close()
        self._server = self._client = None
