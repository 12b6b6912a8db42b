"""Goodput: simulated service time ÷ (slots × wall time) of one stage of rows through `Dataset.map`, against simulated TGI.

ideal = max(Σ service ÷ slots, longest single request); goodput = ideal ÷ wall time. The peer is plain `Dataset.map` with a
plain AsyncInferenceClient (rows dealt out evenly where there are several servers); it has no answer to faults, so there
is no peer there. `--quick` takes fewer slots and shorter answers and ends within a minute.
"""

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import datasets
from datasets import Dataset
from huggingface_hub import AsyncInferenceClient

from fanno_hf.output.folder import RunFolder
from fanno_hf.steps.asking import ask_rows, outcome
from fanno_hf.teacher.base import Ask, Request
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.service import Teacher
from tests.benchmarks import report
from tests.doubles.tgi import TgiServer

TEXT = "Mosses have no roots: they drink through their leaves, which are one cell thick. " * 19
MAX_TOKENS = 400


@dataclass(frozen=True)
class Size:
    """Slots over all servers, mean seconds a request, rows a slot, and how often it is measured."""

    slots: int
    mean: float
    rows_a_slot: int
    pairs: int

    @property
    def rows(self) -> int:
        return self.slots * self.rows_a_slot


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"{TEXT}\n\nWrite question {number}."}]


def rows(count: int) -> Dataset:
    return Dataset.from_dict({"number": list(range(count))})


async def way(row: dict, ask: Ask) -> dict:
    answer = await ask(Request(messages(row["number"]), MAX_TOKENS))
    return {"completion": answer.text, **outcome("ask", answer.error)}


def ask_all(urls: Sequence[str], count: int, *, journal: Path | None = None, **settings) -> tuple[float, Dataset]:
    """One stage through the pool, service and journal; returns its wall time and the answered rows."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Journal(journal or Path(folder, "journal.sqlite"))
        with closing(Teacher(Pool(list(urls), **{"patience": 60.0, **settings}), kept)) as teacher:
            started = time.perf_counter()
            answered = ask_rows(rows(count), teacher, way, {"completion": "string"}, "ask")
            return time.perf_counter() - started, answered


def ask_plainly(urls: Sequence[str], count: int) -> float:
    """The same rows by `Dataset.map` and AsyncInferenceClient as they come; returns the wall time."""
    clients: dict[str, AsyncInferenceClient] = {}

    async def step(row):
        url = urls[row["number"] % len(urls)]
        if url not in clients:
            clients[url] = AsyncInferenceClient(base_url=f"{url}/v1", api_key="-", timeout=600)
        answer = await clients[url].chat_completion(
            messages(row["number"]), max_tokens=MAX_TOKENS, temperature=0, seed=0
        )
        return {"text": answer.choices[0].message.content}

    started = time.perf_counter()
    rows(count).map(step, new_fingerprint=f"plain-{started}")
    return time.perf_counter() - started


def ideal(servers: Sequence[TgiServer], slots: float, speeds: Sequence[float] | None = None) -> float:
    """Seconds the work would take without a gap, at this capacity in slots of speed 1."""
    stats = [server.stats() for server in servers]
    speeds = speeds or [1.0] * len(stats)
    work = sum(stat["service_seconds"] * speed for stat, speed in zip(stats, speeds, strict=True))
    return max(work / slots, max(stat["longest"] for stat in stats))


def fleet(stack: ExitStack, count: int, slots: int, mean: float, **settings) -> list[TgiServer]:
    """`count` servers that share the slots."""
    share = {
        "slots": slots // count,
        "sigma": SIGMA,
        "max_concurrent_requests": slots // count + WAITING,
        "mean_seconds": mean,
        **settings,
    }
    return [stack.enter_context(TgiServer(**share)) for _ in range(count)]


# the plain client does not try again after a 429, so it gets servers that queue
QUEUES = {"max_concurrent_requests": 1_000_000}
# TGI admits more requests than it has slots for: its own queue hides the way there and back. Of several servers each
# admits two; more would leave the slow one a queue at the end
WAITING = 2
# of the lognormal lengths; with 0.5 the tail alone costs half_speed 0.07, whatever the client does (docs/log.md)
SIGMA = 0.3


def single(size: Size, plain: bool = False, **settings) -> float:
    with ExitStack() as stack:
        settings |= QUEUES if plain else {"max_concurrent_requests": 2 * size.slots}
        servers = fleet(stack, 1, size.slots, size.mean, **settings)
        urls = [server.url for server in servers]
        wall = ask_plainly(urls, size.rows) if plain else ask_all(urls, size.rows)[0]
        return ideal(servers, size.slots) / wall


def half_speed(size: Size, plain: bool = False) -> float:
    with ExitStack() as stack:
        servers = fleet(stack, 4, size.slots, size.mean, **(QUEUES if plain else {}))
        servers[0].faults(speed=0.5)
        urls = [server.url for server in servers]
        wall = ask_plainly(urls, size.rows) if plain else ask_all(urls, size.rows)[0]
        return ideal(servers, size.slots * 3.5 / 4, [0.5, 1.0, 1.0, 1.0]) / wall


def one_dies(size: Size) -> float:
    """Goodput of what is left; fails if a row is lost."""
    with ExitStack() as stack:
        servers = fleet(stack, 4, size.slots, size.mean)
        half = size.rows_a_slot * size.mean / 2
        done: list[float] = []

        def die():
            done.append(servers[0].stats()["service_seconds"])
            done.append(time.perf_counter() - started)
            servers[0].kill()

        started = time.perf_counter()
        timer = threading.Timer(half, die)
        timer.start()
        wall, answered = ask_all([server.url for server in servers], size.rows)
        timer.join()
        assert not any(answered["reason"]), "a row was lost"
        work, died_after = sum(server.stats()["service_seconds"] for server in servers[1:]) + done[0], done[1]
        lost = size.slots / 4
        return ((work + lost * (wall - died_after)) / size.slots) / wall


def all_faults(count: int) -> str:
    """Rows under every fault at once, then healthy servers; returns "equal" or "different" to rows without faults."""
    faults = {"error_share": 0.05, "drop_share": 0.05, "truncate_share": 0.05, "rubbish_share": 0.03}
    faults |= {"hang_share": 0.01, "overload_share": 0.1}
    healthy = dict.fromkeys(faults, 0.0) | {"storm": False, "speed": 1.0}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        calm = fleet(stack, 1, 64, 0.02)
        want = digest(ask_all([calm[0].url], count)[1], folder / "calm")
        servers = fleet(stack, 3, 48, 0.05)
        for server in servers:
            server.faults(**faults)
        servers[1].faults(speed=0.3)
        urls = [server.url for server in servers]

        def trouble():
            for step in (
                lambda: servers[2].faults(storm=True),
                servers[0].kill,
                lambda: servers[2].faults(storm=False),
                servers[0].start_again,
                lambda: [server.faults(**healthy) for server in servers],
            ):
                time.sleep(0.7)
                step()

        thread = threading.Thread(target=trouble)
        thread.start()
        journal = folder / "journal.sqlite"
        ask_all(urls, count, journal=journal, timeout=1.0, retries=3)
        thread.join()
        got = digest(ask_all(urls, count, journal=journal)[1], folder / "after")
    return "equal" if got == want else "different"


def digest(answered: Dataset, folder: Path) -> str:
    """sha256 of the rows as a stage writes them."""
    run = RunFolder(folder)
    try:
        return run.write_rows("seed", answered)
    finally:
        run.close()


def main(quick: bool) -> None:
    datasets.disable_progress_bars()
    asyncio.run(asyncio.sleep(0))  # the first loop is slow to make
    small = Size(16, 0.1, 40, 1)
    size = small if quick else Size(128, 1.0, 40, 1)
    fleets = Size(16, 0.2, 40, 1) if quick else size
    long = Size(16, 0.06 if quick else 0.1, 150, 1 if quick else 3)
    measures: list[tuple[str, Size, Callable[[], float], Callable[[], float] | None, float]] = [
        ("single_40", size, lambda: single(size), lambda: single(size, plain=True), 0.94),
        ("single_150", long, lambda: single(long), None if quick else lambda: single(long, plain=True), 0.97),
        (
            "half_speed",
            fleets,
            lambda: half_speed(fleets),
            None if quick else lambda: half_speed(size, plain=True),
            0.94,
        ),
        ("one_dies", size, lambda: one_dies(size), None, 0.93),
        ("overload_5", size, lambda: single(size, overload_share=0.05), None, 0.92),
    ]
    for name, of, ours, peer, limit in measures:
        report(name, of.rows, ours, peer, limit=limit, unit="of ideal", pairs=of.pairs)
    count = 500 if quick else 2000
    report("all_faults", count, lambda: float(all_faults(count) == "equal"), None, limit=1, unit="same bytes", pairs=1)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
