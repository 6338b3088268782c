"""What programs find on a simulated loop: all of asyncio that stays on the loop, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from async_contract.experiments.choosers import OwnOrder, RandomWalk
from async_contract.experiments.loop import Run, SimulatedLoop, simulate
from async_contract.experiments.ready import NEVER
from async_contract.harness.sandbox import Sandbox

Main = Callable[[], Coroutine[Any, Any, Any]]
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="outside")


def own(main: Main) -> Run:
    """Simulate a program in asyncio's own order."""
    return simulate(main, OwnOrder())


async def _task_group() -> object:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(1, n)) for n in range(3)]
    return [task.result() for task in tasks]


async def _task_group_error() -> object:
    async def fail() -> None:
        raise LookupError("no")

    async def group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.sleep(1000))

    with pytest.raises(ExceptionGroup) as caught:
        await group()
    return repr(caught.value.exceptions)


async def _timeout() -> object:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await asyncio.Event().wait()
    return asyncio.get_running_loop().time() >= 2


async def _wait_for() -> object:
    first = await asyncio.wait_for(asyncio.sleep(1, "in time"), 1.5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.sleep(2), 1.5)
    return first, asyncio.get_running_loop().time()


async def _lock() -> object:
    lock = asyncio.Lock()
    inside = most = 0

    async def worker() -> None:
        nonlocal inside, most
        async with lock:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(worker() for _ in range(4)))
    return most


async def _event_and_condition() -> object:
    event, condition = asyncio.Event(), asyncio.Condition()

    async def waiter() -> str:
        await event.wait()
        async with condition:
            condition.notify_all()
        return "woken"

    async with condition:
        task = asyncio.create_task(waiter())
        event.set()
        await condition.wait()
    return await task


async def _queue() -> object:
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def produce() -> None:
        for number in range(5):
            await queue.put(number)

    task = asyncio.create_task(produce())
    taken = [await queue.get() for _ in range(5)]
    await task
    return taken


async def _gather_and_shield() -> object:
    inner = asyncio.create_task(asyncio.sleep(3, "inner"))
    outer = asyncio.ensure_future(asyncio.shield(inner))
    asyncio.get_running_loop().call_soon(outer.cancel)
    cancelled, result = await asyncio.gather(outer, inner, return_exceptions=True)
    return type(cancelled), result


async def _async_generator() -> object:
    closed = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(10):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async for number in numbers():
        if number == 2:
            break
    await asyncio.sleep(1)
    return number, closed


async def _context() -> object:
    async def child() -> str:
        seen = VARIABLE.get()
        VARIABLE.set("child's")
        await asyncio.sleep(0)
        return f"{seen} {VARIABLE.get()}"

    VARIABLE.set("main's")
    return [await asyncio.gather(child(), child()), VARIABLE.get()]


async def _past_and_cancelled_timers() -> object:
    loop = asyncio.get_running_loop()
    log: list[object] = []
    loop.call_later(5, log.append, "never").cancel()
    loop.call_at(loop.time() - 3, log.append, "at once")
    loop.call_later(1, log.append, "later")
    loop.call_soon(log.append, "not at all").cancel()
    await asyncio.sleep(2)
    return log, loop.time()


async def _executor() -> object:
    def work(number: int) -> tuple[int, str]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return number * 2, VARIABLE.get()

    VARIABLE.set("main's")
    loop = asyncio.get_running_loop()
    results = [await loop.run_in_executor(None, work, 1), await asyncio.to_thread(work, 2)]
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 / 0)
    return results, asyncio.get_running_loop() is loop


UNTIMED: list[tuple[Main, object]] = [
    (_task_group, [0, 1, 2]),
    (_task_group_error, "(LookupError('no'),)"),
    (_timeout, True),
    (_lock, 1),
    (_event_and_condition, "woken"),
    (_queue, [0, 1, 2, 3, 4]),
    (_gather_and_shield, (asyncio.CancelledError, "inner")),
    (_context, [["main's child's", "main's child's"], "main's"]),
    (_executor, ([(2, "main's"), (4, "main's")], True)),
]
TIMED: list[tuple[Main, object]] = [
    (_wait_for, ("in time", 2.5)),
    (_async_generator, (2, [True])),
    (_past_and_cancelled_timers, (["at once", "later"], 2.0)),
]


def _name(each: object) -> str:
    return getattr(each, "__name__", "")


@pytest.mark.parametrize(("main", "expected"), UNTIMED + TIMED, ids=_name)
def test_what_asyncio_offers_works_as_ever(main: Main, expected: object) -> None:
    """In asyncio's own order a program has the result that it always has."""
    run = own(main)

    assert (run.result, run.error, run.unheard) == (expected, None, ())


@pytest.mark.parametrize(("main", "expected"), UNTIMED, ids=_name)
def test_what_is_correct_is_so_in_every_order(main: Main, expected: object) -> None:
    """A program that depends on nobody being fast has the same result in thirty orders."""
    runs = [simulate(main, RandomWalk(seed)) for seed in range(30)]

    assert [(run.result, run.error, run.unheard) for run in runs] == [(expected, None, ())] * 30


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks")
def test_eager_tasks_are_numbered_and_may_be_late() -> None:
    """A task that is begun at once counts its resumptions, and is known when it waits."""

    async def child(name: str) -> str:
        await asyncio.sleep(0)
        return name

    async def waiter() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> list[str]:
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        asyncio.create_task(waiter())  # noqa: RUF006 - nobody but the loop knows of it
        return list(await asyncio.gather(child("a"), child("b")))

    runs = [own(main), *(simulate(main, RandomWalk(seed)) for seed in range(10))]

    assert [(run.result, run.error, run.steps) for run in runs] == [(["a", "b"], None, (2, 0, 1, 1))] * 11


def test_a_function_for_an_executor_is_one_more_task() -> None:
    """It has one step, which may come before or after those of others."""
    log: list[str] = []

    async def other() -> None:
        log.append("other")

    async def main() -> None:
        task = asyncio.create_task(other())
        await asyncio.to_thread(log.append, "function")
        await task

    assert own(main).steps == (2, 1, 1)
    assert log == ["other", "function"]
    log.clear()
    for seed in range(10):
        simulate(main, RandomWalk(seed))

    assert {tuple(log[n : n + 2]) for n in range(0, 20, 2)} == {("other", "function"), ("function", "other")}


def test_the_time_of_a_sandbox_is_that_of_the_loop(tmp_path: Path) -> None:
    """Its sleep is a timer, its clock shows when the loop has come there, and it may be advanced by hand."""
    sandbox = Sandbox("ac_test", tmp_path, virtual=True)
    log: list[tuple[str, float]] = []

    async def sleeper() -> None:
        await sandbox.sleep(5)
        log.append(("slept", sandbox.clock()))

    async def main() -> float:
        task = asyncio.create_task(sleeper())
        await asyncio.sleep(2)
        log.append(("between", sandbox.clock()))
        sandbox.advance(10)
        await task
        return asyncio.get_running_loop().time()

    run = simulate(main, OwnOrder(), clock=sandbox)

    assert log == [("between", 1002.0), ("slept", 1012.0)]
    assert (run.result, sandbox.now_ns()) == (1012.0, 1_012_000_000_000)


def test_time_passes_when_the_chooser_says_so() -> None:
    """A timer can strike while tasks are ready, and both of these are asked for."""

    async def main() -> list[str]:
        log: list[str] = []

        async def steady() -> None:
            for _ in range(3):
                log.append("step")
                await asyncio.sleep(0)

        task = asyncio.create_task(steady())
        asyncio.get_running_loop().call_later(60, log.append, "timer")
        await task
        return log

    results = {tuple(simulate(main, RandomWalk(seed)).result) for seed in range(50)}

    assert own(main).result == ["step", "step", "step"]
    assert ("timer", "step", "step", "step") in results
    assert ("step", "timer", "step", "step") in results


@pytest.mark.parametrize("seconds", [0.1234567891, 1e-10, 3.3])
def test_who_sleeps_until_an_instant_arrives(seconds: float) -> None:
    """After a sleep the loop shows at least the instant that was slept for."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        sleeps = 0
        while loop.time() < until:
            await asyncio.sleep(until - loop.time())
            sleeps += 1
        return sleeps

    assert own(main).result == 1


@pytest.mark.parametrize("seconds", [math.inf, NEVER])
def test_a_timer_thirty_years_away_means_never(seconds: float) -> None:
    """Who sleeps so long waits as if for nothing, and time does not jump there."""

    async def main() -> float:
        task = asyncio.create_task(asyncio.sleep(seconds))
        await asyncio.sleep(1)
        task.cancel()
        return asyncio.get_running_loop().time()

    assert simulate(main, RandomWalk(1)).result == 1.0


def test_a_timer_that_was_cancelled_is_nothing_to_wait_for() -> None:
    """Nobody is asked whether time is to pass up to it."""

    async def main() -> float:
        asyncio.get_running_loop().call_later(1, int).cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    run = simulate(main, RandomWalk(1))

    assert (run.result, run.trace) == (0.0, ((0, 0, 0, 0), (), ()))


def test_errors_that_nobody_hears_of_are_kept() -> None:
    """What asyncio would log of callbacks and tasks is in the run, and nothing else is."""

    async def fail() -> None:
        raise LookupError("task")

    def broken() -> None:
        raise LookupError("callback")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(broken)
        task = asyncio.create_task(fail())
        await asyncio.gather(fail(), return_exceptions=True)
        del task
        loop.call_exception_handler({"message": "a word"})

    unheard = own(main).unheard

    assert unheard[0].startswith("Exception in callback test_errors_that_nobody_hears_of_are_kept")
    assert unheard[0].endswith(": LookupError('callback')")
    assert unheard[1:] == ("a word: None", "task 1 failed, and nobody awaited it: LookupError('task')")


def test_debug_mode_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is not in it, even where asyncio would be."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")

    async def main() -> bool:
        return asyncio.get_running_loop().get_debug()

    assert own(main).result is False


def test_only_simulate_runs_the_loop() -> None:
    """A simulated loop that is run in another way says how it is run."""
    loop = SimulatedLoop(OwnOrder())
    with pytest.raises(RuntimeError) as caught:
        loop.run_forever()
    loop.close()

    assert str(caught.value) == "a simulated loop can't be run so; write simulate(main, chooser)"
