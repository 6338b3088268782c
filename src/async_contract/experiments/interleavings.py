"""Concurrent programs on the simulated loop: one task for each worker, in virtual time."""

from __future__ import annotations

import asyncio
import time
from _thread import allocate_lock
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, Settings, Worker, opened
from async_contract.experiments.choosers import Chooser, OwnOrder
from async_contract.experiments.doubts import Doubts, outlast
from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.loop import MAX_STEPS, Run, SimulatedLoop, simulate
from async_contract.experiments.owners import promised_here
from async_contract.experiments.pauses import Schedule
from async_contract.experiments.programs import Menu, Player, Program, finish
from async_contract.experiments.stuck import Deadlock, Livelock
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import CANCELLED, STUCK, Operation
from async_contract.history.recorder import Recorder

AGES = 1_000_000.0
"""Seconds after which even a store whose time is not simulated has surely let every lease expire."""

_FAR = 10  # of these, one for each delay that there may be, and some more


class _LoopSandbox(Sandbox):
    """A sandbox whose time is that of the loop; a store that keeps real time still gets real time."""

    keeps_real_time = False

    def clock(self) -> float:
        return time.time() if self.keeps_real_time else super().clock()

    def advance_to(self, instant: int) -> None:
        self.advance((instant - self.now_ns()) / 1_000_000_000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LoopStage:
    """Plays programs of asynchronous stores on a loop that says which task goes next.

    Attributes:
        name: What this way of carrying out a program is called.
        capabilities: What the histories are judged by.
        menu: What the programs are made of.
        orders: Orders that are tried first, after asyncio's own.
        controlled: Whether the latest run was ordered to its end by what the chooser said.
        max_steps: The most steps and callbacks of one run.
        doubts: Whether a job is suspected to be lost that may come yet.
        waits: Whether a run waits at its end until every lease has expired, in real time too.
    """

    name = "loop"
    max_steps = MAX_STEPS
    orders: tuple[Chooser, ...] = ()
    controlled: bool = True

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        self._harness = harness
        self._sandboxes = sandboxes
        self.doubts = Doubts(harness, settings)
        self.waits = settings.waits
        self._waited = 0.0
        # A limit of a call would be a timer, and "time passes now" would let it strike at once.
        self._settings = replace(settings, call_limit=None)
        capabilities = promised_here(harness)
        expires = harness.virtual_time and capabilities.lease_timeout is not None
        self.menu = Menu(workers=4, steps=10, sleeps=expires)
        self.capabilities = capabilities if harness.virtual_time else untimed(capabilities)

    def run(self, program: Program, chooser: Chooser) -> tuple[Run, tuple[Operation, ...]]:
        """Run a program under a schedule; gives its history too."""
        sandbox = self._sandboxes.new_of(_LoopSandbox, virtual=True)
        sandbox.keeps_real_time = not self._harness.virtual_time
        history: list[Operation] = []
        recorders: list[Recorder] = []
        ended: list[int] = []

        def ending() -> None:
            ended.extend(each.now() for each in recorders)
            self._halted()

        async def main() -> None:
            bench = self._bench(self._harness, sandbox, self._settings)
            recorders.append(bench.recorder)
            bench.recorder.history = history
            async with opened(bench):
                await self._together(Player(bench), program)
                self._go_on_in_order()
                await self._finish(bench)

        began, self._waited = time.monotonic(), 0.0
        run = simulate(main, chooser, clock=sandbox, max_steps=self.max_steps, ending=ending)
        if run.error is None and self._may_have_expired(time.monotonic() - began - self._waited):
            history.clear()
        if run.error is not None and not isinstance(run.error, (LeftTheLoop, Deadlock, Livelock)):
            raise run.error
        # A livelock proves nothing: a schedule may leave the one out for whom all the others wait.
        return run, tuple(stuck_at(history, ended[0]) if isinstance(run.error, Deadlock) else history)

    def _may_have_expired(self, seconds: float) -> bool:
        """Whether a store that keeps real time had the time to end a lease: the history does not show it."""
        capabilities = self._harness.capabilities
        if self._harness.virtual_time or capabilities.lease_timeout is None:
            return False
        return seconds >= capabilities.lease_timeout - capabilities.clock_resolution

    async def _finish(self, bench: Bench) -> None:
        """Drain the store; if need be, once more when every lease has expired."""
        await finish(bench)
        if not self.waits:
            return
        if not bench.sandbox.virtual:
            await outlast(bench)
            return
        # The store's time is real, and the loop's is not: the one is waited for, and the other set.
        capabilities = self._harness.capabilities
        self._waited = self.doubts.seconds + capabilities.retry_delay + capabilities.poll_delay
        _let_pass(self._waited)
        bench.sandbox.advance(_FAR * AGES)
        await finish(bench)

    def unhurried(self) -> AbstractContextManager[None]:
        """Meanwhile whoever is slow is waited for, so that the order is what the chooser says."""
        return nullcontext()

    def tell(self, schedule: Schedule) -> tuple[str, ...]:
        """A schedule in words, after a run under it."""
        return tuple(map(str, schedule))

    def _go_on_in_order(self) -> None:
        """The workers are done: whatever tasks of the store's own are left go on as asyncio would have them.

        One that gives back what a cancelled lease took may else be held up until the store was asked for it
        to the last, and the job would be called lost.
        """
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop), "it is made by simulate"
        loop.follow(OwnOrder())

    def _halted(self) -> None:
        """The program has ended or is stuck, and what is left of it was not cancelled yet."""

    def _bench(self, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> Bench:
        return Bench(harness, sandbox, settings)

    async def _together(self, player: Player, program: Program) -> None:
        """Carry out what comes before, in order; then every worker's steps in a task of its own."""
        first = await player.bench.first_worker()
        for step in program:
            if not step.worker:
                await player.play(step, first)
        numbers = sorted({step.worker for step in program} - {0})
        workers = {number: await player.bench.worker() for number in numbers}
        tasks = [
            asyncio.create_task(self._work(player, program, workers[number], number)) for number in numbers
        ]
        if tasks:
            await asyncio.gather(*tasks)

    async def _work(self, player: Player, program: Program, worker: Worker, number: int) -> None:
        for step in program:
            if step.worker == number:
                await player.play(step, worker)


def _let_pass(seconds: float) -> None:
    """Let real time pass where nobody may sleep: a store that does has left the loop."""
    never = allocate_lock()
    never.acquire()
    never.acquire(timeout=seconds)


def stuck_at(history: Iterable[Operation], instant: int) -> Iterator[Operation]:
    """A history up to the instant at which nobody could go on: what was running then never returns.

    That it was cancelled then is how the program was ended, and nothing that the store did.
    """
    for each in history:
        if each.invoked < instant:
            stuck = each.returned is not None and each.returned > instant and each.error == CANCELLED
            yield each._replace(error=STUCK) if stuck else each


def untimed(capabilities: Capabilities) -> Capabilities:
    """The same promises without their times: the store's own clock is not the one that is simulated."""
    late: dict[str, float] = {}
    if capabilities.poll_delay:
        late["poll_delay"] = AGES
    if capabilities.retry_delay:
        late["retry_delay"] = AGES
    if capabilities.lease_timeout is not None:
        late["expiry_delay"] = AGES
    return replace(capabilities, **late)  # type: ignore[arg-type]  # they are all seconds
