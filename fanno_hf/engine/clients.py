"""Several processes that ask the teacher: each has its part of a stage's rows, and a journal of its own.

    runs/demo/clients/0/journal.sqlite, 1/…   one writer a file; the run's own journal is read by all and written by none

When all parts are answered, the journals are merged into the run's, and the stage goes through its rows as always: it finds every
answer there, so its rows are those of one process. A run that was killed merges them first.
"""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fanno_hf.engine import work
from fanno_hf.engine.cluster import RETRIES, Cluster, result
from fanno_hf.engine.nodes import on_each_node
from fanno_hf.errors import FannoError, UserError
from fanno_hf.progress_bar import EVERY
from fanno_hf.settings import Settings
from fanno_hf.steps.context import Context
from fanno_hf.teacher.base import Usage
from fanno_hf.teacher.service import Teacher

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

CLIENTS = "clients"


def check_clients(settings: Settings) -> None:
    """Raises UserError where several clients cannot keep a promise."""
    count, limits = settings.engine.clients, settings.budget.model_dump()
    if count > 1 and (given := [name for name, limit in limits.items() if limit is not None]):
        raise UserError(
            f"engine.clients={count}, and budget.{given[0]}={limits[given[0]]}: a budget is counted in one process; give "
            "engine.clients=1, or leave the budget out"
        )
    if count > 1 and settings.journal:
        raise UserError(
            f"engine.clients={count}, and journal={settings.journal}: while several clients read it nobody may write it, and "
            "other runs might; give engine.clients=1, or leave journal out"
        )


def check_nodes_for_clients(run: Path, settings: Settings, cluster: Cluster) -> None:
    """Raises UserError where a client could not work on a node: it does not see the run folder, or has no key."""
    folder, sign = _signed(run)
    try:
        for node, why in on_each_node(
            cluster.ray, "why_no_client", str(folder), sign, work.names_of_keys(settings)
        ).items():
            if why and not isinstance(why, FannoError):  # one that says nothing may yet do so
                raise UserError(f"engine.clients, node {node}: {why}, or give engine.clients=1")
    finally:
        shutil.rmtree(folder)


def _signed(run: Path) -> tuple[Path, str]:
    """Makes the folder of the clients; returns it, and what a file in it says."""
    folder, sign = (run / CLIENTS).resolve(), uuid4().hex
    folder.mkdir(exist_ok=True)
    (folder / work.SIGN).write_text(sign)
    return folder, sign


def absorb_clients(run: Path, teacher: Teacher) -> None:
    """Takes over what clients of this or a killed process have journaled."""
    for journal in sorted(Path(run, CLIENTS).glob("*/journal.sqlite")):
        teacher.absorb(journal)


def ask_in_clients(function: str, rows: "Dataset", run: Path, context: Context, cluster: Cluster) -> None:
    """Asks about all rows, for the journal.

    Args:
        function: "module:name" of what asks about some rows; it gets them and a context.

    Raises FannoError: the first that a client raises, or one was lost again and again.
    """
    ray, count = cluster.ray, min(cluster.settings.clients, len(rows))
    folder, sign = _signed(run)
    context.teacher.settle()
    given = ray.put((json.dumps(context.settings.resolved), context.benchmarks))
    tally = ray.remote(work.Tally).options(num_cpus=0).remote()
    # no core of their own: the embedders may have them all, and who asks waits most of the time
    task = ray.remote(work.ask).options(max_retries=RETRIES, num_cpus=0, scheduling_strategy="SPREAD")
    bounds = [len(rows) * number // count for number in range(count + 1)]
    clients = [
        task.remote(function, given, str(folder), sign, number, rows.with_format("arrow")[start:stop], tally)
        for number, (start, stop) in enumerate(zip(bounds, bounds[1:], strict=False))
    ]
    cluster.tasks.update(clients)
    _wait(ray, clients, tally, function)
    cluster.tasks.difference_update(clients)
    absorb_clients(run, context.teacher)
    for usage, cost in ray.get(clients):
        context.teacher.count_elsewhere(Usage(**usage), cost)
    shutil.rmtree(folder)


def _wait(ray: Any, clients: Sequence[Any], tally: Any, function: str) -> None:
    running, stage = list(clients), function.partition(":")[0].rpartition(".")[2]
    while running:
        done, running = ray.wait(running, num_returns=1, timeout=EVERY)
        for client in done:
            result(ray, client, "a client", "; run the same command again: what was answered is kept")
        if not done:
            said = ray.get(tally.sum.remote())
            logger.info("%s: %s by %d clients", stage, said, len(clients))
