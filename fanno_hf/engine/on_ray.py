"""`engine=ray`: what a stage works with, on Ray."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.communities.workers import Call, Key
from fanno_hf.engine import work
from fanno_hf.engine.clients import CLIENTS, absorb_clients, ask_in_clients, check_clients, check_nodes_for_clients
from fanno_hf.engine.cluster import Cluster, in_tasks
from fanno_hf.engine.embedding import RayEmbedder
from fanno_hf.engine.screening import screen_on_ray
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.vectors.embedder import Embedder

if TYPE_CHECKING:
    from datasets import Dataset


class RayEngine:
    """Does the work of a run on Ray; see `steps.context.Engine`."""

    def __init__(self, cluster: Cluster, run: Path):
        self._cluster, self._run = cluster, run

    def screen(self, documents: "Dataset", marker: Mapping[str, Any], context: Context) -> StageOutput:
        """Does `screen_alone` for all documents. Raises UserError where the clients of later stages would find no place."""
        if context.settings.engine.clients > 1 and context.settings.stage == "all":  # before the hours that this takes
            check_nodes_for_clients(self._run, context.settings, self._cluster)
        return screen_on_ray(documents, marker, self._run, context, self._cluster)

    def rest(self) -> None:
        """Gives back the cores and GPUs of processes that embed, until they are needed again."""
        self._cluster.free_cores()

    @property
    def cores(self) -> int:
        """Cores of all nodes."""
        return self._cluster.cores

    def put(self, value: Any) -> Any:
        """Returns a reference to a value in Ray's memory."""
        return self._cluster.ray.put(value)

    def each(self, function: Callable, calls: Iterable[Call]) -> Iterator[tuple[Key, Any]]:
        """Yields what a function gives for each call, in any order."""
        self._cluster.free_cores()
        calls = ((key, (function, *given)) for key, given in calls)
        advice = ": give it more memory, then run the same command again; passages and vectors are kept"
        return in_tasks(self._cluster, work.compute, calls, lambda _: "a process that compares rows", advice)

    def ask_ahead(self, function: str, rows: "Dataset", context: Context) -> None:
        """Asks about all rows, for the journal, where there are several clients."""
        if context.settings.engine.clients > 1 and len(rows):
            ask_in_clients(function, rows, self._run, context, self._cluster)


@contextmanager
def engaged(context: Context, run: Path) -> Iterator[Context]:
    """Yields the context of a run with the engine that does its work; Ray is connected to when it is first needed."""
    settings = context.settings
    absorb_clients(run, context.teacher)
    shutil.rmtree(run / CLIENTS, ignore_errors=True)
    if settings.engine.name == "local":
        yield context
        return
    cluster = Cluster(settings.engine, talks=settings.log_level == "DEBUG")
    cluster.check()
    check_clients(settings)
    try:
        config = settings.resolved["embedder"]

        def elsewhere(embedder: Embedder) -> Embedder:
            # servers are asked by one process, which knows how full they are
            stays = settings.engine.embedders == 0 or hasattr(embedder, "arrivals")
            return embedder if stays else RayEmbedder(embedder, config, cluster)

        yield replace(context, embedder=context.embedder.embedded_by(elsewhere), engine=RayEngine(cluster, run))
    finally:
        cluster.close()
