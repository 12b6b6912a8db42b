"""CPU of the client: for one request against bare aiohttp doing the same, and requests a second that one process sends.

`--quick` takes fewer requests.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import aiohttp
from huggingface_hub import AsyncInferenceClient

from fanno_hf.teacher.base import Request
from fanno_hf.teacher.pool import Pool
from tests.benchmarks import report, start
from tests.benchmarks.goodput import MAX_TOKENS, ask_all, messages
from tests.doubles.tgi import TgiServer

IN_FLIGHT = 128


async def drive(send: Callable[[int], Awaitable[str]], count: int) -> tuple[float, list[str]]:
    """CPU milliseconds a request with 128 in flight, and the texts."""
    texts = [""] * count
    numbers = iter(range(count))

    async def lane():
        for number in numbers:
            texts[number] = await send(number)

    started = time.process_time()
    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
    return (time.process_time() - started) / count * 1000, texts


async def bare(url: str, count: int) -> tuple[float, list[str]]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send(number: int) -> str:
            body = {
                "model": "tgi",
                "messages": messages(number),
                "max_tokens": MAX_TOKENS,
                "temperature": 0,
                "seed": 0,
            }
            asked = session.post(f"{url}/v1/chat/completions", json=body, headers={"Authorization": "Bearer -"})
            async with asked as answer:
                return json.loads(await answer.read())["choices"][0]["message"]["content"]

        return await drive(send, count)


async def pooled(url: str, count: int) -> tuple[float, list[str]]:
    pool = Pool(url)
    await pool.open()

    async def send(number: int) -> str:
        return (await pool.complete(Request(messages(number), MAX_TOKENS))).text

    try:
        return await drive(send, count)
    finally:
        await pool.close()


async def plain(url: str, count: int) -> tuple[float, list[str]]:
    async with AsyncInferenceClient(base_url=f"{url}/v1", api_key="-", timeout=600) as client:

        async def send(number: int) -> str:
            answer = await client.chat_completion(messages(number), max_tokens=MAX_TOKENS, temperature=0, seed=0)
            return answer.choices[0].message.content

        return await drive(send, count)


def main(quick: bool) -> None:
    count, pairs = (400, 3) if quick else (4_000, 5)
    with TgiServer(slots=IN_FLIGHT, max_concurrent_requests=2 * IN_FLIGHT, mean_seconds=0.25) as server:
        run = lambda how: asyncio.run(how(server.url, count))  # noqa: E731
        same = {"unit": "ms", "pairs": pairs, "equal": run(pooled)[1] == run(bare)[1]}
        report("cpu_per_request", count, lambda: run(pooled)[0], lambda: run(bare)[0], limit=2.5, **same)
        if not quick:
            report("cpu_per_request_plain_client", count, lambda: run(plain)[0], lambda: run(bare)[0], **same)
    with TgiServer(slots=1024, max_concurrent_requests=1024) as server:
        rate = lambda: count / ask_all([server.url], count, concurrency=IN_FLIGHT)[0]  # noqa: E731
        report("instant_rps", count, rate, limit=1_000, unit="requests/s", pairs=pairs)


if __name__ == "__main__":
    start(main)
