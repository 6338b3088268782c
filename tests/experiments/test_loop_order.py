"""The order of things: choice 0 is asyncio's own, and no choice breaks what asyncio guarantees."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from async_contract.experiments.choosers import OwnOrder, RandomWalk
from async_contract.experiments.loop import simulate
from tests.experiments.loop_programs import program


class StockLoop(asyncio.BaseEventLoop):
    """Asyncio's own loop, as it stands, where next to nothing takes time but waiting for a timer."""

    def __init__(self) -> None:
        super().__init__()
        self.set_debug(False)
        self._now = 0.0
        self._late = 0.0
        self._selector = self
        self._clock_resolution = 1e-4

    def time(self) -> float:
        """The time, in seconds."""
        # A reading takes a little while, as in life: of two equal delays the earlier is over first.
        self._now += 1e-11
        return self._now

    def select(self, timeout: float | None) -> list[object]:
        """Wait for the next timer: there is nothing else."""
        assert timeout is not None, "deadlock"
        if timeout:
            # Waking up takes longer, each time a little more: what a program calls the same instant, who
            # asked for it later sees later. All delays here are whole milliseconds.
            self._late += 1e-7
            self._now = round(self._now + timeout, 3) + self._late
        return []

    def _process_events(self, events: list[object]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def test_choice_0_is_asyncios_own_order() -> None:
    """What random programs write down, and when, is the same as on asyncio's own loop."""
    for seed in range(400):
        run = simulate(program(seed), OwnOrder())
        loop = StockLoop()
        expected = loop.run_until_complete(program(seed)())
        loop.close()
        assert run.error is None, seed
        assert run.result == expected, seed


def test_every_schedule_of_a_random_program_comes_to_its_end() -> None:
    """Whatever is chosen, nothing that asyncio offers is thrown out of step."""
    for seed in range(400):
        run = simulate(program(seed), RandomWalk(seed))
        assert (seed, run.error, run.unheard) == (seed, None, ())
        assert any(who == "0" and what == "end" for who, what, _ in run.result)


class Asked:
    """A chooser with an answer for each choice, the last one for the rest; writes down what it was asked."""

    def __init__(self, *picks: int) -> None:
        self._picks = list(picks)
        self.asked: list[tuple[list[int], list[int], int]] = []

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """The next answer, counted from the end if it is negative."""
        self.asked.append((list(ready), list(steps), turn))
        pick = self._picks.pop(0) if len(self._picks) > 1 else self._picks[0]
        return pick % len(ready)


def test_a_chooser_is_told_who_is_ready_what_they_did_and_the_turn() -> None:
    """It is asked where there are several alternatives, and only there."""
    log: list[str] = []

    async def worker(name: str) -> None:
        log.append(name)
        await asyncio.sleep(0)
        log.append(name)

    async def main() -> None:
        tasks = [asyncio.create_task(worker(name)) for name in "ab"]
        await tasks[0]

    chooser = Asked(1)
    run = simulate(main, chooser)

    assert log == ["b", "b", "a", "a"]
    assert chooser.asked == [([1, 2], [1, 0, 0], 1), ([1, 2], [1, 0, 1], 2)]
    assert run.trace == ((0, 2, 2, 1, 1, 0), (1, 1), (2, 2))
    assert run.steps == (2, 2, 2)


def test_who_is_preferred_takes_along_the_callbacks_before() -> None:
    """A task that goes before its turn still goes after the callbacks that were ready before it."""
    log: list[str] = []

    async def worker(name: str) -> None:
        log.append(name)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(worker("a"))]
        loop.call_soon(log.append, "callback")
        tasks.append(asyncio.create_task(worker("b")))
        loop.call_soon(log.append, "another")
        await asyncio.wait(tasks)

    assert simulate(main, Asked(1)).error is None
    assert log == ["callback", "b", "another", "a"]


@pytest.mark.parametrize("pick", [0, -1])
def test_a_task_is_never_early(pick: int) -> None:
    """Who asked for a callback before a task was woken sees it run before."""
    log: list[str] = []

    async def waiter(future: asyncio.Future[None]) -> None:
        await future
        log.append("woken")

    async def other() -> None:
        await asyncio.sleep(0)
        log.append("other")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        tasks = [asyncio.create_task(waiter(future)), asyncio.create_task(other())]
        await asyncio.sleep(0)
        loop.call_soon(log.append, "first")
        future.set_result(None)
        loop.call_soon(log.append, "second")
        await asyncio.wait(tasks)

    run = simulate(main, Asked(0, 0, 0, pick))

    assert run.error is None
    assert log.index("first") < log.index("woken")
    assert log.index("first") < log.index("second")


def test_callbacks_do_not_wait_for_a_task_that_is_late() -> None:
    """Once another was preferred to a task, what became ready after it may go before it."""
    log: list[str] = []

    async def late() -> None:
        log.append("late")

    async def other() -> None:
        asyncio.get_running_loop().call_soon(log.append, "callback")
        await asyncio.sleep(0)
        log.append("other")

    async def main() -> None:
        await asyncio.gather(late(), other())

    assert simulate(main, Asked(1, 1)).error is None
    assert log == ["callback", "other", "late"]


def test_callbacks_may_go_before_a_task_that_is_alone() -> None:
    """Where only one task is ready, the callbacks behind it are an alternative."""
    log: list[str] = []

    async def alone() -> None:
        log.append("alone")

    async def main() -> None:
        task = asyncio.create_task(alone())
        asyncio.get_running_loop().call_soon(log.append, "callback")
        await task

    orders = []
    for pick in (0, 1):
        assert simulate(main, Asked(pick, 0)).error is None
        orders.append(log[:])
        log.clear()

    assert orders == [["alone", "callback"], ["callback", "alone"]]


def test_cancelling_a_task_soon_is_a_callback_and_no_step_of_the_task() -> None:
    """A bound method of a task keeps its place among the callbacks."""
    log: list[str] = []

    async def waiter() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            log.append("cancelled")

    async def main() -> None:
        task = asyncio.create_task(waiter())
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        loop.call_soon(log.append, "before")
        loop.call_soon(task.cancel)
        loop.call_soon(log.append, "after")
        await asyncio.wait([task])

    run = simulate(main, Asked(0, 0, -1))

    assert log == ["before", "after", "cancelled"]
    assert run.steps == (3, 2)


def test_a_task_that_a_future_cancels_has_made_no_step_by_that() -> None:
    """A future calls the method with a context, as it does with the steps of those who wait for it."""

    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(asyncio.sleep(1))
        future.add_done_callback(task.cancel)
        await asyncio.sleep(0)
        future.set_result(None)
        await asyncio.wait([task])

    assert simulate(main, OwnOrder()).steps == (3, 2)


def test_many_timers_of_one_instant_run_in_the_order_of_their_calls() -> None:
    """Equal instants are no tie that a heap may break as it likes."""
    log: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(50):
            loop.call_later(1, log.append, number)
        await asyncio.sleep(1)

    simulate(main, OwnOrder())

    assert log == list(range(50))
