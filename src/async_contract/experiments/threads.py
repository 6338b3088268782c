"""Concurrent programs in threads, for stores of plain functions: stepped through line by line."""

from __future__ import annotations

import asyncio
import contextlib
import linecache
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from async_contract.experiments.bench import Bench, Settings, Worker
from async_contract.experiments.choosers import TIME, Alternating, Chooser, OwnOrder
from async_contract.experiments.findings import Exploration
from async_contract.experiments.gate import Grace
from async_contract.experiments.hands import (
    HAND,
    PART,
    PATIENCE,
    CantBeStepped,
    Crew,
    Hung,
    is_stores,
    present,
    without_loop,
)
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.locks import swapped
from async_contract.experiments.loop import Run, SimulatedLoop
from async_contract.experiments.parts import Place, codes_of, watched
from async_contract.experiments.pauses import Pause, Schedule
from async_contract.experiments.programs import Kind, Player, Program, Step
from async_contract.experiments.scheduled import Effort, Scheduler
from async_contract.experiments.stuck import Deadlock, Livelock
from async_contract.harness.connection import Connection
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.history.recorder import Recorder

WARM_UP: Program = (
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
        return self._in_thread(function, arguments)

    async def _in_thread(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        hand = HAND.get()
        hand.doing = _described(function, arguments)
        try:
            return await hand.call(function, *arguments)
        finally:
            hand.doing = ""


def _described(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """A call of the store in a few words: what it does, and to which job."""
    name = getattr(function, "__name__", "call")
    ids = [getattr(each, "id", each) for each in arguments]
    job = next((each for each in ids if isinstance(each, str)), None)
    return name if job is None else f"{name} of {job}"


class ThreadBench(Bench):
    """A bench whose workers have a thread each, in which their connections are opened and closed."""

    records_with = _ThreadRecorder

    def __init__(self, crew: Crew, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> None:
        super().__init__(harness, sandbox, settings)
        self.crew = crew

    async def _open(self, number: int) -> Connection:
        connection = await super()._open(number)
        self.crew.stores.add(type(connection.store))
        return connection

    async def conduct(self, coroutine: Coroutine[Any, Any, Any], number: int = 1) -> Any:
        """Do something around the calls in the thread of a worker."""
        try:
            return await self.crew.hands[number].call(without_loop, coroutine)
        except CantBeStepped:
            with contextlib.suppress(ValueError):  # where it is what does not come back
                coroutine.close()
            raise


class ThreadStage(LoopStage):
    """Plays programs of stores of plain functions, in threads that go on as a chooser says.

    Attributes:
        hung: What each worker did, if in some run they waited for one another and no call returned in time,
            without a proof that none ever would.
    """

    name = "threads"
    orders = (Alternating(),)

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        super().__init__(harness, sandboxes, settings)
        self.menu = replace(self.menu, cancels=False)
        self.hung = ""
        self._patience = PATIENCE if settings.call_limit is None else settings.call_limit
        self._grace = Grace()
        self._crew = Crew(0)
        self._stalls = 0  # before the workers met
        self._longest = 0
        self._goes_round = False
        self._had_company = False  # when the program had ended or was stuck
        self._standing: list[str] = []
        self._stuck: list[str] = []

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Replace what threads wait for, and let the store do once what it does only once."""
        with swapped(self._harness.store_classes), _on_one_processor():
            self.run(WARM_UP, OwnOrder())
            # A harness does not always know what it connects to.
            with swapped(self._crew.stores), self._prepared():
                yield

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[None]:
        """Do what can be done once the store has done everything for the first time."""
        yield

    def unhurried(self) -> AbstractContextManager[None]:
        """Meanwhile whoever is slow is waited for, so that the order is what the chooser says."""
        return self._grace.extended()

    def _new_crew(self, workers: int) -> Crew:
        return Crew(workers, self._patience, grace=self._grace)

    def run(self, program: Program, chooser: Chooser) -> tuple[Run, tuple[Operation, ...]]:
        """Run a program under a schedule; gives its history too."""
        self._crew = crew = self._new_crew(max((step.worker for step in program), default=1))
        token = HAND.set(crew.hands[1])
        order = _OneByOne(chooser)
        try:
            run, history = super().run(program, order)
        finally:
            HAND.reset(token)
            crew.end()
        run = run._replace(trace=run.trace._replace(picks=tuple(order.picks)))
        self._longest = max(self._longest, crew.longest)
        if crew.hung is not None:
            run = run._replace(error=crew.hung)
        has_company = self._had_company or crew.has_company()
        if has_company and isinstance(run.error, (Deadlock, Hung, Livelock)):
            left = CantBeStepped("it has threads of its own, for which the others may wait")
            run = run._replace(error=left)
        elif isinstance(run.error, Livelock) and self._goes_round:
            run = run._replace(error=Hung.of(f"within {self.max_steps} steps", self._standing))
        self.hung = str(run.error) if isinstance(run.error, Hung) else self.hung
        self._stuck = self._standing if isinstance(run.error, Deadlock) else []
        return run, history

    def explore(self, effort: Effort, seed: int, known: frozenset[str] = frozenset()) -> Exploration:
        """Try programs until the effort is spent; clauses that are known to be broken are not pursued."""
        with self.open():
            done = self._explored(effort, seed, known)
        if self.hung and not done.findings:
            done.stopped, done.left = done.left, ""
        return done

    def _explored(self, effort: Effort, seed: int, known: frozenset[str]) -> Exploration:
        return Scheduler(self, seed).explore(effort, known)

    def _go_on_in_order(self) -> None:
        pass  # a store that has threads of its own has left, and its calls are made in one step from now on

    def _halted(self) -> None:
        self._standing = self._crew.standing()
        self._had_company = self._crew.has_company()
        self._goes_round = self._crew.goes_round(max(self._longest, self._crew.longest))

    def _bench(self, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> Bench:
        return ThreadBench(self._crew, harness, sandbox, settings)

    async def _together(self, player: Player, program: Program) -> None:
        crew = self._crew
        self._stalls = crew.stalls
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop), "it is made by simulate"
        loop.outside = crew.look_outside
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
        """A schedule in words, with what is late, and where each worker hangs that does."""
        return (*map(self._told, schedule), *(f"then {each}, for ever" for each in self._stuck))

    def _told(self, pause: Pause) -> str:
        place = self._crew.places.get((pause.worker, pause.step))
        if place is None:
            return str(pause)
        if isinstance(place, str):
            return f"{pause}, before {place}"
        source = linecache.getline(place.file, place.line).strip()
        told = f"{pause}, before {Path(place.file).name}:{place.line} in {place.function}: {source}"
        return f"{told} (before its {place.part})" if place.part else told


class PartStage(ThreadStage):
    """The same, with several steps in a line: each part of it that reads, writes or calls is one.

    A line such as `self.count += 1` so is found apart. Which parts a line has depends on the version of
    Python, and so does what a schedule means.
    """

    name = "parts"

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[None]:
        codes = filter(is_stores, codes_of(self._crew.stores))
        with watched(codes, _before_part):
            yield

    def _new_crew(self, workers: int) -> Crew:
        return Crew(workers, self._patience, step=PART, grace=self._grace)


def _before_part(place: Place) -> None:
    hand = present()
    if hand is not None:
        hand.before_part(place)
