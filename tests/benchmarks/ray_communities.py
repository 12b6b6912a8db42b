"""Communities on two Ray nodes of one core each, against one local process with one thread.

Needs fanno_hf[ray] and psutil. `--quick` takes fewer rows, where starting the tasks' processes counts. The CPU seconds are of all processes.
"""

import os
import tempfile
from pathlib import Path

import psutil

from fanno_hf.communities import detect_communities
from fanno_hf.engine.cluster import Cluster as Connected
from fanno_hf.engine.on_ray import RayEngine
from fanno_hf.settings import Engine
from tests.benchmarks import once, report, start, timed
from tests.benchmarks.communities import THRESHOLD, sparse_rows
from tests.benchmarks.ray_engine import LOOPBACK

PAIRS = 3


def cpu_seconds() -> float:
    """What this process and those that it started have used."""
    here = psutil.Process()
    times = [one.cpu_times() for one in (here, *here.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def main(quick: bool) -> None:
    os.environ |= LOOPBACK
    from ray.cluster_utils import Cluster

    rows, found = sparse_rows(40_000 if quick else 80_000), []
    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1)
    connected = Connected(Engine(name="ray", address=cluster.address))
    engine = RayEngine(connected, Path(tempfile.gettempdir()))

    def local() -> None:
        found.append(detect_communities(rows, THRESHOLD, threads=1))

    def on_ray() -> None:
        found.append(detect_communities(rows, THRESHOLD, threads=1, workers=engine))

    try:
        once("ray_communities_first_time", len(rows), timed(on_ray)(), unit="s, processes start")
        once("ray_communities_cpu", len(rows), timed(on_ray, clock=cpu_seconds)(), unit="s of CPU")
        once("local_communities_cpu", len(rows), timed(local, clock=cpu_seconds)(), unit="s of CPU")
        equal = found[0] == found[1] == found[2]
        report("ray_communities", len(rows), timed(on_ray), timed(local), unit="s", pairs=PAIRS, equal=equal)
    finally:
        connected.close()
        cluster.shutdown()


if __name__ == "__main__":
    start(main)
