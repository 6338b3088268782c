"""One clause, one store: run what exercises the clause and have the history judged."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.bench import (
    NotApplicable,
    NotEmpty,
    NotExercised,
    Settings,
    open_bench,
)
from async_contract.experiments.catalogue import EXAMPLES, Example
from async_contract.experiments.explore import Budget, Exploration, Explorer, Finding
from async_contract.experiments.interleavings import Effort, Interleaver
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.judge import judge
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation

WAITS = {"quick": 1.0, "normal": 5.0, "thorough": 30.0}
"""By effort: seconds of real time that one experiment waits for leases to expire."""


BUDGETS = {
    "quick": Budget(programs=150, seconds=1.0),
    "normal": Budget(programs=1_000, seconds=4.0),
    "thorough": Budget(programs=20_000, seconds=40.0, tries=5_000),
}
"""By effort: how many random programs are carried out, and for how long."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one clause may cost.

    Attributes:
        item: Seconds for one clause.
        allow_nonempty: Whether a store may hold other jobs, which are then left alone.
        effort: `"quick"`, `"normal"` or `"thorough"`.
        seed: Where the random programs come from; the same seed gives the same programs.
    """

    item: float = 60.0
    allow_nonempty: bool = False
    effort: str = "normal"
    seed: int = 0

    @property
    def settings(self) -> Settings:
        """The same for one experiment: a call may take a third of what there is for all of them."""
        return Settings(self.item / 3, min(WAITS[self.effort], self.item / 4), self.allow_nonempty)

    @property
    def budget(self) -> Budget:
        """How much is explored, at most half of the time that there is."""
        budget = BUDGETS[self.effort]
        return replace(budget, seconds=min(budget.seconds, self.item / 2))


EFFORTS = {
    "quick": Effort(programs=40, schedules=15, seconds=1.0),
    "normal": Effort(programs=120, schedules=30, seconds=4.0),
    "thorough": Effort(programs=3_000, schedules=100, seconds=40.0, tries=500),
}
"""By effort: how many concurrent programs are tried, under how many schedules."""


class Explorations:
    """What random programs have shown of each store: they are carried out once, for all clauses."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[StoreHarness, Exploration]] = {}

    def of(self, harness: StoreHarness, sandboxes: Sandboxes, limits: Limits) -> Exploration:
        """What they have shown of this store, carried out now unless they were before."""
        if id(harness) not in self._done:
            self._done[id(harness)] = (harness, _explored(harness, sandboxes, limits))
        return self._done[id(harness)][1]  # with its harness, so that its id stays its own


def _explored(harness: StoreHarness, sandboxes: Sandboxes, limits: Limits) -> Exploration:
    """Programs in order, and, if the store is asynchronous, at the same time on the simulated loop."""
    settings = replace(limits.settings, call_limit=min(5.0, limits.item / 6))
    explorer = Explorer(harness, sandboxes, settings, limits.seed)
    with asyncio.Runner() as runner:
        found = runner.run(explorer.explore(limits.budget))
    methods = [
        getattr(cls, name, None) for cls in harness.store_classes for name in ("lease", "complete", "fail")
    ]
    if found.stopped or not any(map(inspect.iscoroutinefunction, methods)):
        return found
    interleaver = Interleaver(harness, sandboxes, settings, limits.seed)
    effort = EFFORTS[limits.effort]
    effort = replace(effort, seconds=min(effort.seconds, limits.item / 4))
    raced = interleaver.explore(effort, frozenset(found.findings))
    for clause, each in raced.findings.items():
        found.findings[clause] = Finding(each.violation, each.program, each.history)
    found.counts.update(raced.counts)
    return found


@dataclass(frozen=True, slots=True)
class Verification:
    """What is known of one clause after its experiments.

    Attributes:
        verdict: The verdict on the clause.
        others: What else the same history breaks.
        history: The history behind the verdict.
    """

    verdict: ClauseVerdict
    others: tuple[Violation, ...] = ()
    history: tuple[Operation, ...] = ()


def verify(
    harness: StoreHarness,
    clause_id: str,
    *,
    sandboxes: Sandboxes,
    limits: Limits | None = None,
    explorations: Explorations | None = None,
) -> Verification:
    """Put a store to the test on one clause.

    Whatever the store does comes back as a verdict: also if it hangs, raises where it may not, or
    is not empty.

    Args:
        harness: How the store is reached.
        clause_id: The clause.
        sandboxes: Where the store's private places are made.
        limits: How much this may cost.
        explorations: What random programs have shown so far, to be shared by the clauses of a run;
            without it none are carried out.
    """
    clause = CLAUSE[clause_id]
    if not clause.binds(harness.capabilities):
        reason = f"the store does not promise {clause.capability}"
        return Verification(ClauseVerdict(clause_id, Verdict.NOT_PROMISED, reason=reason))
    if clause_id not in EXAMPLES:
        reason = "no experiment of this version exercises it"
        return Verification(ClauseVerdict(clause_id, Verdict.UNEXERCISED, reason=reason))
    run = _Run(harness, clause_id, sandboxes, limits or Limits(), explorations)
    return run.verification()


class _Run:
    def __init__(
        self,
        harness: StoreHarness,
        clause_id: str,
        sandboxes: Sandboxes,
        limits: Limits,
        explorations: Explorations | None,
    ) -> None:
        self._harness = harness
        self._clause = CLAUSE[clause_id]
        self._sandboxes = sandboxes
        self._limits = limits
        self._explorations = explorations
        self._history: list[Operation] = []
        self._explored = Exploration()
        self._verdict = Verdict.HELD
        self._reason = ""

    def verification(self) -> Verification:
        self._guarded(self._run_example)
        judgement = judge(self._history, self._harness.capabilities)
        found = judgement.verdicts[self._clause.id]
        others = tuple(each for each in judgement.violations if each.clause != self._clause.id)
        if found.verdict is Verdict.BROKEN:
            return Verification(found, others, tuple(self._history))
        if self._explorations is not None and self._verdict in (Verdict.HELD, Verdict.UNEXERCISED):
            self._guarded(partial(self._explore, self._explorations))
        finding = self._explored.findings.get(self._clause.id)
        if finding is not None:
            count = found.count + self._explored.counts[self._clause.id]
            broken = ClauseVerdict(self._clause.id, Verdict.BROKEN, count, (finding.violation,))
            return Verification(broken, others, finding.history)
        return Verification(self._conclude(found), others, tuple(self._history))

    def _conclude(self, found: ClauseVerdict) -> ClauseVerdict:
        """The verdict, where nothing breaks the clause; nothing is held by half a run."""
        count = found.count + self._explored.counts[self._clause.id]
        if self._verdict is not Verdict.HELD:
            return ClauseVerdict(self._clause.id, self._verdict, count, reason=self._reason)
        if found.verdict is Verdict.UNEXERCISED and count >= self._clause.minimum:
            return ClauseVerdict(self._clause.id, Verdict.HELD, count)
        return replace(found, count=count)

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run an experiment; what the store does instead of letting it pass is a verdict too."""
        try:
            with time_limit(self._limits.item):
                run()
        except TimeLimitExceeded as hung:
            self._stop(Verdict.ERROR, f"it hung: stopped after {self._limits.item:g} s, {hung}")
        except NotApplicable as reason:
            self._stop(Verdict.NOT_PROMISED, str(reason))
        except NotExercised as reason:
            self._stop(Verdict.UNEXERCISED, str(reason))
        except (NotEmpty, HarnessError, TargetError, CallTimedOut) as reason:
            self._stop(Verdict.ERROR, str(reason))

    def _run_example(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._experiment(EXAMPLES[self._clause.id]))

    def _explore(self, explorations: Explorations) -> None:
        self._explored = explorations.of(self._harness, self._sandboxes, self._limits)
        if self._explored.stopped:
            raise CallTimedOut(f"a random program was stopped: {self._explored.stopped}")

    def _stop(self, verdict: Verdict, reason: str) -> None:
        self._verdict = verdict
        self._reason = reason

    async def _experiment(self, example: Example) -> None:
        settings = self._limits.settings
        async with open_bench(self._harness, self._sandboxes, settings) as bench:
            self._history = bench.history
            try:
                await example(bench)
            except (NotExercised, NotApplicable):
                # What came so far is judged too, to the end: a store that delivers nothing is broken.
                await bench.drain()
                raise
            await bench.drain()
