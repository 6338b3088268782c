"""Concurrent programs on a real event loop, for stores that wait for what no loop of ours can order.

Whatever a task waits for (the reply of a database, a thread), it goes on a little later than it could,
now and then. Between two statements of a store others so get the time that they seldom have by
themselves. Nothing of this can be repeated exactly; but a history that breaks a clause is a proof.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from async_contract.experiments import progress
from async_contract.experiments.bench import Bench, Settings, opened
from async_contract.experiments.doubts import see_out
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.owners import promised_here
from async_contract.experiments.programs import Player, Program, finish
from async_contract.experiments.scheduled import Scheduler, numbered
from async_contract.experiments.shrink import shrink
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.awaiting import Steps, begin
from async_contract.history.operation import Operation
from async_contract.history.prompt import PromptRecorder
from async_contract.history.recorder import CallTimedOut, Wrap
from async_contract.judge.verdict import Violation

WAY = "races"
"""What this way of carrying out a program is called."""

_DELAYS = (0.0, 0.0, 0.0, 0.0005, 0.002, 0.005)
"""Seconds by which a task may go on later than it could."""


@dataclass(frozen=True, slots=True)
class Heats:
    """How much is tried.

    Attributes:
        programs: So many programs at most.
        repeats: How often each, with other delays.
        seconds: Seconds after which no new program is begun.
        tries: How many programs are tried to make one smaller.
        patience: Seconds after which it is small enough.
        until: The clause whose breach ends it; empty: none does.
        again: How often it is tried then, to say how often it shows what it broke.
    """

    programs: int = 60
    repeats: int = 6
    seconds: float = 4.0
    tries: int = 40
    patience: float = 5.0
    until: str = ""
    again: int = 10


class Late:
    """An awaitable that goes on later than it could, each time it has waited.

    Args:
        call: What is awaited.
        delay: Gives the seconds; none for 0.
    """

    def __init__(self, call: Awaitable[Any], delay: Callable[[], float]) -> None:
        self._call = call
        self._delay = delay

    def __await__(self) -> Steps:
        steps = begin(self._call)
        resume: Callable[[Any], Any] = steps.send
        value: Any = None
        while True:
            try:
                waits_for = resume(value)
            except StopIteration as done:
                return done.value
            try:
                value = yield waits_for
                seconds = self._delay()
                if seconds:
                    yield from asyncio.sleep(seconds).__await__()
            except BaseException as error:  # noqa: BLE001 - it is for the call
                resume, value = steps.throw, error
            else:
                resume = steps.send


class _LateRecorder(PromptRecorder):
    """Calls the store, and has it go on late."""

    delay: Callable[[], float]

    def _within(self, call: Awaitable[Any], wrap: Wrap | None) -> Awaitable[Any]:
        return super()._within(Late(wrap(call) if wrap else call, self.delay), None)


class Races(LoopStage):
    """Plays programs of asynchronous stores on a real event loop."""

    name = WAY

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        super().__init__(harness, sandboxes, settings)
        self._settings = settings
        self.capabilities = promised_here(harness)
        self._hastens = False  # while a program is made smaller
        self._seconds = 0.0

    def explore(self, heats: Heats, seed: int, known: frozenset[str] = frozenset()) -> Exploration:
        """Try programs until enough is spent; clauses that are known to be broken are not pursued."""
        done = Exploration()
        began = time.monotonic()
        self._seconds = heats.seconds
        while done.programs < heats.programs and time.monotonic() - began < heats.seconds:
            if heats.until in done.findings:
                break
            program = numbered(seed, done.programs, self.menu)
            done.programs += 1
            progress.tell(done, heats.programs, heats.seconds)
            try:
                self._try(program, heats, done, known)
            except CallTimedOut as hung:
                self._give_up(hung, done)
                break
        done.seconds = time.monotonic() - began
        return done

    async def _finish(self, bench: Bench) -> None:
        """Drain the store; where a job did not come that may come yet, once more when it has to."""
        await finish(bench)
        if self.doubts.suspects and not self._hastens and await see_out(bench):
            self.doubts.was_wrong(self._seconds)

    def _give_up(self, hung: CallTimedOut, done: Exploration) -> None:
        """End with a call that did not return; that proves nothing: it may only have to wait for long."""
        done.left = str(hung)

    def _try(self, program: Program, heats: Heats, done: Exploration, known: frozenset[str]) -> None:
        for heat in range(heats.repeats):
            history = self.race(program, heat)
            done.schedules += 1
            done.distinct += 1
            broken = self._broken(history, done.counts)
            news = [each for each in broken if each not in known and each not in done.findings]
            if news:
                seen = Finding(broken[news[0]][0], program, history, way=self.name, again=False)
                done.findings[news[0]] = seen  # should a smaller program hang
                done.findings[news[0]] = self._least(seen, heats)
                return

    def _broken(
        self, history: tuple[Operation, ...], counts: Counter[str] | None = None
    ) -> dict[str, list[Violation]]:
        return Scheduler(self, 0).broken(history, counts, hasty=self._hastens and self.doubts.suspects)

    def _least(self, seen: Finding, heats: Heats) -> Finding:
        """The same of a smaller program, if one shows it too; and how often it does so again."""
        best = [seen]
        end = time.monotonic() + heats.patience

        def breaks(program: Program) -> bool:
            heats_in_time = (heat for heat in range(heats.repeats) if time.monotonic() < end)
            return any(self._shows(program, heat, best) for heat in heats_in_time)

        self._hastens = True
        try:
            shrink(seen.program, breaks, tries=heats.tries)
            least = self._counted(best, heats)
        finally:
            self._hastens = False
        told = replace(seen.violation, schedule=least.violation.schedule)
        return self._proved(least, heats) or replace(seen, violation=told)

    def _proved(self, least: Finding, heats: Heats) -> Finding | None:
        """The finding, with a history that proves it: a job that seems lost may come yet."""
        clause, told = least.violation.clause, least.violation.schedule
        history = least.history
        for heat in range(heats.repeats):
            found = self._broken(history).get(clause)
            if found:
                return replace(least, violation=replace(found[0], schedule=told), history=history)
            history = self.race(least.program, heat)
        return None

    def _counted(self, best: list[Finding], heats: Heats) -> Finding:
        """The best finding, with how often its program shows it."""
        program = best[-1].program
        shown = sum(self._shows(program, heat, best) for heat in range(heats.again))
        often = f"a race; this program showed it in {shown} of {heats.again} tries"
        if not shown:
            often = f"a race, not seen again in {heats.again} tries; what happened proves it all the same"
        return replace(best[-1], violation=replace(best[-1].violation, schedule=(often,)))

    def _shows(self, program: Program, heat: int, best: list[Finding]) -> bool:
        """Whether a race shows the same as the best so far, which then is the best."""
        history = self.race(program, heat)
        found = self._broken(history).get(best[0].violation.clause, ())
        best += [Finding(each, program, history, way=self.name) for each in found[:1]]
        return bool(found)

    def race(self, program: Program, heat: int) -> tuple[Operation, ...]:
        """Carry out a program once; the number of the heat says how late everybody is."""
        random = Random(heat)
        sandbox = self._sandboxes.new(self._harness)

        async def main() -> tuple[Operation, ...]:
            bench = self._bench(self._harness, sandbox, self._settings)
            bench.recorder.delay = lambda: random.choice(_DELAYS)
            async with opened(bench):
                await self._together(Player(bench), program)
                await self._finish(bench)
            return tuple(bench.history)

        with asyncio.Runner() as runner:
            return runner.run(main())

    def _bench(self, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> RaceBench:
        return RaceBench(harness, sandbox, settings)


class RaceBench(Bench):
    """A bench whose calls go on late."""

    records_with = _LateRecorder
    recorder: _LateRecorder
