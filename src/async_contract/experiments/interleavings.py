"""Concurrent programs on the simulated loop: one task for each worker, under many schedules.

Programs are random and small; for each of them schedules are searched from fixed seeds, so that what
is found is a function of the program alone. A program that breaks a clause is made smaller, and then
the schedule by itself is made as simple as it can be.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.bench import Settings, Worker, open_bench
from async_contract.experiments.choosers import Chooser
from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.loop import Run, simulate
from async_contract.experiments.pauses import Following, Schedule
from async_contract.experiments.programs import Kind, Menu, Player, Program, Step, finish, generate
from async_contract.experiments.schedules import Diverged, minimise, search
from async_contract.experiments.shrink import parts, shrink
from async_contract.experiments.stuck import Deadlock, Livelock
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.judge.judge import Judge
from async_contract.judge.verdict import Violation

AGES = 1_000_000.0
"""Seconds after which even a store whose time is not simulated has surely let every lease expire."""


@dataclass(frozen=True, slots=True)
class Raced:
    """A concurrent program that breaks a clause under a schedule.

    Attributes:
        violation: What it breaks.
        program: The program, as small as it could be made.
        schedule: The schedule, as simple as it could be made.
        history: What happened.
    """

    violation: Violation
    program: Program
    schedule: Schedule
    history: tuple[Operation, ...]


@dataclass(slots=True)
class Interleaved:
    """What came of many programs under many schedules.

    Attributes:
        findings: The least program found for each clause that is broken, by its id.
        counts: How often each clause was put to the test.
        shadows: How often a clause seemed to be broken by what another one explains.
        programs: How many programs were tried.
        schedules: How many schedules were tried.
        distinct: How many of those differed.
        seconds: How long that took.
        left: How the store left the loop, so that it can't be simulated; empty if it stayed.
    """

    findings: dict[str, Raced] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    shadows: Counter[str] = field(default_factory=Counter)
    programs: int = 0
    schedules: int = 0
    distinct: int = 0
    seconds: float = 0.0
    left: str = ""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried.

    Attributes:
        programs: So many programs at most.
        schedules: Under so many schedules each.
        seconds: Seconds after which no new program is begun.
        tries: How many programs are tried to make one smaller.
    """

    programs: int = 120
    schedules: int = 30
    seconds: float = 4.0
    tries: int = 150


class _LoopSandbox(Sandbox):
    """A sandbox whose time is that of the loop; a store that keeps real time still gets real time."""

    keeps_real_time = False

    def clock(self) -> float:
        return time.time() if self.keeps_real_time else super().clock()

    def advance_to(self, instant: int) -> None:
        self.advance((instant - self.now_ns()) / 1_000_000_000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Interleaver:
    """Tries programs of two to four workers under many schedules."""

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, seed: int) -> None:
        self._harness = harness
        self._sandboxes = sandboxes
        # A limit of a call would be a timer, and "time passes now" would let it strike at once.
        self._settings = replace(settings, call_limit=None)
        self._seed = seed
        self._capabilities = harness.capabilities if harness.virtual_time else untimed(harness.capabilities)

    def explore(self, effort: Effort, known: frozenset[str] = frozenset()) -> Interleaved:
        """Try programs until the effort is spent.

        Args:
            effort: How much is tried.
            known: Clauses that are known to be broken and need no pursuit.
        """
        done = Interleaved()
        began = time.monotonic()
        capabilities = self._harness.capabilities
        menu = Menu(
            workers=4, steps=10, sleeps=self._harness.virtual_time and capabilities.lease_timeout is not None
        )
        while done.programs < effort.programs and time.monotonic() - began < effort.seconds and not done.left:
            program = _concurrent(Random(f"{self._seed}:{done.programs}"), menu)
            done.programs += 1
            self._try(program, effort, done, known)
        done.seconds = time.monotonic() - began
        return done

    def run(self, program: Program, chooser: Chooser) -> tuple[Run, tuple[Operation, ...]]:
        """Run a program under a schedule; gives its history too."""
        sandbox = self._sandboxes.new_of(_LoopSandbox, virtual=True)
        sandbox.keeps_real_time = not self._harness.virtual_time
        history: list[Operation] = []

        async def main() -> None:
            async with open_bench(self._harness, self._sandboxes, self._settings, sandbox) as bench:
                bench.recorder.history = history
                await _play(Player(bench), program)
                await finish(bench)

        run = simulate(main, chooser, clock=sandbox)
        if run.error is not None and not isinstance(run.error, (LeftTheLoop, Deadlock, Livelock)):
            raise run.error
        return run, tuple(history)

    def broken(
        self, history: tuple[Operation, ...], counts: Counter[str] | None = None
    ) -> dict[str, list[Violation]]:
        """What a history breaks, by clause; a SHOULD is not worth a schedule."""
        judge = Judge(history, self._capabilities)
        judge.read()
        broken, counted = judge.evidence()
        if counts is not None and not judge.overload:
            counts.update(counted)
        return {clause: found for clause, found in broken.items() if CLAUSE[clause].level != "SHOULD"}

    def _try(self, program: Program, effort: Effort, done: Interleaved, known: frozenset[str]) -> None:
        """Search for a schedule under which the program breaks something that is not known."""

        def is_news(clause: str) -> bool:
            return clause not in known and clause not in done.findings and not done.shadows[clause]

        found = self._search(program, is_news, effort, done.counts)
        done.schedules += found.tried
        done.distinct += found.distinct
        if found.left:
            done.left = found.left
        elif found.broken:
            self._pursue(found.broken[0], program, found, effort, done)

    def _keep(self, clause: str, program: Program, seen: tuple[Operation, ...], done: Interleaved) -> None:
        done.findings[clause] = Raced(self.broken(seen)[clause][0], program, (), seen)

    def _search(
        self,
        program: Program,
        wanted: Callable[[str], bool],
        effort: Effort,
        counts: Counter[str] | None = None,
    ) -> _Found:
        """Look for a schedule under which the program breaks a clause that is wanted."""
        found = _Found()
        histories: list[tuple[Operation, ...]] = []

        def attempt(chooser: Chooser) -> Run:
            run, history = self.run(program, chooser)
            histories[:] = [history]
            return run

        def fails(run: Run) -> bool:
            if isinstance(run.error, LeftTheLoop):
                found.left = str(run.error)
                return True
            found.broken = [each for each in self.broken(histories[0], counts) if wanted(each)]
            if found.broken:
                found.seen = histories[0]  # kept, since a replay comes after it
            return bool(found.broken)

        try:
            searched = search(attempt, fails, seed=self._seed, schedules=effort.schedules)
        except Diverged:
            return found  # without a schedule: something else decides
        else:
            found.schedule, found.tried, found.distinct = searched.schedule, searched.tried, searched.distinct
        return found

    def _pursue(self, clause: str, program: Program, seen: _Found, effort: Effort, done: Interleaved) -> None:
        """Make the program smaller, then the schedule simpler, and keep what is left."""

        def breaks(smaller: Program) -> bool:
            return bool(self._search(smaller, clause.__eq__, effort).broken)

        least = shrink(program, breaks, tries=effort.tries)
        found = self._search(least, clause.__eq__, effort)
        if found.schedule is None:
            # Something else decides than the schedule. But what was seen was seen: its history is the proof.
            self._keep(clause, program, seen.seen, done)
            return
        if self._is_shadow(clause, least, effort, done):
            return

        def still(simpler: Schedule) -> bool:
            return clause in self.broken(self.run(least, Following(simpler))[1])

        schedule = minimise(found.schedule, still, budget=300)
        _, history = self.run(least, Following(schedule))
        violation = replace(self.broken(history)[clause][0], schedule=tuple(map(str, schedule)))
        done.findings[clause] = Raced(violation, least, schedule, history)

    def _is_shadow(self, clause: str, program: Program, effort: Effort, done: Interleaved) -> bool:
        """Whether another clause is broken without what is to blame for this one; then that is pursued."""
        for smaller in parts(program):
            other = self._search(smaller, clause.__ne__, effort)
            if other.broken:
                done.shadows[clause] += 1
                if other.broken[0] not in done.findings:
                    self._pursue(other.broken[0], smaller, other, effort, done)
                return True
        return False


@dataclass(slots=True)
class _Found:
    """What came of a search for a schedule of one program."""

    broken: list[str] = field(default_factory=list)
    schedule: Schedule | None = None
    tried: int = 0
    distinct: int = 0
    left: str = ""
    seen: tuple[Operation, ...] = ()


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


def _concurrent(random: Random, menu: Menu) -> Program:
    """A program whose jobs are there before its workers, and whose workers are numbered in order."""
    program = generate(random, menu)
    workers = sorted({step.worker for step in program} - {0})
    numbers = {worker: number for number, worker in enumerate(workers, 1)} | {0: 0}
    jobs = [Step(0, Kind.ENQUEUE) for _ in range(1 + int(random.random() * 3))]
    rest = [step._replace(worker=numbers[step.worker]) for step in program if step.worker]
    return (*jobs, *rest)


async def _play(player: Player, program: Program) -> None:
    """Carry out what comes before, in order; then every worker's steps in a task of its own."""
    first = await player.bench.first_worker()
    for step in program:
        if not step.worker:
            await player.play(step, first)
    numbers = sorted({step.worker for step in program} - {0})
    workers = {number: await player.bench.worker() for number in numbers}
    tasks = [asyncio.create_task(_work(player, program, workers[number], number)) for number in numbers]
    if tasks:
        await asyncio.gather(*tasks)


async def _work(player: Player, program: Program, worker: Worker, number: int) -> None:
    for step in program:
        if step.worker == number:
            await player.play(step, worker)
