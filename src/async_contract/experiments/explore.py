"""Programs by the thousand: what a store does wrong that nobody thought of."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from random import Random

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments import progress
from async_contract.experiments.bench import Settings, ShutForGood
from async_contract.experiments.doubts import Doubts, outlast
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.in_order import open_prompt_bench, play_in_order
from async_contract.experiments.owners import promised_here
from async_contract.experiments.programs import LIMITS, Kind, Program, Step, generate, in_turn, menu_for
from async_contract.experiments.shrink import parts, shrinking
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import CANCELLED, Operation, in_words
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.judge import Judge
from async_contract.judge.verdict import Violation

_TRIES = 3  # of a program, until nothing seems to be broken by it

_MORE = (Step(1, Kind.LEASE, LIMITS.index(10)),) * 3
"""Leases by one who ends nothing. A job that comes twice in them does so without a complete or a fail."""

MOST_SHADOWS = 2
"""After so many programs that only seemed to break a clause it is not pursued any more."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is explored.

    Attributes:
        programs: So many programs at most.
        seconds: Seconds after which no new program is begun.
        tries: How many programs are tried to make one smaller.
        patience: Seconds after which it is small enough.
        until: The clause whose breach ends it; empty: none does.
    """

    programs: int = 1_000
    seconds: float = 2.0
    tries: int = 1_000
    patience: float = 5.0
    until: str = ""


class _Hung(CallTimedOut):
    """A program in which a call did not return."""

    def __init__(self, text: str, history: tuple[Operation, ...]) -> None:
        super().__init__(text)
        self.history = history


class Explorer:
    """Carries out random programs in order, one sandbox each, and makes smaller what breaks."""

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, seed: int) -> None:
        self._harness = harness
        self._capabilities = promised_here(harness)
        self._sandboxes = sandboxes
        self._settings = settings
        self._seed = seed
        self._doubts = Doubts(harness, settings)

    async def explore(self, budget: Budget) -> Exploration:
        """Explore until the budget is spent."""
        done = Exploration()
        began = time.monotonic()
        menus = in_turn(menu_for(self._harness.capabilities, virtual=self._harness.virtual_time))
        while done.programs < budget.programs and time.monotonic() - began < budget.seconds:
            if budget.until in done.findings:
                break
            program = generate(Random(f"{self._seed}:{done.programs}"), menus[done.programs % len(menus)])
            done.programs += 1
            done.steps += len(program)
            progress.tell(done, budget.programs, budget.seconds)
            try:
                await self._try(program, budget, done)
            except _Hung as hung:
                self._conclude(hung, program, done)
                break
        done.seconds = time.monotonic() - began
        return done

    async def _try(self, program: Program, budget: Budget, done: Exploration) -> None:
        broken, history = await self.broken(program, done.counts)
        for clause in broken:
            if clause not in done.findings and done.shadows[clause] < MOST_SHADOWS:
                seen = await self._proof(clause, program, history, budget)
                if seen is not None:
                    done.findings[clause] = replace(seen, again=False)  # should a smaller program hang
                    await self._pursue(seen, budget, done)

    async def _proof(
        self, clause: str, program: Program, history: tuple[Operation, ...], budget: Budget
    ) -> Finding | None:
        """What a program breaks that seems to break a clause, if it does: a lost job may come yet."""
        found = self._judged(history)[0].get(clause)
        if not found and self._doubts.suspects:
            broken, history = await self.broken(program, waits=True)
            found = broken.get(clause)
            if not found:
                self._doubts.was_wrong(budget.seconds)
        return Finding(found[0], program, history) if found else None

    def _conclude(self, hung: _Hung, program: Program, done: Exploration) -> None:
        """What a program shows that hung: another like it would take as long, so nothing more is tried."""
        broken, _ = self._judged(hung.history)
        reasons = [found[0] for clause, found in broken.items() if CLAUSE[clause].level != "SHOULD"]
        for each in reasons:
            done.findings.setdefault(each.clause, Finding(each, program, hung.history, again=False))
        if reasons:
            done.left = str(hung)
        else:
            done.stopped = f"{hung}{_since(hung.history)}"

    async def broken(
        self,
        program: Program,
        counts: Counter[str] | None = None,
        *,
        drains: bool = True,
        waits: bool = False,
    ) -> tuple[dict[str, list[Violation]], tuple[Operation, ...]]:
        """Carry out one program: what it breaks, by clause, and its history.

        Args:
            program: The program.
            counts: Where to add how often each clause was put to the test.
            drains: Whether what is left at the end is completed, or only leased.
            waits: Whether it is waited for the jobs that may come yet; else they are taken to be lost
                where that can be found out.
        """
        waits = waits or self._settings.waits
        async with open_prompt_bench(self._harness, self._sandboxes, self._settings) as bench:
            try:
                await play_in_order(bench, program, drains=drains)
                if waits:
                    await outlast(bench)
            except ShutForGood:
                pass  # it ends here, and is judged like any other
            except CallTimedOut as hung:
                raise _Hung(str(hung), tuple(bench.history)) from hung
        history = tuple(bench.history)
        hasty = self._doubts.suspects and not waits
        return self._judged(history, counts, hasty=hasty)[0], history

    def _judged(
        self, history: tuple[Operation, ...], counts: Counter[str] | None = None, *, hasty: bool = False
    ) -> tuple[dict[str, list[Violation]], dict[str, int]]:
        judge = Judge(history, self._capabilities, hasty=hasty or self._doubts.certain)
        judge.read()
        broken, counted = judge.evidence()
        if counts is not None and not judge.overload:
            for clause, count in counted.items():
                if count:  # most are 0 in a short history
                    counts[clause] += count
        return broken, counted

    async def _pursue(
        self, seen: Finding, budget: Budget, done: Exploration, shadows: frozenset[str] = frozenset()
    ) -> None:
        """Make the program smaller, and keep what it then breaks.

        Args:
            seen: What breaks a clause.
            budget: How much this may cost.
            done: Where it is kept.
            shadows: The clauses that this one explains, and which so can't explain it.
        """
        clause = seen.violation.clause
        least = await self._least(clause, seen.program, budget)
        _, history = await self.broken(least)
        proof = await self._proof(clause, least, history, budget)
        if proof is None:
            # Something else decides than the program. But what was seen was seen: its history is the proof.
            return
        other = await self._without_the_blamed(clause, least, shadows, budget)
        if other is None:
            done.findings[clause] = proof
            return
        done.shadows[clause] += 1
        done.findings.pop(clause, None)
        if other.violation.clause not in done.findings:
            await self._pursue(other, budget, done, shadows | {clause})

    async def _least(self, clause: str, program: Program, budget: Budget) -> Program:
        """The least program that still breaks the clause."""
        end = time.monotonic() + budget.patience
        steps = shrinking(program, tries=budget.tries)
        try:
            smaller = next(steps)
            while True:
                smaller = steps.send(time.monotonic() < end and clause in (await self.broken(smaller))[0])
        except StopIteration as done:
            least: Program = done.value
            return least

    async def _without_the_blamed(
        self, clause: str, program: Program, shadows: frozenset[str], budget: Budget
    ) -> Finding | None:
        """What is broken without what is to blame for this clause.

        A store that delivers every job twice also does so after the complete of another job. That
        complete is not to blame: without it the job is delivered twice all the same. Where the store is
        so slow that patience ends before it is found out, the blame stays where it is.
        """
        end = time.monotonic() + budget.patience
        if CLAUSE[clause].level == "SHOULD":
            return None
        # Some stores break now and then only: whatever they do in a thread may come sooner or later.
        smaller = [each for each in parts(program) for _ in range(_TRIES)]
        if CLAUSE[clause].family in ("complete", "fail"):
            # What is to blame may stand behind the program, where the store is drained: lease before that.
            smaller.insert(0, (*program, *_MORE))
        for each in smaller:
            if time.monotonic() >= end:
                break
            broken, history = await self.broken(each)
            for other in broken:
                if CLAUSE[other].level == "SHOULD" or other in (clause, *shadows):
                    continue
                if clause not in (await self.broken(each, drains=False))[0]:
                    found = await self._proof(other, each, history, budget)
                    if found is not None:
                        return found
        return None


def _since(history: tuple[Operation, ...]) -> str:
    """The latest call that was cancelled before the one that hung, which may be what that waits for."""
    cancelled = [each for each in history if each.error == CANCELLED]
    return f"; the latest call that was cancelled before is {in_words(cancelled[-1])}" if cancelled else ""
