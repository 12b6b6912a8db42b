"""The seed stage on two Ray nodes of one core each, against one local process: a teacher that sleeps, a few slots a process.

Needs fanno_hf[ray]. `--quick` asks for fewer instructions, where starting the clients counts.
"""

import os
import shutil
import tempfile
from pathlib import Path

from fanno_hf.sources.sample import read_sample
from tests.benchmarks import report, start, timed
from tests.conftest import small_run, write_documents
from tests.test_kill import parquet

LOOPBACK = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # "0": it listens on the loopback alone
}
# eight slots, each answers after half a second on average: the process waits
SLEEPS = ("teacher.concurrency=8", "teacher.delay=1.0", "stages.seed.undecided_limit=1.0")


def main(quick: bool) -> None:
    os.environ |= LOOPBACK
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as name:
        folder, seeds = Path(name), 4 if quick else 48
        write_documents(folder / "documents.jsonl", [one["text"] for one in read_sample()])
        given = (*SLEEPS, f"stages.seed.combinations={seeds}")
        screened = small_run(folder, "stage=prescreen", "teacher.concurrency=64")
        passages = screened.manifest["stages"]["prescreen"]["kept"]
        head = {"num_cpus": 1, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.add_node(num_cpus=1)
        on_ray = ("engine=ray", f"engine.address={cluster.address}", "engine.clients=2", "engine.embedders=0")
        made: list[dict[str, bytes]] = []

        def seed(*engine: str) -> None:
            shutil.rmtree(folder / "copy", ignore_errors=True)
            shutil.copytree(folder / "run", folder / "copy")
            small_run(folder, "stage=seed", f"run={folder / 'copy'}", *given, *engine)
            made.append(parquet(folder / "copy"))

        try:
            local, ray = timed(seed), timed(seed, *on_ray)
            seconds = local(), ray()
            equal = made[0] == made[1]
            speedup = iter([seconds[0] / seconds[1]])
            report(
                "ray_two_nodes",
                passages * seeds,
                lambda: next(speedup),
                limit=1.8,
                unit="times one process",
                pairs=1,
                equal=equal,
            )
        finally:
            cluster.shutdown()


if __name__ == "__main__":
    start(main)
