"""Vectors from processes of Ray, each of which holds the embedder.

    RayEmbedder(embedder, config, cluster).encode(2,048 texts)  ->  8 calls of 256 texts, to whichever process is free

The batches that the model gets are those of engine=local, and the store gets its chunks whole and in order: so the vectors are the
same, and a run that was killed goes on with the same chunks.
"""

import json
import logging
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fanno_hf.engine import work
from fanno_hf.engine.cluster import Cluster, raise_if_over
from fanno_hf.errors import FannoError
from fanno_hf.vectors.embedder import Embedder
from fanno_hf.vectors.store import CHUNK

logger = logging.getLogger(__name__)

_CALL = 256  # texts of a call, about: it is over before long, and a lost one costs little
_RETRIES = 3  # of a call whose process was lost, and new beginnings of a process
_PATIENCE = 60.0  # seconds until a line says that there is no room for any process


class RayEmbedder:
    """An embedder whose texts are embedded elsewhere.

    Args:
        embedder: the same one, here; it is asked for its identity.
        config: the group `embedder` of the configuration.
    """

    at_once = 16 * CHUNK
    """Texts that `arrivals` should be given together, so that few processes are idle at the end of a chunk."""

    def __init__(self, embedder: Embedder, config: Mapping[str, Any], cluster: Cluster):
        self.identity, self.check_installed = embedder.identity, embedder.check_installed
        self._here, self._config, self._cluster = embedder, json.dumps(config), cluster
        batch = config.get("batch_size", 1)
        self._call = batch * max(1, _CALL // batch)  # whole batches: what is in them decides the last bits

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32, shape (len(texts), dimension), rows of unit length."""
        parts = [vectors for _, vectors in self.arrivals(texts)]
        return np.concatenate(parts) if parts else self._here.encode([])

    def arrivals(self, texts: Sequence[str]) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields (rows, their vectors), a chunk at a time, in order.

        Raises FannoError where calls are lost again and again, and what the embedder raises.
        """
        chunks = [range(start, min(start + CHUNK, len(texts))) for start in range(0, len(texts), CHUNK)]
        calls = [
            slice(start, min(start + self._call, chunk.stop)) for chunk in chunks for start in chunk[:: self._call]
        ]
        came: dict[int, np.ndarray] = {}
        arriving = self._called(texts, calls)
        for chunk in chunks:
            starts = chunk[:: self._call]
            while not all(start in came for start in starts):
                rows, vectors = next(arriving)
                came[rows.start] = vectors
            yield slice(chunk.start, chunk.stop), np.concatenate([came.pop(start) for start in starts])

    def close(self) -> None:
        """Its processes end with the cluster, or with the connection to it."""

    def _called(self, texts: Sequence[str], calls: Sequence[slice]) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields what each call gives, in any order. A free process takes the next call; that of a lost one goes to another."""
        ray = self._cluster.ray
        processes = self._processes(len(calls))
        waiting, lost = deque(calls), Counter()
        # nothing but `ready` is asked of a process before it is there, so no call waits for one that has no room
        running = {_when_ready(process): (process, None) for process in processes}
        left = len(calls)
        while left:
            if not running:
                raise FannoError("engine=ray: every process that embeds ended: look at Ray's log, then run again")
            done, _ = ray.wait(list(running), num_returns=1, timeout=_PATIENCE)
            if not done:
                self._tell(sum(rows is not None for _, rows in running.values()))
                continue
            process, rows = running.pop(done[0])
            try:
                vectors = ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.RayError as error:
                raise_if_over(ray, error)
                if rows is not None:
                    self._count(lost, rows, error)
                    waiting.appendleft(rows)
                    running[_when_ready(process)] = (process, None)
                continue  # one that does not begin again is left out
            if rows is not None:
                left -= 1
                yield rows, vectors
            if waiting:
                rows = waiting.popleft()
                running[process.encode.remote(list(texts[rows]))] = (process, rows)

    def _processes(self, calls: int) -> list[Any]:
        """Returns the processes that are there, and new ones as long as each of so many calls could use its own."""
        ray, settings, there_already = self._cluster.ray, self._cluster.settings, self._cluster.processes
        there = ray.cluster_resources().get("GPU", 0) / settings.gpus if settings.gpus else self._cluster.cores
        made = ray.remote(work.Embedding).options(num_cpus=1, num_gpus=settings.gpus, max_restarts=_RETRIES)
        most = min(settings.embedders or max(1, int(there)), calls)
        there_already += [made.remote(self._config) for _ in range(most - len(there_already))]
        return list(there_already)

    def _count(self, lost: Counter, rows: slice, error: Exception) -> None:
        lost[rows.start] += 1
        if lost[rows.start] > _RETRIES:
            words = " ".join(str(error).split())[:300]
            raise FannoError(
                f"engine=ray: the process that embeds was lost {lost[rows.start]} times with the same texts ({words}): give it "
                "more memory or a smaller embedder.batch_size, then run the same command again; what is done is kept"
            ) from error

    def _tell(self, working: int) -> None:
        if not working:
            wanted = f"{self._cluster.settings.gpus:g} GPUs" if self._cluster.settings.gpus else "a core"
            logger.warning("engine=ray: no node has %s for a process that embeds; waiting (%s)", wanted, self._cluster)


def _when_ready(process: Any) -> Any:
    return process.ready.options(max_task_retries=-1).remote()
