"""Concurrent programs of stores on a driver: on a real event loop, ordered statement by statement."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from async_contract.experiments.bench import Settings, Worker, opened
from async_contract.experiments.choosers import Alternating, Chooser, Late, OwnOrder
from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.gate import AT, Gate, GateLoop, Grace
from async_contract.experiments.gate_drivers import gated
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.loop import Run
from async_contract.experiments.openings import openings
from async_contract.experiments.owners import promised_here
from async_contract.experiments.pauses import Following, Pause, Schedule
from async_contract.experiments.programs import Player, Program
from async_contract.experiments.scheduled import Effort, Scheduler, Stage
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.verdict import Label

WAY = "gate"
"""What this way of carrying out a program is called."""

REPLAYS = 5
"""How often a schedule that was found is tried again, to say how often it shows the same."""

_MOST, _TEXT = 12, 48  # calls that are told, and characters of each

_STATEMENTS = 9
"""Before each of so many calls of its driver the first worker is late, once: what a lease and a complete of
most stores have, and some more."""

_WARM_UP = 0  # the number of the opening that is carried out first


class NotOrdered(LeftTheLoop):
    """The calls of the store's driver can't be ordered."""

    def __init__(self, reason: str) -> None:
        BaseException.__init__(self, reason)


class _GateSandbox(Sandbox):
    """A sandbox in which the chooser says when time passes, for workers that sleep."""

    async def sleep(self, seconds: float) -> None:
        at = AT.get()
        if at is None or not self.virtual:
            await super().sleep(seconds)
        else:
            await at.gate.sleep(at.worker, seconds)


@dataclass(frozen=True, slots=True)
class Controlled:
    """What came of a schedule at the gate, beside its run.

    Attributes:
        loose: Why the order was not what the chooser said to the end; empty if it was.
        passed: How many calls of drivers there were.
    """

    loose: str = ""
    passed: int = 0


class GateStage(LoopStage):
    """Plays programs of asynchronous stores on a real event loop, with a gate before their drivers.

    Attributes:
        last: What came of the latest run.
    """

    name = WAY
    orders = (Alternating(), *(Late(1, after) for after in range(1, _STATEMENTS)))

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        super().__init__(harness, sandboxes, settings)
        self._settings = settings
        self.menu = replace(self.menu, workers=3)
        self.capabilities = promised_here(harness)
        self.last = Controlled()
        self._grace = Grace()
        self._gate = Gate(OwnOrder(), Sandbox("none", sandboxes.root), self._grace, 0)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Put the gate before the drivers that the store imports when it is connected to.

        Raises:
            HarnessError: The harness names a call of a driver that there is none.
        """
        self.run((), OwnOrder())  # so that its drivers are imported
        with gated(self._harness.driver_calls):
            self.run(openings(self.menu)[_WARM_UP], OwnOrder())  # what it does only once is done
            yield

    def run(self, program: Program, chooser: Chooser) -> tuple[Run, tuple[Operation, ...]]:
        """Run a program under a schedule; gives its history too."""
        sandbox = self._sandboxes.new_of(_GateSandbox, virtual=self._harness.virtual_time)
        workers = max((step.worker for step in program), default=0)
        gate = self._gate = Gate(chooser, sandbox, self._grace, workers)
        history: list[Operation] = []

        async def main() -> None:
            bench = self._bench(self._harness, sandbox, self._settings)
            bench.recorder.history = history
            async with opened(bench):
                await self._together(Player(bench), program)
                await self._finish(bench)

        error: BaseException | None = None
        with asyncio.Runner(loop_factory=GateLoop) as runner:
            try:
                runner.run(main())
            except CallTimedOut as hung:
                error = NotOrdered(str(hung))
        if gate.failure is not None:
            raise gate.failure
        self.last = Controlled(gate.loose, gate.passed)
        self.controlled = not gate.loose
        return Run(None, error, gate.trace, tuple(gate.steps), ()), tuple(history)

    async def _together(self, player: Player, program: Program) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, GateLoop), "it is made in run"
        with self._gate.open(loop):
            await super()._together(player, program)
            await self._gate.quiet()

    async def _work(self, player: Player, program: Program, worker: Worker, number: int) -> None:
        with self._gate.worker(number):
            await self._gate.begin(number)
            await super()._work(player, program, worker, number)

    def unhurried(self) -> AbstractContextManager[None]:
        """Meanwhile whoever is slow is waited for, so that the order is what the chooser says."""
        return self._grace.extended()

    def tell(self, schedule: Schedule) -> tuple[str, ...]:
        """A schedule in words, with the statements that are late, and the order that comes of it."""
        return (*map(self._told, schedule), *in_order(self._gate.order))

    def _told(self, pause: Pause) -> str:
        what = self._gate.places.get((pause.worker, pause.step))
        return str(pause) if what is None else f"{pause}, before {what}"


def in_order(calls: Sequence[str]) -> Iterator[str]:
    """The order in which calls came, in one sentence; nothing if there were none."""
    told = [each if len(each) <= _TEXT else f"{each[: _TEXT - 1]}…" for each in calls[:_MOST]]
    if len(calls) > _MOST:
        told.append(f"and {len(calls) - _MOST} more")
    if told:
        yield f"so they come in this order: {', '.join(told)}"


def explore(stage: GateStage, effort: Effort, seed: int, known: frozenset[str]) -> Exploration:
    """Try programs until the effort is spent, and what breaks a clause again, to say how often it does."""
    with stage.open():
        if not stage.last.passed:
            return Exploration(left=_UNSEEN)
        done = Scheduler(stage, seed).explore(effort, known)
        for clause, finding in done.findings.items():
            if finding.again:
                done.findings[clause] = replayed(stage, finding)
    return done


_UNSEEN = (
    "no call of a driver was seen that could be ordered; name the coroutine functions in which the driver "
    "awaits its server: StoreHarness(..., driver_calls=['mydriver.Connection.execute'])"
)


class Gated(Stage, Protocol):
    """A stage with a gate before the drivers of its stores."""

    @property
    def last(self) -> Controlled:
        """What came of the latest run."""


def replayed(stage: Gated, finding: Finding) -> Finding:
    """A finding, with how often its schedule shows it again, where that is not always."""
    clause = finding.violation.clause
    schedules, shown, loose = set(), 0, ""
    history: tuple[Operation, ...] = ()
    with stage.unhurried():  # a call that is slow now and then is none that waits for another worker
        for _ in range(REPLAYS):
            run, history = stage.run(finding.program, Following(finding.schedule))
            schedules.add(run.trace)
            shown += clause in Scheduler(stage, 0).broken(history, hasty=stage.doubts.suspects)
            loose = loose or stage.last.loose
    if shown == REPLAYS and len(schedules) == 1 and not loose:
        # That a job is lost which may come yet was proved by a wait.
        proof = Scheduler(stage, 0).broken(history).get(clause)
        exact = replace(
            proof[0] if proof else finding.violation, schedule=stage.tell(finding.schedule), label=""
        )
        return replace(finding, violation=exact, history=history if proof else finding.history)
    often = f"{shown} of {REPLAYS} tries of this schedule showed it again"
    told = (*finding.violation.schedule, f"{often}; {loose}" if loose else often)
    return replace(finding, violation=replace(finding.violation, schedule=told, label=Label.BEST_EFFORT))
