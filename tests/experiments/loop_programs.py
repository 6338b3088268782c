"""Random programs of everything that asyncio offers, which write down what they do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any

Entry = tuple[str, str, float]
"""Who did what, and when."""


class World:
    """What the tasks of a random program share, and what they wrote down."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.lock = asyncio.Lock()
        self.places = asyncio.Semaphore(2)
        self.event = asyncio.Event()
        self.queue: asyncio.Queue[int] = asyncio.Queue(1)
        self.tasks: list[asyncio.Task[None]] = []

    def write(self, who: str, what: str) -> None:
        """Write down who did what, and when."""
        self.log.append((who, what, round(asyncio.get_running_loop().time(), 4)))


Act = Callable[[World, str, Random], Coroutine[Any, Any, None]]


async def _turn(world: World, who: str, random: Random) -> None:
    await asyncio.sleep(0)


async def _sleep(world: World, who: str, random: Random) -> None:
    await asyncio.sleep(random.randrange(4) / 1000)


async def _lock(world: World, who: str, random: Random) -> None:
    async with world.lock:
        world.write(who, "locked")
        await asyncio.sleep(0)


async def _semaphore(world: World, who: str, random: Random) -> None:
    async with world.places:
        await asyncio.sleep(0.001)


async def _event(world: World, who: str, random: Random) -> None:
    if random.random() < 0.5:
        world.event.set()
        world.event.clear()
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.002):
            await world.event.wait()


async def _queue(world: World, who: str, random: Random) -> None:
    move = world.queue.put(1) if random.random() < 0.5 else world.queue.get()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(move, 0.003)


async def _callbacks(world: World, who: str, random: Random) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(world.write, who, "soon")
    loop.call_later(random.randrange(3) / 1000, world.write, who, "later")
    loop.call_at(loop.time() - 1, world.write, who, "at once")
    timer = loop.call_later(0.001, world.write, who, "never")
    loop.call_soon(timer.cancel)


async def _future(world: World, who: str, random: Random) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    future.add_done_callback(lambda _: world.write(who, "done"))
    loop.call_soon(future.set_result, None)
    loop.call_soon(world.write, who, "set")
    await asyncio.shield(future)


async def _children(world: World, who: str, random: Random) -> None:
    acts = [Random(random.random()) for _ in range(2)]
    if who.count(".") == 2:  # or the families would die out too seldom
        return
    if random.random() < 0.5:
        await asyncio.gather(*(_act(world, f"{who}.{n}", each, 2) for n, each in enumerate(acts)))
        return
    async with asyncio.TaskGroup() as group:
        for n, each in enumerate(acts):
            group.create_task(_act(world, f"{who}.{n}", each, 2))


async def _cancel(world: World, who: str, random: Random) -> None:
    if who.count(".") == 2:
        return
    world.tasks.append(asyncio.create_task(_act(world, f"{who}.x", Random(random.random()), 3)))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(world.tasks[random.randrange(len(world.tasks))].cancel)


async def _wait(world: World, who: str, random: Random) -> None:
    tasks = [asyncio.create_task(asyncio.sleep(n / 1000)) for n in range(3)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


ACTS: Sequence[Act] = (
    _turn, _turn, _sleep, _lock, _semaphore, _event, _queue, _callbacks, _future, _children, _cancel, _wait,
)  # fmt: skip


async def _act(world: World, who: str, random: Random, acts: int) -> None:
    for _ in range(random.randrange(1, acts + 1)):
        act = ACTS[random.randrange(len(ACTS))]
        world.write(who, act.__name__)
        await act(world, who, random)
    world.write(who, "end")


def program(seed: int) -> Callable[[], Coroutine[Any, Any, list[Entry]]]:
    """A program of three tasks and what these begin; it comes to an end in every order."""

    async def main() -> list[Entry]:
        random = Random(seed)
        world = World()
        tasks = [asyncio.create_task(_act(world, str(n), Random(random.random()), 5)) for n in range(3)]
        await asyncio.wait(tasks)
        await asyncio.sleep(0.1)  # for what is left of the rest
        return world.log

    return main
