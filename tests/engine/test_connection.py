"""The connection to Ray: whom it refuses, what it borrows, and that nothing of it stays behind."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fanno_hf.engine import nodes, work
from fanno_hf.engine.cluster import Cluster, in_tasks, result
from fanno_hf.engine.connection import why
from fanno_hf.errors import FannoError, UserError
from fanno_hf.pipeline import versions
from fanno_hf.settings import Engine

ROOT = Path(__file__).resolve().parents[2]

STARTS = """
import os
from fanno_hf.engine.cluster import Cluster
from fanno_hf.settings import Engine

before = dict(os.environ)
cluster = Cluster(Engine(name="ray"))
token = cluster.ray.get(cluster.ray.remote(lambda: os.environ["RAY_AUTH_TOKEN"]).remote())
assert token == os.environ["RAY_AUTH_TOKEN"] and len(token) == 64
cluster.close()
assert dict(os.environ) == before, set(os.environ) ^ set(before)
"""

BORROWS = """
import ray
from fanno_hf.engine.cluster import Cluster
from fanno_hf.settings import Engine

ray.init("local", num_cpus=3, include_dashboard=False)
cluster = Cluster(Engine(name="ray", address="no.such.host:1"))
cluster.check()
assert str(cluster) == "1 nodes, 3 cores, 0 GPUs"
cluster.close()
assert ray.is_initialized()
"""

WITHOUT = "import sys; sys.modules['fanno_hf'] = None"


def alone(code: str, home: Path, **variables: str) -> None:
    """Runs it in a process that finds no variable of Ray but those given."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment = {**plain, "HOME": str(home), **variables}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr


@pytest.mark.ray
def test_a_ray_started_here_leaves_no_token_and_no_variable(cluster, tmp_path):
    alone(STARTS, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ray
def test_a_ray_that_the_program_has_connected_to_is_used_and_stays(cluster, tmp_path):
    alone(BORROWS, tmp_path, RAY_AUTH_MODE="disabled", RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0")


def test_a_cluster_that_wants_a_token():
    error = ConnectionError("Failed to connect to Ray cluster at head:6379")
    error.__cause__ = RuntimeError("Failed to connect to GCS. … ray.exceptions.AuthenticationError: …")
    assert why("head:6379", error) == (
        "engine.address=head:6379: the cluster wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or "
        "~/.ray/auth_token to what its nodes have"
    )


class Nodes:
    """Stands in for the module `ray`: a cluster with these resources."""

    def __init__(self, *resources: dict[str, float]):
        self._found = [{"Alive": True, "Resources": found} for found in resources]

    def nodes(self):
        return self._found


@pytest.mark.parametrize(
    ("found", "settings", "said"),
    [
        (
            [{"CPU": 2.0}],
            {"gpus": 1.0},
            "engine.gpus=1: no node has as many beside a core (at most 0): .*engine.gpus=0",
        ),
        ([{"CPU": 2.0, "GPU": 1.0}] * 2, {"gpus": 2.0}, "engine.gpus=2: no node has as many .*(at most 1)"),
        ([{"CPU": 2.0}, {"GPU": 1.0}], {"gpus": 0.5}, "engine.gpus=0.5: no node has as many beside a core"),
        ([{"memory": 1e9}], {}, "engine=ray: none of its 1 nodes has a core: start one"),
    ],
)
def test_a_cluster_without_room_is_refused(found, settings, said):
    with pytest.raises(UserError, match=said.replace("(", r"\(").replace(")", r"\)")):
        nodes.check_room(Nodes(*found), Engine(name="ray", **settings))


def test_gpus_that_nobody_asks_for_may_be_missing():
    nodes.check_room(Nodes({"CPU": 1.0}), Engine(name="ray", gpus=1.0, embedders=0))


def connect(cluster) -> None:
    """Connects to a cluster, and leaves it."""
    with closing(Cluster(Engine(name="ray", address=cluster.address))) as connected:
        _ = connected.ray


@pytest.mark.ray
def test_a_head_that_is_gone_is_not_waited_for(cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # as a shell keeps it when the cluster has ended
    with pytest.raises(UserError, match=r"^engine.address=auto: no Ray cluster answers \(127.0.0.1:1: .*refused"):
        _ = Cluster(Engine(name="ray", address="auto")).ray


@pytest.fixture
def borrowed(cluster):
    """A Ray that the program itself has connected to."""
    import ray

    ray.init(cluster.address, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.mark.ray
def test_in_a_borrowed_ray_no_task_goes_on(borrowed):
    def wait_for_ever(number):
        import threading

        threading.Event().wait(None if number else 0)

    used = Cluster(Engine(name="ray"))
    assert next(in_tasks(used, wait_for_ever, [(0, (0,)), (1, (1,))], str, "")) == (0, None)
    (left,) = used.tasks
    used.close()
    with pytest.raises((borrowed.exceptions.TaskCancelledError, borrowed.exceptions.WorkerCrashedError)):
        borrowed.get(left, timeout=0)


@pytest.mark.ray
def test_in_a_borrowed_ray_processes_that_embed_give_their_cores_back(borrowed):
    used = Cluster(Engine(name="ray"))
    held = used.ray.remote(work.Tally).options(num_cpus=1).remote()
    used.processes = [held]
    used.close()
    with pytest.raises(borrowed.exceptions.RayActorError):
        borrowed.get(held.sum.remote(), timeout=60)


@pytest.mark.ray
def test_a_node_with_another_version_is_named(cluster, monkeypatch):
    monkeypatch.setattr(versions, "source_digest", lambda: "another1")
    said = r"^engine=ray, node 127\.0\.0\.1: fanno_hf \S+ \(\w{8}\), here \S+ \(another1\): install the same"
    with pytest.raises(UserError, match=said):
        connect(cluster)


@pytest.fixture
def bare(cluster, tmp_path):
    """A second node, where fanno_hf is not installed; its number, as in its name."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    node = cluster.add_node(num_cpus=0, env_vars={"PYTHONPATH": paths})
    yield node.node_id[:6]
    cluster.remove_node(node)


@pytest.mark.ray
def test_a_node_without_fanno_hf_is_named(cluster, bare, tmp_path):
    from tests.engine.test_doctor import findings

    said = r"^engine=ray, node 127\.0\.0\.1.*: fanno_hf does not load there \(.*\): install the same version$"
    with pytest.raises(UserError, match=said):
        connect(cluster)
    found = findings(tmp_path, f"engine.address={cluster.address}")
    assert found["node"][0] == "bad"
    assert "fanno_hf does not load there" in found["node"][1]
    assert found["packages"][1].startswith("the same on all the others: Python")


@pytest.mark.ray
def test_a_ray_that_ended_is_not_a_process_that_was_lost(cluster):
    import ray

    class Ended:
        exceptions = ray.exceptions

        def get(self, reference):
            raise ray.exceptions.LocalRayletDiedError

    with pytest.raises(
        FannoError, match="^engine=ray: Ray itself ended on this machine, .*: run the same command again"
    ):
        result(Ended(), None, "the process with documents 0 to 2", ": give it more memory")
