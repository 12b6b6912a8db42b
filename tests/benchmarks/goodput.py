"""Goodput: simulated service time ÷ (slots × wall time) of one stage of rows through `Dataset.map`, against simulated TGI.

ideal = max(Σ service ÷ slots, longest single request); goodput = ideal ÷ wall time. The peer is plain `Dataset.map` with a
plain AsyncInferenceClient (rows dealt out evenly where there are several servers); it has no answer to faults, so there
is no peer there. `--quick` takes fewer slots and shorter answers and ends within a minute.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datasets import Dataset
from huggingface_hub import AsyncInferenceClient

from fanno_hf.output.folder import RunFolder
from fanno_hf.steps.asking import ask_rows, outcome
from fanno_hf.teacher.base import Ask, Request
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.service import Teacher
from tests.benchmarks import once, report, start
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


# TGI admits more requests than it has slots for: its own queue hides the way there and back. Of several servers each
# admits two; more would leave the slow one a queue at the end
WAITING = 2
# of the lognormal lengths; with 0.5 the tail alone costs half_speed 0.07, whatever the client does (docs/log.md)
SIGMA = 0.3


def fleet(stack: ExitStack, count: int, slots: int, mean: float, **settings) -> list[TgiServer]:
    """`count` servers that share the slots."""
    share = {"slots": slots // count, "max_concurrent_requests": slots // count + WAITING}
    share |= {"sigma": SIGMA, "mean_seconds": mean, **settings}
    return [stack.enter_context(TgiServer(**share)) for _ in range(count)]


def goodput(size: Size, count: int, first_speed: float = 1.0, plain: bool = False, **settings) -> float:
    """Of so many servers, the first one as fast as told; `plain` measures the peer."""
    with ExitStack() as stack:
        if plain:  # that client does not try again after a 429, so it gets servers that queue
            settings["max_concurrent_requests"] = 1_000_000
        servers = fleet(stack, count, size.slots, size.mean, **settings)
        servers[0].faults(speed=first_speed)
        urls = [server.url for server in servers]
        wall = ask_plainly(urls, size.rows) if plain else ask_all(urls, size.rows)[0]
        speeds = [first_speed, *[1.0] * (count - 1)]
        return ideal(servers, size.slots * sum(speeds) / count, speeds) / wall


def single(size: Size, **settings) -> float:
    return goodput(size, 1, max_concurrent_requests=2 * size.slots, **settings)


def half_speed(size: Size, **settings) -> float:
    return goodput(size, 4, 0.5, **settings)


def one_dies(size: Size) -> float:
    """Goodput of what is left; fails if a row is lost."""
    with ExitStack() as stack:
        servers = fleet(stack, 4, size.slots, size.mean)
        done, died_after = 0.0, 0.0

        def die():
            nonlocal done, died_after
            done, died_after = servers[0].stats()["service_seconds"], time.perf_counter() - started
            servers[0].kill()

        started = time.perf_counter()
        timer = threading.Timer(size.rows_a_slot * size.mean / 2, die)
        timer.start()
        wall, answered = ask_all([server.url for server in servers], size.rows)
        timer.join()
        assert not any(answered["reason"]), "a row was lost"
        work = done + sum(server.stats()["service_seconds"] for server in servers[1:])
        return ((work + size.slots / 4 * (wall - died_after)) / size.slots) / wall


def all_faults(count: int) -> bool:
    """Whether rows under every fault at once, then of healthy servers, are the same as without faults."""
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
    return got == want


def digest(answered: Dataset, folder: Path) -> str:
    """sha256 of the rows as a stage writes them."""
    with closing(RunFolder(folder)) as run:
        return run.write_rows("seed", answered)


def main(quick: bool) -> None:
    asyncio.run(asyncio.sleep(0))  # the first loop is slow to make
    size = Size(16, 0.1, 40, 1) if quick else Size(128, 1.0, 40, 1)
    fleets = Size(16, 0.2, 40, 1) if quick else size
    long = Size(16, 0.06 if quick else 0.1, 150, 1 if quick else 3)
    measures: list[tuple[str, Size, Callable[..., float], float]] = [
        ("single_40", size, single, 0.94),
        ("single_150", long, single, 0.97),
        ("half_speed", fleets, half_speed, 0.94),
        ("one_dies", size, one_dies, 0.93),
        ("overload_5", size, partial(single, overload_share=0.05), 0.92),
    ]
    peers = {"single_40"} if quick else {"single_40", "single_150", "half_speed"}
    for name, of, how, limit in measures:
        peer = partial(how, of, plain=True) if name in peers else None
        report(name, of.rows, partial(how, of), peer, limit=limit, unit="of ideal", pairs=of.pairs)
    count = 500 if quick else 2000
    once("all_faults", count, float(all_faults(count)), limit=1, unit="same bytes")


if __name__ == "__main__":
    start(main)
