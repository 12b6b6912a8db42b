"""What a process of Ray does: one task's documents, or the texts it is given. It touches no run folder."""

import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from fanno_hf.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from fanno_hf.settings import Settings
    from fanno_hf.steps.context import Context

SIGN = "sign"
"""A file in the folder of the clients: a node that cannot read it does not see that folder."""
_REPORTED = 5.0  # seconds until a client says how far it is
_MADE: dict[str, "Context"] = {}  # what the tasks of a process share: it is made by the first


def screen_documents(name: str, given: list[Any], documents: "pa.Table") -> tuple["pa.Table", "pa.Table"]:
    """Does `screen_alone` for some documents.

    Args:
        name: of what is given: the same name, the same thing.
        given: a reference to the resolved configuration as JSON, and the benchmarks.
        documents: columns of RAW_DOCUMENT.

    Returns:
        The rows that are kept and those that are rejected.
    """
    from fanno_hf.stages.prescreen import screen_alone
    from fanno_hf.steps.rows import opened

    if name not in _MADE:
        import ray

        _MADE.clear()
        _MADE[name] = _context(*ray.get(given[0]))
    alone = screen_alone(opened(documents), _MADE[name])
    return table_of(alone.kept), table_of(alone.rejected)


def table_of(rows: Any) -> "pa.Table":
    """Returns the rows of a data set as one Arrow table."""
    return rows.with_format("arrow")[:]


def _context(config: str, benchmarks: Any) -> "Context":
    """Returns what `screen_alone` needs: no teacher, no vectors, rows in memory."""
    from fanno_hf.pipeline.services import build
    from fanno_hf.steps.context import Context

    settings = _settings(config)
    return Context(settings, None, None, build("tokenizer", settings.resolved["tokenizer"]), benchmarks=benchmarks)


def compute(function: Callable, *given: Any) -> Any:
    """Returns what a function gives, which has one core."""
    with threadpool_limits(1):
        return function(*given)


class Embedding:
    """A process that embeds; `config` is the group `embedder` as JSON."""

    def __init__(self, config: str):
        from fanno_hf.pipeline.services import build

        self._embedder = build("embedder", json.loads(config))

    def ready(self) -> bool:
        """Answers when the process is there."""
        return True

    def encode(self, texts: list[str]) -> "np.ndarray":
        """Returns float32, shape (len(texts), dimension), rows of unit length."""
        return self._embedder.encode(texts)


class Tally:
    """What the clients have done so far, for the log."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[int, int]] = {}

    def put(self, client: int, answered: int, in_flight: int) -> None:
        """Notes the requests of a client."""
        self._of[client] = answered, in_flight

    def sum(self) -> str:
        """Returns the requests of all, in words."""
        answered, in_flight = (sum(counts) for counts in zip(*self._of.values(), strict=True)) if self._of else (0, 0)
        return f"{answered:,} requests answered, {in_flight:,} in flight"


def ask(
    function: str, given: tuple[str, Any], folder: str, sign: str, client: int, rows: "pa.Table", tally: Any
) -> tuple[dict[str, Any], float]:
    """Asks about some rows, for the journal of a client.

    Args:
        function: "module:name" of what asks; it gets the rows and a context.
        given: the resolved configuration as JSON, and the benchmarks.
        folder: of the clients, within that of the run.
        sign: what a file there says.

    Returns:
        The usage, and what the tokens cost.
    """
    from fanno_hf.pipeline.plan import load
    from fanno_hf.pipeline.services import services
    from fanno_hf.steps.rows import opened

    settings, own = _settings(given[0]), Path(folder, str(client))
    if why := why_no_client(folder, sign, names_of_keys(settings)):  # a node that has come since the others were asked
        raise UserError(f"engine.clients, node {socket.gethostname()}: {why}, or give engine.clients=1")
    own.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        services(settings, own, Path(scratch), Path(folder).parent / "journal.sqlite") as context,
        _reporting(context.teacher, tally, client),
    ):
        load(function)(opened(rows), replace(context, benchmarks=given[1]))
        return asdict(context.teacher.take_usage()), context.teacher.costs.tokens


def why_no_client(folder: str, sign: str, keys: Mapping[str, str]) -> str:
    """Returns in words why a client cannot work on this node; "" where it can.

    Args:
        folder, sign: of the clients, and what a file there says.
        keys: names of environment variables, by the settings that name them.
    """
    file = Path(folder, SIGN)
    if not file.is_file() or file.read_text() != sign:
        return f"it does not see {file.parent.parent}: put the run folder where all nodes see it"
    missing = next((f"{setting}={name}" for setting, name in keys.items() if not os.environ.get(name)), None)
    return f"{missing} is not set there, and keys do not travel: set it before `ray start`" if missing else ""


def names_of_keys(settings: "Settings") -> dict[str, str]:
    """Returns the environment variables that a client takes keys from, by the settings that name them."""
    named = {
        f"{group}.api_key_env": settings.resolved[group].get("api_key_env")
        for group in ("teacher", "judge", "embedder")
    }
    return {setting: name for setting, name in named.items() if name}


@contextmanager
def _reporting(teacher: Any, tally: Any, client: int) -> Iterator[None]:
    over = threading.Event()

    def report() -> None:
        while not over.wait(_REPORTED):
            tally.put.remote(client, teacher.usage.requests, teacher.in_flight)

    threading.Thread(target=report, name="report", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _settings(config: str) -> "Settings":
    """Returns the settings of a process: it has one core, and its neighbours have the others. The run looks at all verdicts
    when every part is answered, so none stops for those of its own."""
    from fanno_hf.settings import Settings

    resolved = json.loads(config)
    for stage in resolved["stages"].values():
        if "undecided_limit" in stage:
            stage["undecided_limit"] = 1.0
    return Settings.of({**resolved, "processes": 1, "threads": 1})


def ours() -> dict[str, str]:
    """Returns the version of fanno_hf here."""
    from fanno_hf import __version__
    from fanno_hf.pipeline.versions import source_digest

    return {"fanno_hf": f"{__version__} ({source_digest()})"}


def describe(sign: str, embedder: str) -> dict[str, Any]:
    """Returns what `stage=doctor` wants to know of a node: versions, what the embedder lacks, whether it sees a file.

    Args:
        sign: a file.
        embedder: its group of the configuration as JSON.
    """
    import platform

    from fanno_hf.pipeline.services import build
    from fanno_hf.pipeline.versions import versions

    try:
        build("embedder", json.loads(embedder)).check_installed()
        lacks = None
    except UserError as error:
        lacks = str(error)
    return {
        "versions": {"Python": platform.python_version(), **ours(), **versions()},
        "embedder": lacks,
        "sees": Path(sign).exists(),
    }
