"""What `stage=doctor` finds out about the nodes of Ray, where `engine=ray` is chosen.

engine ray
  ok    nodes              2 nodes, 16 cores, 4 GPUs
  bad   packages           the same on all nodes but 10.0.0.7 (numpy 2.3.1, here 2.4.6): install the same there
  ok    embedder           installed on all nodes
  note  run folder         10.0.0.7 does not see it: engine.clients must stay 1
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from fanno_hf.commands.doctor_checks import Finding
from fanno_hf.engine import work
from fanno_hf.engine.cluster import Cluster
from fanno_hf.errors import UserError
from fanno_hf.output.place import run_folder
from fanno_hf.settings import Settings

_PATIENCE = 60.0  # seconds until a node has started a process and looked


def engine_findings(settings: Settings) -> Iterator[Finding]:
    """Yields the findings on Ray; none where it is not chosen."""
    if settings.engine.name == "local":
        return
    cluster = Cluster(settings.engine)
    try:
        try:
            cluster.check()
            yield Finding("ok", "nodes", str(cluster))
        except UserError as error:
            yield Finding("bad", "nodes", str(error))
            return
        yield from _nodes(settings, cluster)
    finally:
        cluster.close()


def _nodes(settings: Settings, cluster: Cluster) -> Iterator[Finding]:
    run = run_folder(settings.run).absolute()
    folder = next(path for path in (run, *run.parents) if path.exists())
    sign = folder / f".{uuid4().hex}"
    sign.touch()
    try:
        said = _asked(cluster, str(sign), json.dumps(settings.resolved["embedder"]))
    finally:
        sign.unlink()
    for node in [node for node, found in said.items() if isinstance(found, str)]:
        yield Finding("bad", "node", f"{node}: {said.pop(node)}")
    here = work.describe(str(folder), json.dumps(settings.resolved["embedder"]))
    other = {
        node: words for node, found in said.items() if (words := _differences(found["versions"], here["versions"]))
    }
    if other:
        named = "; ".join(f"{node} ({words})" for node, words in other.items())
        yield Finding("bad", "packages", f"the same on all nodes but {named}: install the same there")
    else:
        yield Finding("ok", "packages", f"the same on all nodes: {_listed(here['versions'])}")
    lacking = {node: found["embedder"] for node, found in said.items() if found["embedder"]}
    words = "; ".join(f"{node}: {words}" for node, words in lacking.items())
    yield Finding("bad" if lacking else "ok", "embedder", words or "installed on all nodes")
    blind = [node for node, found in said.items() if not found["sees"]]
    if not blind:
        yield Finding("ok", "run folder", "all nodes see it")
    else:
        several = settings.engine.clients > 1
        words = f"{', '.join(blind)}: not seen there; {'give engine.clients=1' if several else 'engine.clients must stay 1'}"
        yield Finding("bad" if several else "note", "run folder", words)


def _asked(cluster: Cluster, sign: str, embedder: str) -> dict[str, Any]:
    """Returns what each node says of itself, by its address; a text where it says nothing."""
    ray = cluster.ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    task, options = ray.remote(work.describe), {"num_cpus": 0, "max_retries": 0}
    nodes = [node for node in ray.nodes() if node["Alive"]]
    asked = {
        task.options(**options, scheduling_strategy=On(node["NodeID"], soft=False)).remote(sign, embedder): node
        for node in nodes
    }
    done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_PATIENCE)
    said: dict[str, Any] = {}
    for reference, node in asked.items():
        name = node["NodeManagerAddress"]
        name = f"{name} ({node['NodeID'][:6]})" if name in said else name  # several on one machine
        try:
            said[name] = ray.get(reference) if reference in done else f"no answer within {_PATIENCE:g} s"
        except ray.exceptions.RayError as error:
            said[name] = " ".join(str(error).split())[-200:]  # the error itself is the last line of a traceback
    return said


def _differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    names = [name for name in {**here, **there} if there.get(name) != here.get(name)]
    return ", ".join(f"{name} {there.get(name, 'missing')}, here {here.get(name, 'missing')}" for name in names)


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
