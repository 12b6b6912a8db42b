"""Ray: connected to, or started here, when it is first needed.

Only pickled functions of fanno_hf and rows travel between its processes, and only within the user's own cluster.
"""

import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any

from fanno_hf.communities.workers import Call, Key
from fanno_hf.errors import FannoError, UserError, needs_extra
from fanno_hf.settings import Engine

logger = logging.getLogger(__name__)

RETRIES = 3
"""Times that Ray repeats a task whose process or node is lost."""
_AHEAD = 2  # tasks for each core that are handed over: what they read and give is in Ray's memory
_PATIENCE = 10.0  # seconds until a head has taken a connection

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
# whoever else is on this machine, or on its network, cannot hand it work: Ray listens on the loopback alone, and wants its token
_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}


class Cluster:
    """The Ray of a run.

    Args:
        settings: `engine.*`.
        talks: whether what its processes print is printed here, too.
    """

    def __init__(self, settings: Engine, *, talks: bool = False):
        self.settings = settings
        self._talks, self._ray = talks, None
        self.processes: list[Any] = []  # those that stay, each with a core, until others want the cores

    @property
    def ray(self) -> Any:
        """The module `ray`, connected. Raises UserError where it is not installed, or no cluster answers."""
        if self._ray is None:
            self._ray = self._connected()
            logger.info("Ray: %s", self)
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
        """Ends what it still does, and Ray itself where it was started here. Safe to call twice."""
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None

    def check(self) -> None:
        """Raises UserError where Ray is not installed, or nothing listens at `engine.address`; connects to no cluster."""
        if find_spec("ray") is None:
            raise needs_extra("engine=ray", "ray", "ray")
        address = self.settings.address
        if address in (None, "auto"):
            return
        found = re.fullmatch(r"([\w.-]+|\[[\da-fA-F:]+\]):(\d{1,5})", address)
        if not found:
            raise UserError(
                f"engine.address={address}: write host:port of the head, auto or null, and run the command on a node of the "
                "cluster (`ray job submit -- python -m fanno_hf …` does)"
            )
        try:  # Ray would try for ten minutes
            socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=_PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise UserError(_why(address, ConnectionError(str(error)))) from error

    def _connected(self) -> Any:
        address = self.settings.address
        # Ray reads them when it is imported
        for name, value in (_QUIET if address else {**_QUIET, **_ALONE}).items():
            os.environ.setdefault(name, value)
        import ray

        in_main = threading.current_thread() is threading.main_thread()
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                address or "local",
                **({} if address else {"include_dashboard": False}),
                log_to_driver=self._talks,
                logging_level=logging.WARNING,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise UserError(_why(address, error)) from error
        finally:
            if in_main:  # Ray takes it, and ours lets the run close its files
                signal.signal(signal.SIGTERM, handler)
        return ray


def result(ray: Any, reference: Any, what: str, advice: str) -> Any:
    """Returns what a task gave.

    Raises what the task raised; FannoError where its process was lost each time: `what` was lost, and the `advice`.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        words = " ".join(str(error).split())[:300]
        raise FannoError(f"engine=ray: {what} was lost {RETRIES + 1} times ({words}){advice}") from error


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
            running[task.remote(*given)] = key
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1)
        key = running.pop(done[0])
        yield key, result(ray, done[0], what(key), advice)


def _why(address: str | None, error: Exception) -> str:
    words = " ".join(str(error).split())[:300]
    if not address:
        return f"engine.address=null: Ray does not start here ({words}): look at /tmp/ray/session_latest/logs"
    if isinstance(error, ConnectionError):
        return f"engine.address={address}: no Ray cluster answers ({words}): start one (`ray start --head`), or give engine.address=null"
    return f"engine.address={address}: the cluster does not take this process ({words})"
