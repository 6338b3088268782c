"""Workers that are killed: random programs in a process of their own, which ends at a random instant."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from random import Random

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments import progress
from async_contract.experiments.bench import NotExercised, Settings, open_bench
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.kills import CHILD, PARENT, Kill, crash, obstacle
from async_contract.experiments.processes.boundaries import LINE, Boundary
from async_contract.experiments.processes.host import Host
from async_contract.experiments.programs import Kind, Program, Step
from async_contract.experiments.shrink import shrinking
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation, instant
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.judge import Judge
from async_contract.judge.verdict import Violation

WAY = "kill"
"""What this way of carrying out a program is called."""

_CALLS = (Kind.COMPLETE, Kind.FAIL, Kind.LEASE, Kind.ENQUEUE)
_METHODS = {Kind.COMPLETE: "complete", Kind.FAIL: "fail", Kind.LEASE: "lease", Kind.ENQUEUE: "enqueue"}
_BEFORE = (Step(CHILD, Kind.ENQUEUE), Step(CHILD, Kind.ENQUEUE), Step(CHILD, Kind.LEASE))
SWEPT: tuple[Program, ...] = tuple(
    (*_BEFORE, Step(CHILD, kind)) for kind in (Kind.LEASE, Kind.COMPLETE, Kind.FAIL)
)
"""The programs whose last call is swept; before it one job is on lease, and one is ready."""

_TYPICAL = 0.0003
"""Seconds that a call is taken to last before one was measured."""


@dataclass(frozen=True, slots=True)
class Casualties:
    """How much is tried.

    Attributes:
        kills: So many workers are killed at most.
        seconds: Seconds after which no further random program is begun.
        tries: How many programs are tried to make one smaller.
        repeats: How often one is repeated until it breaks its clause again.
        sweeping: Seconds in which one is killed at each boundary inside a lease, a complete and a fail
            besides; 0: none is.
    """

    kills: int = 15
    seconds: float = 4.0
    tries: int = 30
    repeats: int = 3
    sweeping: float = 0.0


@dataclass(slots=True)
class Crashes:
    """Carries out programs, one sandbox each, and kills the worker of each.

    Attributes:
        harness: How the store is reached.
        sandboxes: Where its private places are made.
        settings: How it is treated.
        latencies: By method: how long a call of it took, in seconds.
    """

    harness: StoreHarness
    sandboxes: Sandboxes
    settings: Settings
    latencies: dict[str, float] = field(default_factory=dict)

    @property
    def host(self) -> Host:
        """A new host for worker processes."""
        return Host(self.harness, self.settings.call_limit)

    async def explore(self, casualties: Casualties, seed: int) -> Exploration:
        """Kill workers until enough is spent, or the promise about killed workers is seen broken."""
        done = Exploration()
        began = time.monotonic()
        done.left = obstacle(self.harness, self.settings)
        if not done.left:
            try:
                async with self.host as host:
                    await self._explore(host, casualties, seed, done)
            except NotExercised as reason:
                done.left = str(reason)
            except CallTimedOut as hung:
                done.stopped = str(hung)
        done.seconds = time.monotonic() - began
        return done

    async def _explore(self, host: Host, casualties: Casualties, seed: int, done: Exploration) -> None:
        await host.start()
        until = time.monotonic() + casualties.seconds
        while done.programs < casualties.kills and time.monotonic() < until:
            random = Random(f"{seed}:kill:{done.programs}")
            program = generate(random, _CALLS[done.programs % len(_CALLS)])
            await self._try(host, program, self._kill(random, program), casualties, done)
            if "durable/kill" in done.findings:
                return
        if casualties.sweeping:
            await self._sweep(host, casualties, done)

    async def _sweep(self, host: Host, casualties: Casualties, done: Exploration) -> None:
        """Kill a worker at every boundary inside one lease, one complete and one fail, one worker each.

        Lines come last: there are most of them, and most of what lasts comes to be at the others. It has a
        time of its own, and what there was none left for is told.
        """
        until = time.monotonic() + casualties.sweeping
        kills: list[tuple[Program, Boundary, Kill]] = []
        for program in SWEPT:
            await self._try(host, program, Kill("after"), casualties, done)
            for number, boundary in enumerate(host.boundaries, 1):
                kills.append((program, boundary, Kill("at", number, "the {} {}".format(*boundary))))
        kills.sort(key=lambda each: each[1][0] == LINE)
        for number, (program, _, kill) in enumerate(kills):
            if "durable/kill" in done.findings:
                return
            if time.monotonic() > until:
                done.short = f"swept {number} of {len(kills)} boundaries before its time was over"
                return
            await self._try(host, program, kill, casualties, done)

    async def _try(
        self, host: Host, program: Program, kill: Kill, casualties: Casualties, done: Exploration
    ) -> None:
        done.programs += 1
        done.steps += len(program)
        sweeps = bool(casualties.sweeping)
        progress.tell(done, 0 if sweeps else casualties.kills, casualties.seconds + casualties.sweeping)
        broken, history = await self.run(host, program, kill, done)
        for clause in [each for each in broken if each not in done.findings]:
            seen = Finding(broken[clause][0], program, history, (kill,), WAY, again=False)
            done.findings[clause] = await self._least(host, seen, casualties)

    def _kill(self, random: Random, program: Program) -> Kill:
        if random.random() < 0.25:
            return Kill("after")
        latency = self.latencies.get(_METHODS[program[-1].kind], _TYPICAL)
        return Kill("in", int(random.random() * 1.1 * latency * 1e6))

    async def run(
        self, host: Host, program: Program, kill: Kill, done: Exploration | None = None
    ) -> tuple[dict[str, list[Violation]], tuple[Operation, ...]]:
        """Carry out one program: what it breaks that a store owes, by clause, and its history."""
        async with open_bench(self.harness, self.sandboxes, self.settings) as bench:
            self.latencies |= await crash(bench, host, program, kill)
        history = tuple(bench.history)
        in_order = sorted(history, key=instant)
        judge = Judge(in_order, self.harness.capabilities, hasty=self.harness.virtual_time)
        judge.read()
        broken, counts = judge.evidence()
        if done is not None and not judge.overload:
            done.counts.update(counts)
        owed = {clause: found for clause, found in broken.items() if self._owes(clause)}
        return owed, history

    def _owes(self, clause: str) -> bool:
        return CLAUSE[clause].level != "SHOULD" and CLAUSE[clause].binds(self.harness.capabilities)

    async def _least(self, host: Host, seen: Finding, casualties: Casualties) -> Finding:
        """The finding, of a smaller program if one breaks the clause too; and whether it does so again."""
        steps = shrinking(seen.program, tries=casualties.tries)
        best = seen
        try:
            smaller = next(steps)
            while True:
                found = await self._repeated(host, seen, smaller, 1)
                best = found or best
                smaller = steps.send(found is not None)
        except StopIteration:
            pass
        return await self._repeated(host, seen, best.program, casualties.repeats) or best

    async def _repeated(self, host: Host, seen: Finding, program: Program, times: int) -> Finding | None:
        """What the program shows of the same clause, tried so often."""
        if not program or program[-1].worker != CHILD or program[-1].kind not in _METHODS:
            return None
        for _ in range(times):
            broken, history = await self.run(host, program, seen.schedule[0])
            if seen.violation.clause in broken:
                violation = broken[seen.violation.clause][0]
                return replace(seen, violation=violation, program=program, history=history, again=True)
        return None


def generate(random: Random, last: Kind) -> Program:
    """A random program whose worker is killed in its last step, of this kind."""
    steps = [Step(PARENT, Kind.ENQUEUE) for _ in range(random.randint(0, 2))]
    steps += [Step(CHILD, Kind.ENQUEUE) for _ in range(random.randint(1, 3))]
    steps.append(Step(CHILD, Kind.LEASE, random.choice((0, 1, 3))))
    for _ in range(random.randint(0, 4)):
        kind = random.choice((*_CALLS, Kind.LEASE))
        worker = PARENT if kind is Kind.LEASE and random.random() < 0.3 else CHILD
        steps.append(Step(worker, kind, random.choice((0, 0, 1, 8))))
    return (*steps, Step(CHILD, last, random.choice((0, 0, 1))))
