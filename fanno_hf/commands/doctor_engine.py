"""What `stage=doctor` finds out about the nodes of Ray, where `engine=ray` is chosen.

engine ray
  ok    nodes              2 nodes, 16 cores, 4 GPUs
  bad   packages           the same on all nodes but 10.0.0.7 (numpy 2.3.1, here 2.4.6): install the same there
  ok    embedder           installed on all nodes
  note  run folder         10.0.0.7 does not see it: engine.clients must stay 1
"""

import json
from collections.abc import Iterator, Mapping
from uuid import uuid4

from fanno_hf.commands.doctor_checks import Finding
from fanno_hf.engine import work
from fanno_hf.engine.cluster import Cluster
from fanno_hf.engine.nodes import check_room, differences, on_each_node
from fanno_hf.errors import FannoError, UserError
from fanno_hf.output.place import run_folder
from fanno_hf.settings import Settings


def engine_findings(settings: Settings) -> Iterator[Finding]:
    """Yields the findings on Ray; none where it is not chosen."""
    if settings.engine.name == "local":
        return
    cluster = Cluster(settings.engine, trusts=True)
    try:
        try:
            cluster.check()
            check_room(cluster.ray, settings.engine)
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
        said = on_each_node(cluster.ray, "describe", str(sign), json.dumps(settings.resolved["embedder"]))
    finally:
        sign.unlink()
    silent = [node for node, found in said.items() if isinstance(found, FannoError)]
    for node in silent:
        yield Finding("bad", "node", f"{node}: {said.pop(node)}")
    if not said:
        return
    all_nodes = "all the others" if silent else "all nodes"
    here = work.describe(str(folder), json.dumps(settings.resolved["embedder"]))
    other = {
        node: words for node, found in said.items() if (words := differences(found["versions"], here["versions"]))
    }
    if other:
        named = "; ".join(f"{node} ({words})" for node, words in other.items())
        yield Finding("bad", "packages", f"the same on {all_nodes} but {named}: install the same there")
    else:
        yield Finding("ok", "packages", f"the same on {all_nodes}: {_listed(here['versions'])}")
    lacking = {node: found["embedder"] for node, found in said.items() if found["embedder"]}
    words = "; ".join(f"{node}: {words}" for node, words in lacking.items())
    yield Finding("bad" if lacking else "ok", "embedder", words or f"installed on {all_nodes}")
    blind = [node for node, found in said.items() if not found["sees"]]
    if not blind:
        yield Finding("ok", "run folder", f"{all_nodes} see it")
    else:
        several = settings.engine.clients > 1
        words = f"{', '.join(blind)}: not seen there; {'give engine.clients=1' if several else 'engine.clients must stay 1'}"
        yield Finding("bad" if several else "note", "run folder", words)


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
