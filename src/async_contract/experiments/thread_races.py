"""Workers that race in threads, for stores of plain functions that can't be stepped through.

They meet at a barrier, begin their calls together, and now and then one of them is late at a line of the
store. Python does the rest, so nothing of this can be repeated exactly; but a history that breaks a clause is
a proof. All its instants are those of the event loop: before a thread was told, and after it had answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from asyncio import Future
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from queue import SimpleQueue
from random import Random
from typing import Any, NamedTuple

from async_contract.experiments.bench import Bench, Settings, Worker, opened
from async_contract.experiments.hands import without_loop
from async_contract.experiments.processes.boundaries import Boundaries
from async_contract.experiments.programs import Player, Program, Step
from async_contract.experiments.races import Races
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.history.recorder import Recorder

WAY = "thread-races"
"""What this way of carrying out a program is called."""

_PAUSES = (0.0005, 0.002, 0.005)
"""Seconds by which a worker is late."""

_LINES = 25
"""A worker is late at one of so many lines of a call, if it has so many."""

_SWITCH = 1e-5
"""Seconds after which Python lets another thread go on."""

_MEET = 1.0
"""Seconds after which a thread does not wait any longer for the others to begin with it."""


class _Call(NamedTuple):
    loop: asyncio.AbstractEventLoop
    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Lane:
    """A thread that makes the calls of one worker, in real time.

    Attributes:
        is_lost: Whether a call was given up in it, so that it may never make another one.
    """

    def __init__(self) -> None:
        self.is_lost = False
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="async-contract-lane", daemon=True)
        self._thread.start()

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in this thread, and wait for what comes of it."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._calls.put(_Call(loop, future, function, arguments))
        try:
            return await future
        except asyncio.CancelledError:
            self.is_lost = True
            raise

    def end(self) -> None:
        """Let the thread end; one that hangs is left behind."""
        self._calls.put(None)
        self._thread.join(None if not self.is_lost else 0)

    def _live(self) -> None:
        while call := self._calls.get():
            try:
                result, error = call.function(*call.arguments), None
            except BaseException as raised:  # noqa: BLE001 - it is raised where the call was made
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # nobody waits for it any more, not even the loop
                call.loop.call_soon_threadsafe(_settle, call.future, result, error)
            del call, result, error


def _settle(future: Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # which no future takes
        future.set_exception(RuntimeError(f"StopIteration: {error}"))
    else:
        future.set_exception(error)


class Lanes:
    """The threads of all workers of one race.

    Args:
        workers: How many.
        sandbox: Where it takes place.
        random: Says who is late where.

    Attributes:
        racing: Whether they race now.
    """

    def __init__(self, workers: int, sandbox: Sandbox, random: Random) -> None:
        self.racing = False
        self._barriers: dict[int, threading.Barrier] = {}
        self._lanes = {number: Lane() for number in range(1, workers + 1)}
        self._sandbox = sandbox
        self._random = random
        self._hesitates = random.random() < 0.7

    def meet(self, numbers: Sequence[int]) -> None:
        """Have each of these workers wait for the others before its next call."""
        self._barriers = dict.fromkeys(numbers, threading.Barrier(max(len(numbers), 1)))

    async def conduct(self, number: int, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Do something around the calls in the thread of a worker."""
        lane = self._lanes[number]
        if lane.is_lost:
            coroutine.close()
            return None
        return await lane.call(without_loop, coroutine)

    async def call(self, number: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call the store in the thread of a worker, together with the others, and late somewhere."""
        barrier, late = self._barriers.pop(number, None), None
        if self.racing and self._hesitates:
            late = self._random.randint(1, _LINES), self._random.choice(_PAUSES)
        result = await self._lanes[number].call(self._called, barrier, late, function, arguments)
        return await result if hasattr(result, "__await__") else result

    def _called(
        self,
        barrier: threading.Barrier | None,
        late: tuple[int, float] | None,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
    ) -> Any:
        if barrier is not None:
            with contextlib.suppress(threading.BrokenBarrierError):  # somebody is late for his own reasons
                barrier.wait(_MEET)
        if late is None:
            return function(*arguments)
        line, pause = late
        store = getattr(function, "__self__", arguments[0])
        with Boundaries(store, line, self._sandbox, end=partial(time.sleep, pause)):
            return function(*arguments)

    def end(self) -> None:
        """End every thread that can be ended."""
        for each in self._lanes.values():
            each.end()


_LANE: ContextVar[int] = ContextVar("_LANE", default=1)  # the number of the present worker


class _LaneRecorder(Recorder):
    """Calls the store in the thread of the present worker."""

    lanes: Lanes
    _begins_itself = False

    def _begin(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        return self.lanes.call(_LANE.get(), function, arguments)


class LaneBench(Bench):
    """A bench whose workers have a thread each, in which their connections are opened and closed."""

    records_with = _LaneRecorder
    recorder: _LaneRecorder

    def __init__(self, lanes: Lanes, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> None:
        super().__init__(harness, sandbox, settings)
        self._lanes = lanes
        self.recorder.lanes = lanes

    async def conduct(self, coroutine: Coroutine[Any, Any, Any], number: int = 1) -> Any:
        """Do something around the calls in the thread of a worker."""
        return await self._lanes.conduct(number, coroutine)


@contextlib.contextmanager
def _switching() -> Iterator[None]:
    """Have Python change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class ThreadRaces(Races):
    """Plays programs whose workers have a thread each, in real time."""

    name = WAY

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        super().__init__(harness, sandboxes, settings)
        self.menu = replace(self.menu, workers=3, sleeps=False, cancels=False)

    def race(self, program: Program, heat: int) -> tuple[Operation, ...]:
        """Carry out a program once; the number of the heat says who is late where."""
        random = Random(heat)
        sandbox = self._sandboxes.new(self._harness)
        lanes = Lanes(max((step.worker for step in program), default=1) or 1, sandbox, random)

        async def main() -> tuple[Operation, ...]:
            bench = LaneBench(lanes, self._harness, sandbox, self._settings)
            async with opened(bench):
                await self._compete(bench, program, lanes, together=random.random() < 0.7)
                await self._finish(bench)
            return tuple(bench.history)

        try:
            with _switching(), asyncio.Runner() as runner:
                return runner.run(main())
        finally:
            lanes.end()

    async def _compete(self, bench: Bench, program: Program, lanes: Lanes, *, together: bool) -> None:
        """Have all workers carry out their steps, of which each begins together, or only the first."""
        player = Player(bench)
        anybody = await bench.first_worker()
        for step in program:
            if not step.worker:
                await player.play(step, anybody)
        numbers = sorted({step.worker for step in program} - {0})
        workers = {number: await bench.worker() for number in numbers}
        steps = [[step for step in program if step.worker == number] for number in numbers]
        rounds = [[[step] for step in each if step] for each in zip_longest(*steps)]
        lanes.racing = True
        for calls in rounds if together else [steps]:
            lanes.meet([first.worker for first, *_ in calls])
            await asyncio.gather(*(_work(player, each, workers) for each in calls))
        lanes.racing = False


async def _work(player: Player, steps: list[Step], workers: Mapping[int, Worker]) -> None:
    for step in steps:
        _LANE.set(step.worker)
        await player.play(step, workers[step.worker])
