"""The embedded teacher: llama.cpp's own server inside this process, with SmolLM2-135M-Instruct from a PyPI package.

It shows that everything works on a machine without GPU or account. A 135M model writes poor instructions and its
verdicts are near chance: it is no teacher for real data.
"""

import asyncio
import logging
import os

from fanno_hf.errors import needs_extra
from fanno_hf.packaged import find_packaged_file, install_command
from fanno_hf.teacher.pool import Pool

logger = logging.getLogger(__name__)


class EmbeddedTeacher(Pool):
    """A pool of one server: llama.cpp in this process, on a free loopback port, started at the first request.

    Args:
        concurrency: slots of the server, each with `context` tokens.
        context: tokens a slot holds, prompt and answer.
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
        # the address is known when it listens
        super().__init__(
            "http://127.0.0.1",
            package.replace("_", "-"),
            revision=sha256[:12],
            concurrency=concurrency,
            timeout=600.0,
            patience=60.0,
            thinking_room=0,  # a model of this size does not think
        )
        self._file = (package, pattern, sha256, version)
        self._concurrency, self._context, self._threads = concurrency, context, threads
        self._server = None

    async def start(self) -> None:
        """Loads the model (about a second) and listens."""
        try:
            import xllamacpp
        except ModuleNotFoundError as error:
            package, *_, version = self._file
            raise needs_extra("teacher=local", "xllamacpp", "local", install_command(package, version)) from error
        path = find_packaged_file(*self._file)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.hostnames = ["127.0.0.1"]
        parameters.n_parallel = self._concurrency
        parameters.n_ctx = self._context * self._concurrency
        # prompts kept for reuse of their prefix; the default is 8 GB
        parameters.cache_ram_mib = 512
        parameters.cpuparams.n_threads = self._threads or os.cpu_count() or 1
        parameters.verbosity = -1
        logger.info("loading the embedded teacher %s (CPU)", path.name)
        self._server = await asyncio.to_thread(xllamacpp.Server, parameters)
        self.endpoints[0].client.base_url = self._server.listening_address

    async def close(self) -> None:
        """Stops the server and frees the model."""
        await super().close()
        self._server = None
