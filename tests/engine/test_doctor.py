"""stage=doctor engine=ray: nodes, versions, the embedder and the folder."""

import re

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.commands.doctor_engine import engine_findings
from fanno_hf.pipeline import versions
from tests.conftest import SMALL, compose_config


def findings(tmp_path, *overrides: str) -> dict[str, tuple[str, str]]:
    settings = resolve(compose_config(*SMALL, f"run={tmp_path / 'run'}", "engine=ray", *overrides))
    return {found.name: (found.level, found.words) for found in engine_findings(settings)}


@pytest.mark.ray
def test_a_cluster_that_is_well(cluster, tmp_path):
    found = findings(tmp_path, f"engine.address={cluster.address}")
    assert {name: level for name, (level, _) in found.items()} == dict.fromkeys(
        ("nodes", "packages", "embedder", "run folder"), "ok"
    )
    assert found["nodes"][1] == "1 nodes, 1 cores, 0 GPUs"
    assert re.match(r"the same on all nodes: Python 3\.\S+, fanno_hf \S+ \(\w{8}\), datasets", found["packages"][1])


@pytest.mark.ray
def test_other_versions_are_named(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "source_digest", lambda: "another1")
    level, words = findings(tmp_path, f"engine.address={cluster.address}")["packages"]
    assert level == "bad"
    assert re.fullmatch(
        r"the same on all nodes but 127\.0\.0\.1 \(fanno_hf \S+ \(\w{8}\), here \S+ \(another1\)\): install .*", words
    )


@pytest.mark.ray
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "engine.address=127.0.0.1:1: no Ray cluster answers"),
        ("ray://head:10001", "engine.address=ray://head:10001: write host:port of the head"),
    ],
)
def test_a_cluster_that_is_not_there(cluster, tmp_path, address, words):
    ((name, (level, said)),) = findings(tmp_path, f"engine.address={address}").items()
    assert (name, level) == ("nodes", "bad")
    assert said.startswith(words)


def test_ray_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("fanno_hf.engine.cluster.find_spec", lambda name: None)
    assert findings(tmp_path)["nodes"] == (
        "bad",
        "engine=ray needs ray, not installed here: run `pip install 'fanno_hf[ray]'`",
    )


def test_the_local_engine_has_no_nodes(tmp_path):
    assert findings(tmp_path, "engine=local") == {}
