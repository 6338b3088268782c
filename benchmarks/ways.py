"""What each way of exploring finds in equal time: `python benchmarks/ways.py [--seconds 1] [--seeds 3]`.

On the mutants that no example catches, each way gets the same CPU seconds to see the mutant's clause broken,
and 3 more to make what it saw smaller, with several seeds:

- `StoreMachine`: the public state machine under Hypothesis, which draws and shrinks;
- `binary`: Hypothesis draws and shrinks bytes of a fixed size, decoded into a program, in which 0 is no step;
- `in order`: the built-in exploration, with its own generator and shrinking;
- `own order`, `random walk`, `SURW`, `PCT`, `in turn`: the same programs for several workers on the simulated
  loop, in asyncio's own order, and then as one strategy chooses, or all in turn as in a run.

Prints for each in how many seeds the clause was found, if not in all; the medians of the seconds to find it,
of those to shrink it, and of the steps that are left (and, of a schedule, of the pauses). The last column is
the least number of steps that any way arrived at. With `--markdown` as a table for the documentation.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from statistics import median
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from async_contract.experiments import explore, scheduled, schedules
from async_contract.experiments.bench import Settings
from async_contract.experiments.choosers import Chooser, Pct, RandomWalk, Surw, rotation
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.machine import StoreMachine
from async_contract.experiments.programs import TEXTS, WHICH, Kind, Menu, Program, Step, menu_for
from async_contract.experiments.scheduled import Effort, Scheduler
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Violation
from async_contract.mutants.mutant import Mutant
from async_contract.mutants.zoo import MUTANTS

PATIENCE = 3.0
MANY = 10**9


class Outcome(NamedTuple):
    """What came of one way with one seed.

    Attributes:
        found: CPU seconds until the clause was seen broken.
        shrunk: CPU seconds from then until nothing more could be left out.
        steps: The steps that are left.
        pauses: The pauses of the schedule that are left.
    """

    found: float
    shrunk: float
    steps: int
    pauses: int = 0


class Watch:
    """When a clause was first seen broken, and how small it has become."""

    def __init__(self, seconds: float) -> None:
        self._began = time.process_time()
        self._seconds = seconds
        self.found = math.inf
        self.steps = MANY

    @property
    def passed(self) -> float:
        """CPU seconds since the beginning."""
        return time.process_time() - self._began

    def see(self, steps: int) -> None:
        """Note that the clause was seen broken by so many steps."""
        self.found = min(self.found, self.passed)
        self.steps = min(self.steps, steps)

    def check(self) -> None:
        """End it when the time is up, for the search or for the shrinking."""
        if self.passed > min(self._seconds, self.found) + (PATIENCE if self.found < math.inf else 0.0):
            raise TimeIsUp

    def outcome(self) -> Outcome | None:
        """What came of it by now."""
        if self.found == math.inf:
            return None
        return Outcome(self.found, self.passed - self.found, self.steps)


class TimeIsUp(KeyboardInterrupt):
    """Passes through Hypothesis."""


def settings() -> hypothesis.settings:
    """No limit but that of the watch."""
    return hypothesis.settings(
        max_examples=MANY, stateful_step_count=50, database=None, deadline=None, report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def by_machine(subject: Mutant, seed: int, seconds: float) -> Outcome | None:
    """The public machine, which fails for the clause that is looked for only."""
    watch = Watch(seconds)

    class Watched(StoreMachine.for_harness(subject.harness)):  # type: ignore[misc]  # a class that was made
        """Counts its steps."""

        steps = 0

        def check(self) -> None:
            watch.check()
            self.steps += 1
            super().check()

        def _raise(self, violations: tuple[Violation, ...]) -> None:
            wanted = tuple(each for each in violations if each.clause == subject.clause)
            if wanted:
                watch.see(self.steps)
            super()._raise(wanted)

    with suppress(AssertionError, TimeIsUp):
        run_state_machine_as_test(hypothesis.seed(seed)(Watched), settings=settings())
    return watch.outcome()


STEP = 4
SIZE = 40 * STEP
KINDS = (Kind.LEASE, Kind.ENQUEUE, Kind.COMPLETE, Kind.FAIL, Kind.SLEEP, Kind.REOPEN)


def decoded(data: bytes, menu: Menu) -> Program:
    """The program in so many bytes; a step that begins with 0 is none."""
    allowed = [
        each for each in KINDS
        if (each is not Kind.SLEEP or menu.sleeps) and (each is not Kind.REOPEN or menu.reopens)
    ]  # fmt: skip
    steps = []
    for start in range(0, len(data), STEP):
        kind, worker, which, how = data[start : start + STEP]
        if kind:
            step = Step(
                1 + worker % menu.workers, allowed[kind % len(allowed)], which % WHICH, how % len(TEXTS)
            )
            steps.append(step)
    return tuple(steps)


def by_bytes(subject: Mutant, seed: int, seconds: float) -> Outcome | None:
    """Bytes that Hypothesis draws and shrinks, decoded into a program."""
    watch = Watch(seconds)
    menu = menu_for(subject.harness.capabilities, virtual=subject.harness.virtual_time)
    with Sandboxes() as sandboxes, asyncio.Runner() as runner:
        explorer = Explorer(subject.harness, sandboxes, Settings(), seed)

        @hypothesis.seed(seed)
        @settings()
        @hypothesis.given(st.binary(min_size=SIZE, max_size=SIZE))
        def holds(data: bytes) -> None:
            watch.check()
            program = decoded(data, menu)
            broken, _ = runner.run(explorer.broken(program))
            if subject.clause in broken:
                watch.see(len(program))
                raise AssertionError

        with suppress(AssertionError, TimeIsUp):
            holds()
    return watch.outcome()


class _Explorer(Explorer):
    watch: Watch
    wanted: str

    async def _pursue(self, seen: Finding, *rest: Any) -> None:
        if seen.violation.clause == self.wanted:
            self.watch.see(len(seen.program))
        await super()._pursue(seen, *rest)


def in_order(subject: Mutant, seed: int, seconds: float) -> Outcome | None:
    """The built-in exploration."""
    with Sandboxes() as sandboxes:
        explorer = _Explorer(subject.harness, sandboxes, Settings(), seed)
        explorer.watch, explorer.wanted = watch, clause = Watch(seconds), subject.clause
        budget = Budget(programs=MANY, seconds=seconds, patience=PATIENCE, until=clause)
        return left(watch, clause, asyncio.run(explorer.explore(budget)))


class _Scheduler(Scheduler):
    watch: Watch
    wanted: str

    def _pursue(self, clause: str, program: Program, *rest: Any) -> None:
        if clause == self.wanted:
            self.watch.see(len(program))
        super()._pursue(clause, program, *rest)


def left(watch: Watch, clause: str, done: Exploration) -> Outcome | None:
    """What is left of what was seen, if it was found in the end."""
    if clause not in done.findings or watch.found == math.inf:
        return None
    finding = done.findings[clause]
    return Outcome(watch.found, watch.passed - watch.found, len(finding.program), len(finding.schedule))


Strategy = Callable[[int, Sequence[int]], Iterator[Chooser]]


def on_the_loop(strategy: Strategy) -> Callable[[Mutant, int, float], Outcome | None]:
    """The simulated loop, on which a strategy chooses after asyncio's own order was tried."""

    def explored(subject: Mutant, seed: int, seconds: float) -> Outcome | None:
        with Sandboxes() as sandboxes, patch.object(schedules, "rotation", strategy):
            scheduler = _Scheduler(LoopStage(subject.harness, sandboxes, Settings()), seed)
            scheduler.watch, scheduler.wanted = watch, clause = Watch(seconds), subject.clause
            effort = Effort(programs=MANY, seconds=seconds, patience=PATIENCE, until=clause)
            return left(watch, clause, scheduler.explore(effort))

    return explored


WAYS: dict[str, Callable[[Mutant, int, float], Outcome | None]] = {
    "StoreMachine": by_machine,
    "binary": by_bytes,
    "in order": in_order,
    "own order": on_the_loop(lambda seed, steps: iter(())),
    "random walk": on_the_loop(lambda seed, steps: (RandomWalk((seed << 32) + each) for each in count())),
    "SURW": on_the_loop(lambda seed, steps: (Surw((seed << 32) + each, steps) for each in count())),
    "PCT": on_the_loop(lambda seed, steps: (Pct((seed << 32) + each, sum(steps)) for each in count())),
    "in turn": on_the_loop(rotation),
}


def cell(outcomes: Sequence[Outcome | None]) -> str:
    """What is printed of all seeds."""
    found = [each for each in outcomes if each is not None]
    if not found:
        return "-"
    pauses = median(each.pauses for each in found)
    steps = f"{median(each.steps for each in found):g}" + (f"+{pauses:g}" if pauses else "")
    often = "" if len(found) == len(outcomes) else f"{len(found)}/{len(outcomes)}: "
    seconds = median(each.found for each in found), median(each.shrunk for each in found)
    return f"{often}{seconds[0]:.2g} + {seconds[1]:.2g} s, {steps}"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=1.0, help="CPU seconds to find each, by each way")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--only", default="", help="the mutants whose names contain this")
    options.add_argument("--markdown", action="store_true")
    given = options.parse_args()

    def show(cells: Sequence[str]) -> None:
        text = f"| {' | '.join(cells)} |" if given.markdown else "".join(f"{each:24}" for each in cells)
        print(text, flush=True)

    header = ["mutant", *WAYS, "least"]
    show(header)
    if given.markdown:
        show(["---"] * len(header))
    total = dict.fromkeys(WAYS, 0)
    subjects = [each for each in MUTANTS if each.deep and given.only in each.name]
    # The same clock for all: what else the machine does counts for nobody.
    clock = SimpleNamespace(monotonic=time.process_time)
    begun = lambda: Exploration(began=time.process_time())  # noqa: E731
    with (
        patch.object(explore, "time", clock),
        patch.object(scheduled, "time", clock),
        patch.object(scheduled, "Exploration", begun),
    ):
        for subject in subjects:
            rows = {
                name: [way(subject, seed, given.seconds) for seed in range(given.seeds)]
                for name, way in WAYS.items()
            }
            for name, outcomes in rows.items():
                total[name] += sum(each is not None for each in outcomes)
            steps = [each.steps for outcomes in rows.values() for each in outcomes if each is not None]
            cells = [subject.name, *map(cell, rows.values()), str(min(steps, default="-"))]
            show(cells)
    most = len(subjects) * given.seeds
    show(["found in all", *(f"{found} of {most}" for found in total.values()), ""])


if __name__ == "__main__":
    main()
