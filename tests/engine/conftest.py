"""Ray on this machine, for all tests of a process: a head with one core, on the loopback."""

import os

import pytest

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # "0": it listens on the loopback alone
}


@pytest.fixture(scope="session")
def cluster():
    """A cluster of one node; its `address` is for `engine.address`."""
    os.environ.update(_ENVIRONMENT)
    pytest.importorskip("ray", reason="pip install 'fanno_hf[ray]', or make test-ray")
    from ray.cluster_utils import Cluster

    system = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False, "_system_config": system},
    )
    yield made
    made.shutdown()
