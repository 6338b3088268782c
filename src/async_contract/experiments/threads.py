"""Concurrent programs in threads, for stores of plain functions: stepped through line by line."""

from __future__ import annotations

import contextlib
import linecache
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from async_contract.experiments.bench import Bench, Settings, Worker
from async_contract.experiments.choosers import TIME, Alternating, Chooser, OwnOrder
from async_contract.experiments.hands import HAND, CantBeStepped, Crew, without_loop
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.locks import swapped
from async_contract.experiments.loop import Run
from async_contract.experiments.pauses import Pause, Schedule
from async_contract.experiments.programs import Kind, Player, Program, Step
from async_contract.experiments.stuck import Deadlock
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.history.recorder import Recorder

_WARM_UP: Program = (
    *[Step(0, Kind.ENQUEUE)] * 2,
    *[Step(1, each) for each in (Kind.LEASE, Kind.COMPLETE, Kind.LEASE, Kind.FAIL)],
)


@contextlib.contextmanager
def _on_one_processor() -> Iterator[None]:
    """Stay on one processor, where there is such a thing: only one thread runs at a time.

    To hand over to a thread on another processor takes twice as long.
    """
    allowed: set[int] = getattr(os, "sched_getaffinity", _no_processors)(0)
    if not allowed:
        yield
        return
    # Several processes, as those of a distributed run, don't all stay on the same.
    os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _no_processors(_process: int) -> set[int]:
    return set()


class _OneByOne:
    """Offers another chooser the thread that went last before all others: 0 is, let it go on.

    So a schedule without pauses has each thread go on until it has to wait, and a pause says where it
    is interrupted.

    Attributes:
        picks: What was chosen, in that order.
    """

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self._last = 0
        self.picks: list[int] = []

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        order = sorted(ready, key=lambda each: each != self._last) if self._last in ready else ready
        pick = self._chooser.choose(order, steps, turn)
        self.picks.append(pick)
        chosen = order[pick]
        if chosen != TIME:
            self._last = chosen
        return ready.index(chosen)


class _ThreadRecorder(Recorder):
    """Calls the store in the thread of the present worker."""

    _begins_itself = False

    def _begin(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        return HAND.get().call(function, *arguments)


class ThreadBench(Bench):
    """A bench whose workers have a thread each, in which their connections are opened and closed."""

    def __init__(self, crew: Crew, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> None:
        super().__init__(harness, sandbox, settings)
        self.crew = crew
        self.recorder = _ThreadRecorder(
            harness, sandbox, call_limit=settings.call_limit, leave_foreign=settings.allow_nonempty
        )

    async def conduct(self, coroutine: Coroutine[Any, Any, Any], number: int = 1) -> Any:
        """Do something around the calls in the thread of a worker."""
        return await self.crew.hands[number].call(without_loop, coroutine)


class ThreadStage(LoopStage):
    """Plays programs of stores of plain functions, in threads that go on as a chooser says."""

    name = "threads"
    orders = (Alternating(),)

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        super().__init__(harness, sandboxes, settings)
        self.menu = replace(self.menu, cancels=False)
        self._crew = Crew(0)
        self._stalls = 0  # before the workers met

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Replace what threads wait for, and let the store do once what it does only once."""
        with swapped(self._harness.store_classes), _on_one_processor():
            self.run(_WARM_UP, OwnOrder())
            yield

    def run(self, program: Program, chooser: Chooser) -> tuple[Run, tuple[Operation, ...]]:
        """Run a program under a schedule; gives its history too."""
        self._crew = crew = Crew(max((step.worker for step in program), default=1))
        token = HAND.set(crew.hands[1])
        order = _OneByOne(chooser)
        try:
            run, history = super().run(program, order)
        finally:
            HAND.reset(token)
            crew.end()
        run = run._replace(trace=run.trace._replace(picks=tuple(order.picks)))
        if isinstance(run.error, Deadlock) and crew.has_company():
            left = CantBeStepped("it has threads of its own, for which the others may wait")
            return run._replace(error=left), history
        return run, history

    def _bench(self, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> Bench:
        return ThreadBench(self._crew, harness, sandbox, settings)

    async def _together(self, player: Player, program: Program) -> None:
        crew = self._crew
        self._stalls = crew.stalls
        try:
            await super()._together(player, program)
        finally:
            crew.stepping = False
            # Whoever was blocked elsewhere went on when he could, and not when he was told to.
            self.controlled = crew.stalls == self._stalls

    async def _work(self, player: Player, program: Program, worker: Worker, number: int) -> None:
        HAND.set(self._crew.hands[number])
        if not self._crew.stepping:
            self._crew.stepping = True
            self._stalls = self._crew.stalls
        await super()._work(player, program, worker, number)

    def tell(self, schedule: Schedule) -> tuple[str, ...]:
        """A schedule in words, with the lines that are late."""
        return tuple(map(self._told, schedule))

    def _told(self, pause: Pause) -> str:
        place = self._crew.places.get((pause.worker, pause.step))
        if place is None:
            return str(pause)
        file, line, function = place
        source = linecache.getline(file, line).strip()
        return f"{pause}, before {Path(file).name}:{line} in {function}: {source}"
