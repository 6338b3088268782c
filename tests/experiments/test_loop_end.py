"""How runs end: with what error, and with nothing left of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Coroutine, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from async_contract.experiments.choosers import OwnOrder, RandomWalk
from async_contract.experiments.loop import Run, simulate
from async_contract.experiments.stuck import Deadlock, Livelock, Unstoppable

HERE = Path(__file__)


def line_of(source: str) -> int:
    """The number of the line in this file that ends so."""
    lines = HERE.read_text().splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if line.endswith(source))
    return number


@pytest.fixture(autouse=True)
def _nothing_is_left(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """After each of these tests: no warning, no log record, no running loop and no hook of its own."""
    hooks = sys.get_asyncgen_hooks()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        gc.collect()
    assert sys.get_asyncgen_hooks() == hooks
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
    assert asyncio._get_running_loop() is None


def test_a_deadlock_names_the_tasks_and_where_they_wait() -> None:
    """Asyncio's own lines are passed over: the line that waits for a lock is the store's."""

    async def worker(lock: asyncio.Lock) -> None:
        await lock.acquire()  # once
        await lock.acquire()  # and again, in vain

    async def main() -> None:
        lock = asyncio.Lock()
        first = asyncio.create_task(worker(lock), name="worker-1")
        await asyncio.gather(first, worker(lock))

    error = simulate(main, OwnOrder()).error

    assert isinstance(error, Deadlock)
    gather = "await asyncio.gather(first, worker(lock))"
    assert str(error) == (
        "nothing is ready, no timer waits, and the program has not ended; release what these wait for, or "
        f"give each wait a time limit: task 0 at {HERE}:{line_of(gather)} in main: {gather}; "
        f"task 1 (worker-1) at {HERE}:{line_of('lock.acquire()  # and again, in vain')} in worker: "
        "await lock.acquire()  # and again, in vain; "
        f"task 2 at {HERE}:{line_of('lock.acquire()  # once')} in worker: await lock.acquire()  # once"
    )


class Awaiting:
    """An awaitable that is no coroutine."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from asyncio.get_running_loop().create_future()  # by a generator


class Odd(Coroutine[Any, Any, None]):
    """A coroutine that shows no frame."""

    def send(self, value: object) -> object:
        """Wait."""
        return asyncio.get_running_loop().create_future().__await__().__next__()

    def throw(self, *error: Any) -> object:
        """Fail."""
        raise error[0]

    def close(self) -> None:
        """Do nothing."""

    def __await__(self) -> Generator[Any, Any, None]:
        raise NotImplementedError


def test_a_deadlock_finds_its_way_through_whatever_is_awaited() -> None:
    """Generators are followed, what is all asyncio's own is shown as it is, what can't be seen is said."""

    async def generated() -> None:
        await Awaiting()

    async def main() -> None:
        tasks = [asyncio.create_task(each) for each in (generated(), Odd(), asyncio.Event().wait())]
        await asyncio.wait(tasks)  # for ever

    message = str(simulate(main, OwnOrder()).error)

    assert f"; task 1 at {HERE}:{line_of('create_future()  # by a generator')} in __await__: " in message
    assert "; task 2 at an unknown place; task 3 at " in message
    assert message.split("task 3 at ")[1].partition(":")[0].endswith("locks.py")


def test_a_deadlock_of_many_tasks_names_the_first() -> None:
    """After eight tasks the rest are counted."""

    async def main() -> None:
        await asyncio.gather(*(asyncio.Event().wait() for _ in range(20)))

    message = str(simulate(main, OwnOrder()).error)

    assert "; task 7 at " in message
    assert "task 8" not in message
    assert message.endswith("; and 13 more")


def test_a_livelock_says_who_went_round() -> None:
    """A program that takes too many steps is stopped, with the steps of each task and their lines."""

    async def poll() -> None:
        while True:  # noqa: ASYNC110 - that is what it is about
            await asyncio.sleep(0)  # for something

    async def main() -> None:
        await asyncio.create_task(poll())

    run = simulate(main, OwnOrder(), max_steps=1000)

    assert isinstance(run.error, Livelock)
    assert str(run.error).startswith(
        "the program has not ended after 1000 steps and callbacks (task 0: 1, task 1: 999); "
        f"let none of these go round for ever: task 0 at {HERE}:"
    )
    assert str(run.error).endswith(
        f"; task 1 at {HERE}:{line_of('sleep(0)  # for something')} in poll: "
        "await asyncio.sleep(0)  # for something"
    )
    assert (run.steps, len(run.trace.turns)) == ((1, 999), 1000)


def test_callbacks_and_timers_that_go_round_are_a_livelock_too() -> None:
    """Steps of tasks are not all that is counted."""

    async def soon() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_soon(again)

        again()
        await loop.create_future()

    async def later() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_later(1, again)

        again()
        await loop.create_future()

    assert [type(simulate(main, OwnOrder()).error) for main in (soon, later)] == [Livelock, Livelock]


def test_what_the_program_raises_is_the_error() -> None:
    """The error of the main coroutine is in the run, with the choices up to there."""

    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError("gone")

    run = simulate(main, OwnOrder())

    assert (run.result, repr(run.error), run.trace.turns) == (None, "LookupError('gone')", (0, 0))


def test_a_main_task_that_is_cancelled_is_an_error() -> None:
    """A program that cancels its own main task has no result."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    run = simulate(main, OwnOrder())

    assert repr(run.error) == "CancelledError('the main task was cancelled')"


class Stop(BaseException):
    """Ends the program, not only a task."""


class Stopping:
    """A chooser that has enough."""

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """Raise."""
        raise Stop


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_passes_through(error: type[BaseException]) -> None:
    """An error that is no `Exception` is not a result of the run; its tasks are ended all the same."""
    log: list[str] = []

    async def other() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.sleep(1)
            log.append("ended")

    async def main() -> None:
        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        del task
        raise error

    with pytest.raises(error):
        simulate(main, OwnOrder())
    assert log == ["ended"]


def test_what_the_chooser_raises_passes_through() -> None:
    """A chooser can end a run."""

    async def main() -> None:
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

    with pytest.raises(Stop):
        simulate(main, Stopping())


def test_tasks_that_are_left_are_cancelled_and_may_clean_up() -> None:
    """When the main coroutine has ended the rest ends too, whatever state it is in."""
    log: list[str] = []

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(5)
            log.append("waiting")

    async def swallowing() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(3)
            except asyncio.CancelledError:
                log.append("swallowing")

    async def given(call: Coroutine[Any, Any, None]) -> None:
        await call

    async def failing() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            raise LookupError("at the end")

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            log.append("generator")

    async def main() -> str:
        generator = numbers()
        await anext(generator)
        tasks = [asyncio.create_task(each) for each in (waiting(), swallowing(), failing())]
        await asyncio.sleep(1)
        tasks.append(asyncio.create_task(given(asyncio.sleep(1))))
        kept.append(generator)
        return "done"

    kept: list[object] = []
    run = simulate(main, OwnOrder())

    assert (run.result, run.error, run.steps) == ("done", None, (2, 1, 1, 1, 0))
    assert sorted(log) == ["generator", "swallowing", "waiting"]


def test_nobody_is_told_of_errors_after_the_end() -> None:
    """A handler of the program's own hears of what happens in the run, and of nothing later."""
    told: list[str] = []

    async def fail(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        finally:
            raise LookupError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["message"]))
        loop.call_exception_handler({"message": "in the run"})
        tasks = [asyncio.create_task(fail(seconds)) for seconds in (0, 5)]
        await asyncio.sleep(1)
        del tasks

    simulate(main, OwnOrder())
    gc.collect()

    assert told == ["in the run"]


def _undying(kind: type[BaseException]) -> Run:
    async def undying() -> None:
        while True:
            with contextlib.suppress(kind):
                await asyncio.sleep(1)  # and again

    async def main() -> str:
        task = asyncio.create_task(undying())
        await asyncio.sleep(0)
        del task
        return "done"

    return simulate(main, OwnOrder())


@pytest.mark.parametrize("kind", [asyncio.CancelledError, BaseException])
def test_a_task_that_can_not_be_stopped_is_an_error(kind: type[BaseException]) -> None:
    """It is named, and nobody is warned of it, even if it does not end when it is closed."""
    run = _undying(kind)

    assert isinstance(run.error, Unstoppable)
    assert str(run.error) == (
        "a task has to end when it is cancelled; cancelled 10 times, these go on: "
        f"task 1 at {HERE}:{line_of('sleep(1)  # and again')} in undying: await asyncio.sleep(1)  # and again"
    )


def test_a_task_that_can_not_be_stopped_does_not_hold_up_the_process() -> None:
    """At the end of the process nobody tries to close it once more."""
    code = "import test_loop_end; test_loop_end._undying(BaseException)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=HERE.parent,
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_run_is_not_begun_on_a_running_loop() -> None:
    """It is said what to do instead, and the main coroutine is not made."""

    async def main() -> None:
        simulate(lambda: pytest.fail("made"), OwnOrder())

    with pytest.raises(RuntimeError) as caught:
        asyncio.run(main())

    assert str(caught.value) == (
        "simulate() has an event loop of its own, and one is running here; call it from a plain function"
    )


def test_the_collector_does_not_strike_during_a_run() -> None:
    """What it ends, and when, would depend on earlier runs; afterwards it is as it was."""

    async def main() -> bool:
        return gc.isenabled()

    assert (simulate(main, OwnOrder()).result, gc.isenabled()) == (False, True)


def test_a_run_leaves_no_garbage() -> None:
    """Nothing waits for the collector: it would take most of the time of a hundred thousand runs."""

    async def main() -> None:
        lock = asyncio.Lock()

        async def worker() -> None:
            with contextlib.suppress(TimeoutError):
                async with lock, asyncio.timeout(3):
                    await asyncio.sleep(1)

        async def failing() -> None:
            raise LookupError

        workers = [asyncio.create_task(worker()) for _ in range(3)]
        asyncio.get_running_loop().call_soon(workers[0].cancel)
        await asyncio.gather(*workers, failing(), return_exceptions=True)

    gc.collect()
    gc.disable()
    try:
        for seed in range(20):
            assert simulate(main, RandomWalk(seed)).error is None
        assert gc.collect() == 0
        assert not gc.isenabled()
    finally:
        gc.enable()
