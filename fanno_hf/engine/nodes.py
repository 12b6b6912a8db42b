"""What the nodes of a cluster have, and whether it is what a run needs: before any work is handed to them."""

from collections.abc import Mapping
from typing import Any

from fanno_hf.engine import work
from fanno_hf.errors import FannoError, UserError
from fanno_hf.settings import Engine

_PATIENCE = 60.0  # seconds until a node has started a process and looked


def check_nodes(ray: Any, settings: Engine) -> None:
    """Raises UserError where no node has room for a process, or one has no fanno_hf or another one."""
    check_room(ray, settings)
    here = work.ours()
    for node, found in on_each_node(ray, "ours").items():
        if isinstance(found, UserError):
            raise UserError(f"engine=ray, node {node}: {found}")
        if not isinstance(found, FannoError) and found != here:  # one that says nothing may yet do so
            words = differences(found, here)
            raise UserError(f"engine=ray, node {node}: {words}: install the same version there")


def check_room(ray: Any, settings: Engine) -> None:
    """Raises UserError where a process that screens or embeds would wait for ever."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    with_core = [node for node in nodes if node.get("CPU", 0) >= 1]
    if not with_core:
        raise UserError(
            f"engine=ray: none of its {len(nodes)} nodes has a core: start one that has, as by `ray start --address=HEAD:6379`"
        )
    most = max(node.get("GPU", 0) for node in with_core)
    if settings.gpus > most and settings.embedders != 0:
        raise UserError(
            f"engine.gpus={settings.gpus:g}: no node has as many beside a core (at most {most:g}): start one that has, or give engine.gpus=0"
        )


def on_each_node(ray: Any, function: str, *given: Any) -> dict[str, Any]:
    """Returns what each node says, by its address.

    Args:
        function: one of `work`, which gets what is given.

    Returns:
        A UserError where fanno_hf does not load there or does not have the function, and a FannoError where no answer came.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    def say() -> Any:  # travels as it stands: a node without fanno_hf can say so
        try:
            from fanno_hf.engine import work

            asked = getattr(work, function)
        except (ImportError, AttributeError) as error:
            return str(error)
        return [asked(*given)]

    task, options = ray.remote(say), {"num_cpus": 0, "max_retries": 0}
    nodes = [node for node in ray.nodes() if node["Alive"]]
    asked = {
        task.options(**options, scheduling_strategy=On(node["NodeID"], soft=False)).remote(): node for node in nodes
    }
    done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_PATIENCE)
    said: dict[str, Any] = {}
    for reference, node in asked.items():
        name = node["NodeManagerAddress"]
        name = f"{name} ({node['NodeID'][:6]})" if name in said else name  # several on one machine
        said[name] = _answer(ray, reference) if reference in done else FannoError(f"no answer within {_PATIENCE:g} s")
    return said


def _answer(ray: Any, reference: Any) -> Any:
    try:
        found = ray.get(reference)
    except ray.exceptions.RayError as error:
        return FannoError(" ".join(str(error).split())[-200:])  # the error itself is the last line of a traceback
    if isinstance(found, str):
        return UserError(f"fanno_hf does not load there ({found}): install the same version")
    return found[0]


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Returns in words what has another version there, or is missing; "" where all is the same."""
    names = [name for name in {**here, **there} if there.get(name) != here.get(name)]
    return ", ".join(f"{name} {there.get(name, 'missing')}, here {here.get(name, 'missing')}" for name in names)
