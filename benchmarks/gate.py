"""What the gate costs, and what it finds: `python benchmarks/gate.py`.

The gate of asynchronous drivers: programs of two workers on a SQLite file, in runs a second: one statement
after another behind the gate, in an order that a random walk chooses, beside the same programs without it.
Each run opens a new file. The median of five rounds, which take turns.

The gate of plain functions: the same on SQLite, and on PostgreSQL and Valkey where their drivers and servers
are installed, beside real threads without a gate. And for a store that looks, and then takes what it saw: in
how many seeds that is found, the seconds until it was found, made small and tried again, the runs until it
was found, and how often its tokens showed it again, and how often with the same history.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of
from async_contract.experiments.choosers import RandomWalk
from async_contract.experiments.findings import Finding
from async_contract.experiments.gate_stage import GateStage
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.limits import Limits
from async_contract.experiments.openings import openings
from async_contract.experiments.thread_gate import StatementStage
from async_contract.experiments.thread_races import ThreadRaces
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import WAY, Way
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation
from async_contract.judge.verdict import Verdict
from async_contract.mutants.connections import ConnectedStore
from async_contract.mutants.statements import StatementStore
from async_contract.mutants.tables import LooksThenTakes
from contract_suites.servers import postgres, valkey
from tests.contract_suites.plain_stores import BROKEN, CORRECT

ROUNDS = 5
RUNS = 30
SEEDS = 3
TRIES = 10
CLAUSE = "lease/exclusive"


class Ungated(GateStage):
    """The same programs on the same loop, in the order in which the replies come."""

    _together = LoopStage._together  # noqa: SLF001 - what the gate adds is left out
    _work = LoopStage._work  # noqa: SLF001


class Plain(NamedTuple):
    """A driver of plain functions: a store that is right, and one that looks before it takes."""

    name: str
    correct: StoreHarness
    broken: StoreHarness


def drivers() -> Iterator[Plain]:
    """Those that are here, each with its server started."""
    yield Plain("sqlite3", ConnectedStore.reached(), LooksThenTakes.reached())
    for name, url in (("psycopg", postgres.url), ("redis", valkey.url)):
        try:
            url()
        except pytest.skip.Exception as missing:
            print(f"{name}: {missing}", file=sys.stderr)
        else:
            yield Plain(name, CORRECT[name], BROKEN[name])


def rate(run: Callable[[int], object]) -> float:
    """Runs a second."""
    began = time.perf_counter()
    for number in range(RUNS):
        run(number)
    return RUNS / (time.perf_counter() - began)


def asynchronous() -> None:
    """Print what the gate before asynchronous drivers costs."""
    rates: dict[str, list[float]] = {"gate": [], "none": []}
    with Sandboxes() as sandboxes:
        arguments = StatementStore.reached(), sandboxes, Settings()
        gate, ungated = GateStage(*arguments), Ungated(*arguments)
        programs = openings(gate.menu)[:10]
        for _ in range(ROUNDS):
            for name, stage, opened in (("none", ungated, nullcontext()), ("gate", gate, gate.open())):
                with opened:
                    rates[name].append(
                        rate(lambda n, stage=stage: stage.run(programs[n % len(programs)], RandomWalk(n)))  # type: ignore[misc]
                    )
    median = {name: statistics.median(each) for name, each in rates.items()}
    print(f"without the gate   {median['none']:6.0f} runs a second")
    print(f"behind the gate    {median['gate']:6.0f} runs a second")
    print(f"the gate takes     {median['none'] / median['gate']:6.2f} times as long")


# -- plain functions --------------------------------------------------------------------------------


def speeds(harness: StoreHarness) -> tuple[float, float]:
    """Runs a second behind the gate, and in real threads."""
    gated, raced = [], []
    with Sandboxes() as sandboxes:
        arguments = harness, sandboxes, Settings()
        gate, races = StatementStage(*arguments), ThreadRaces(*arguments)
        programs = openings(gate.menu)[:10]
        for _ in range(ROUNDS):
            with gate.open():
                gated.append(rate(lambda n: gate.run(programs[n % len(programs)], RandomWalk(n))))
            raced.append(rate(lambda n: races.race(programs[n % len(programs)], n)))
    return statistics.median(gated), statistics.median(raced)


class Search(NamedTuple):
    """What came of looking for the store that looks before it takes.

    Attributes:
        found: In how many seeds it was found.
        seconds: Until it was found, made small and tried again; the median.
        runs: Of the programs, until it was found; the median.
        again: How many replays of the tokens broke the clause again.
        same: How many of these had the same history as what was found.
        tries: How many replays there were.
    """

    found: int
    seconds: float
    runs: float
    again: int
    same: int
    tries: int

    def __str__(self) -> str:
        return (
            f"{self.found:2} of {SEEDS} seeds, {self.seconds:5.1f} s, {self.runs:3.0f} runs; "
            f"shown again {self.again} times of {self.tries}, the same {self.same}"
        )


def searched(harness: StoreHarness, way: Way) -> Search:
    """Look for it in one way, with several seeds, as long as normal effort does."""
    seconds, runs, again = [], [], []
    with Sandboxes() as sandboxes:
        for seed in range(SEEDS):
            began = time.perf_counter()
            limits = Limits(seed=seed, until=CLAUSE)
            done = way.explore(harness, sandboxes, limits, frozenset())
            if CLAUSE in done.findings:
                seconds.append(time.perf_counter() - began)
                runs.append(done.schedules)
                again += repeated(harness, done.findings[CLAUSE], sandboxes)
    seen = sum(map(bool, again)), again.count("same"), len(again)
    return Search(len(runs), _middle(seconds), _middle(runs), *seen)


def repeated(harness: StoreHarness, finding: Finding, sandboxes: Sandboxes) -> list[str]:
    """What each replay of a token shows: the same history, another one that breaks the clause, or none."""
    case = case_of(CLAUSE, finding)
    replays = (verify(harness, CLAUSE, sandboxes=sandboxes, only=case, tries=1) for _ in range(TRIES))
    return [
        "" if each.verdict.verdict is not Verdict.BROKEN
        else "same" if _said(each.history) == _said(finding.history)
        else "other"
        for each in replays
    ]  # fmt: skip


def _middle(values: Sequence[float]) -> float:
    return statistics.median(values) if values else math.nan


def _said(history: tuple[Operation, ...]) -> list[Operation]:
    """A history without its instants: who called what, in which order, and what came of it."""
    return [each._replace(invoked=0, returned=None) for each in history]


def plain() -> None:
    """Print what the gate before drivers of plain functions costs, and what it finds."""
    for name, correct, broken in drivers():
        gated, raced = speeds(correct)
        for speed, way in ((gated, "statements"), (raced, "thread-races")):
            found = searched(broken, WAY[way])
            print(f"{name:8} {WAY[way].says:36} {speed:6.1f} runs a second; {found}", flush=True)


def main() -> None:
    """Print a line for each of both, and the ratio; then two for each driver of plain functions."""
    asynchronous()
    plain()


if __name__ == "__main__":
    main()
