"""How many schedules a second are tried: `python benchmarks/schedules.py`.

Small programs of three workers, in schedules per CPU second, by strategy, beside `asyncio.run`, which
knows one order. "about 30 steps each" is the target's program: at least 5,000 schedules a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from async_contract.experiments.choosers import Chooser, OwnOrder, Pct, RandomWalk, Surw
from async_contract.experiments.loop import simulate
from async_contract.experiments.schedules import pauses_of, replay

Main = Callable[[], Coroutine[Any, Any, None]]
SECONDS = 1.0
REPEATS = 3


def steps(count: int) -> Main:
    """Three workers with so many steps each."""

    async def worker() -> None:
        for _ in range(count - 1):
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(worker(), worker(), worker())

    return main


async def timers() -> None:
    """Three workers with 30 steps each, and somebody who sleeps, so that time is one of the choices."""
    sleeper = asyncio.create_task(asyncio.sleep(1))
    await steps(30)()
    sleeper.cancel()


async def locks() -> None:
    """Three workers that take a lock ten times each, and sleep for a moment while they have it."""
    lock = asyncio.Lock()

    async def worker() -> None:
        for _ in range(10):
            async with lock:
                await asyncio.sleep(0.001)

    await asyncio.gather(worker(), worker(), worker())


PROGRAMS: tuple[tuple[str, Main], ...] = (
    ("10 steps each", steps(10)),
    ("about 30 steps each", steps(30)),
    ("the same, and a timer", timers),
    ("a lock and sleeps", locks),
)


def rate(try_one: Callable[[int], object]) -> float:
    """How often a call can be made in a CPU second, at best."""
    best = 0.0
    for _ in range(REPEATS):
        made = 0
        began = time.process_time()
        while (spent := time.process_time() - began) < SECONDS / REPEATS:
            for _ in range(50):
                try_one(made)
                made += 1
        best = max(best, made / spent)
    return best


def rates(main: Main) -> dict[str, float]:
    """The rates of one program, by strategy."""
    expected = simulate(main, OwnOrder()).steps
    strategies: dict[str, Callable[[int], Chooser]] = {
        "own order": lambda _: OwnOrder(),
        "random walk": RandomWalk,
        "SURW": lambda seed: Surw(seed, expected),
        "PCT": lambda seed: Pct(seed, sum(expected)),
    }
    found = {
        name: rate(lambda seed, make=make: simulate(main, make(seed)))  # type: ignore[misc]
        for name, make in strategies.items()
    }
    schedule = pauses_of(lambda chooser: simulate(main, chooser), simulate(main, RandomWalk(1)).trace)
    found["replayed"] = 2 * rate(lambda _: replay(lambda chooser: simulate(main, chooser), schedule))
    return found


def main() -> None:
    """Measure and print."""
    print(f"{'schedules a second':24}{'turns':>7}{'asyncio.run':>13}", end="")
    for column, (name, program) in enumerate(PROGRAMS):
        found = rates(program)
        if not column:
            print("".join(f"{each:>13}" for each in found))
        turns = len(simulate(program, OwnOrder()).trace.turns)
        plain = "-" if program is locks else f"{rate(lambda _, program=program: asyncio.run(program())):.0f}"  # type: ignore[misc]
        print(f"{name:24}{turns:>7}{plain:>13}" + "".join(f"{each:>13.0f}" for each in found.values()))


if __name__ == "__main__":
    main()
