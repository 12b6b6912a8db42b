"""Ray: connected to, or started here, when it is first needed; its cores and its tasks.

Only pickled functions of fanno_hf and rows travel between its processes, and only within the user's own cluster.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from fanno_hf.communities.workers import Call, Key
from fanno_hf.engine.connection import connected, is_connected, knock
from fanno_hf.engine.nodes import check_nodes
from fanno_hf.errors import FannoError, UserError, needs_extra
from fanno_hf.settings import Engine

logger = logging.getLogger(__name__)

RETRIES = 3
"""Times that Ray repeats a task whose process or node is lost."""
_AHEAD = 2  # tasks for each core that are handed over: what they read and give is in Ray's memory
_PATIENCE = 10.0  # seconds until tasks have ended that are told to


class Cluster:
    """The Ray of a run.

    Args:
        settings: `engine.*`.
        talks: whether what its processes print is printed here, too.
        trusts: its nodes are not looked at before work is handed to them: who asks does that.
    """

    def __init__(self, settings: Engine, *, talks: bool = False, trusts: bool = False):
        self.settings = settings
        self._talks, self._trusts = talks, trusts
        self._ray, self._open = None, ExitStack()
        self.processes: list[Any] = []  # those that stay, each with a core, until others want the cores
        self.tasks: set[Any] = set()  # handed over, and not over yet

    @property
    def ray(self) -> Any:
        """The module `ray`, connected. Raises UserError where no cluster answers, or its nodes cannot do the work."""
        if self._ray is None:
            self._ray = self._open.enter_context(connected(self.settings.address, talks=self._talks))
            logger.info("Ray: %s", self)
            if not self._trusts:
                check_nodes(self._ray, self.settings)
        return self._ray

    @property
    def cores(self) -> int:
        """Cores of all nodes at the moment, at least 1: nodes may come and go."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 0)))

    def __str__(self) -> str:
        found = self.ray.cluster_resources()
        nodes = sum(node["Alive"] for node in self.ray.nodes())
        return f"{nodes} nodes, {found.get('CPU', 0):g} cores, {found.get('GPU', 0):g} GPUs"

    def free_cores(self) -> None:
        """Ends the processes that stay; whoever needs them again starts them again."""
        while self.processes:
            self.ray.kill(self.processes.pop())

    def close(self) -> None:
        """Ends its tasks and processes, and Ray itself where it was started here. Safe to call twice."""
        try:
            if self._ray and is_connected():  # a program's own Ray goes on, and would go on with them
                self._end_work()
        finally:
            self.processes.clear()
            self.tasks.clear()
            self._ray = None
            self._open.close()

    def _end_work(self) -> None:
        for task in self.tasks:
            self.ray.cancel(task, force=True)
        self.free_cores()
        if self.tasks:
            self.ray.wait(list(self.tasks), num_returns=len(self.tasks), timeout=_PATIENCE)

    def check(self) -> None:
        """Raises UserError where Ray is not installed, or nothing listens at `engine.address`; connects to no cluster."""
        if find_spec("ray") is None:
            raise needs_extra("engine=ray", "ray", "ray")
        address = self.settings.address
        if address in (None, "auto") or is_connected():
            return
        if not re.fullmatch(r"([\w.-]+|\[[\da-fA-F:]+\]):\d{1,5}", address):
            raise UserError(
                f"engine.address={address}: write host:port of the head, auto or null, and run the command on a node of the "
                "cluster (`ray job submit -- python -m fanno_hf …` does)"
            )
        knock(address, address)


def result(ray: Any, reference: Any, what: str, advice: str) -> Any:
    """Returns what a task gave.

    Raises what the task raised; FannoError where its process was lost each time: `what` was lost, and the `advice`.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise_if_over(ray, error)
        words = " ".join(str(error).split())[:300]
        raise FannoError(f"engine=ray: {what} was lost {RETRIES + 1} times ({words}){advice}") from error


def raise_if_over(ray: Any, error: Exception) -> None:
    """Raises FannoError where it is Ray itself that is lost, on the node of the command."""
    if isinstance(error, ray.exceptions.LocalRayletDiedError):
        raise FannoError(
            "engine=ray: Ray itself ended on this machine, as when its memory is full: run the same command again; what is done is kept"
        ) from error


def in_tasks(
    cluster: Cluster, function: Callable, calls: Iterable[Call], what: Callable[[Key], str], advice: str
) -> Iterator[tuple[Key, Any]]:
    """Yields what a function gives for each call, as it comes; no more are handed over than keep the cores busy.

    Args:
        what: says whose process was lost.

    Raises as of `result`.
    """
    ray = cluster.ray
    task = ray.remote(function).options(max_retries=RETRIES, num_cpus=1)
    waiting, running = iter(calls), {}
    while True:
        while len(running) < _AHEAD * cluster.cores and (call := next(waiting, None)):
            key, given = call
            running[reference := task.remote(*given)] = key
            cluster.tasks.add(reference)
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1)
        key = running.pop(done[0])
        cluster.tasks.discard(done[0])
        yield key, result(ray, done[0], what(key), advice)
