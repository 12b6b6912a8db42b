"""The queue for free slots: nobody gets more than a server takes, and who gives up takes nothing along."""

import asyncio

import pytest

from fanno_hf.teacher.client import ChatClient, Server
from fanno_hf.teacher.endpoint import Endpoint
from fanno_hf.teacher.slots import Slots


def servers(*limits: int) -> list[Endpoint]:
    """Servers in service that take so many requests each."""
    made = [Endpoint(ChatClient(f"http://127.0.0.1:{port}")) for port, _ in enumerate(limits, 1)]
    for endpoint, limit in zip(made, limits, strict=True):
        endpoint.welcome(Server(max_in_flight=limit), None)
    return made


async def waiting(slots: Slots, *urgencies: bool) -> list[asyncio.Task]:
    """Tasks that each want a slot, all of them in the queue."""
    tasks = [asyncio.ensure_future(slots.take(urgent)) for urgent in urgencies]
    await asyncio.sleep(0)
    return tasks


def test_the_least_busy_server_is_next_and_none_gets_more_than_its_cap():
    async def do():
        first, second = servers(4, 2)
        slots = Slots([first, second])
        tasks = await waiting(slots, *[False] * 8)
        return [first.in_flight, second.in_flight], [task.done() for task in tasks]

    assert asyncio.run(do()) == ([4, 2], [True] * 6 + [False] * 2)


def test_who_waits_and_gives_up_leaves_the_queue():
    async def do():
        [server] = servers(1)
        slots = Slots([server])
        first, second, third = await waiting(slots, False, False, False)
        second.cancel()
        server.in_flight -= 1
        slots.hand_out()
        await third
        return second.cancelled(), server.in_flight

    assert asyncio.run(do()) == (True, 1)


def test_who_gives_up_with_a_slot_in_hand_gives_it_to_the_next():
    async def do():
        [server] = servers(1)
        slots = Slots([server])
        first, second, third = await waiting(slots, False, False, False)
        server.in_flight -= 1
        slots.hand_out()
        second.cancel()  # it has the slot and was not woken yet
        await third
        return second.cancelled(), server.in_flight

    assert asyncio.run(do()) == (True, 1)


def test_when_it_is_over_everybody_hears_it_now_and_later():
    async def do():
        slots = Slots(servers(1))
        _, task = await waiting(slots, False, False)
        slots.end(OSError("no server"))
        for late in (task, slots.take(True)):
            with pytest.raises(OSError, match="no server"):
                await late

    asyncio.run(do())
