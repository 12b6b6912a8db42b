"""Event loops where this thread may have one that runs already, as a cell of a notebook does: nothing else can run in it.

run_apart(examine())        ->  what the coroutine returns, from a loop of its own
call_apart(lambda: rows.map(step))      the same for a function that takes the loop of its thread, as `Dataset.map` does
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def call_apart(function: Callable[[], T]) -> T:
    """Calls a function, in a thread of its own if a loop runs in this one. A caller who is stopped does not wait for it."""
    if not _has_running_loop():
        return function()
    executor = ThreadPoolExecutor(1, thread_name_prefix="apart")
    try:
        return executor.submit(function).result()
    finally:
        executor.shutdown(wait=False)


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in a loop of its own; where the caller is stopped, so is the coroutine."""
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task]] = []

    async def noted() -> T:
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await coroutine

    try:
        return call_apart(lambda: asyncio.run(noted()))
    except BaseException:
        for loop, task in running:
            if not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)
        raise


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
