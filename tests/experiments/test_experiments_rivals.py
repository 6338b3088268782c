"""Workers that race in processes of their own."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of, read
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.limits import HEATS, Limits
from async_contract.experiments.processes.host import Host
from async_contract.experiments.rivals import Rivals
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import WAY
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.verdict import Verdict, Violation
from async_contract.mutants.crashing import FiledStore
from async_contract.mutants.tables import InsistsOnOutdated, LocksItsProcess, LooksThenTakes, TableStore
from async_contract.reference.memory import MemoryStore
from tests.experiments.crash_stores import Dying, Hanging, Knotted

NORMAL = HEATS["normal"]


def raced(
    harness: StoreHarness,
    programs: int = 1,
    known: frozenset[str] = frozenset(),
    *,
    repeats: int = NORMAL.repeats,
    call_limit: float = 60.0,
) -> Exploration:
    """What processes show of a store that race."""
    heats = replace(NORMAL, programs=programs, repeats=repeats, seconds=300.0, patience=300.0)
    with Sandboxes() as sandboxes:
        return Rivals(harness, sandboxes, Settings(call_limit=call_limit)).explore(heats, 0, known)


def test_a_store_whose_lease_is_one_transaction_keeps_the_contract() -> None:
    """Each race is counted."""
    found = raced(TableStore.reached(), 3)
    assert (found.findings, found.left, found.stopped) == ({}, "", "")
    assert (found.programs, found.schedules, found.distinct) == (3, 18, 18)
    assert found.counts["lease/exclusive"] > 0


@pytest.mark.parametrize("store", [InsistsOnOutdated, LocksItsProcess])
def test_what_two_processes_lease_at_the_same_time_is_found(store: type[TableStore]) -> None:
    """It takes a job and two leases; and it is told how often they show it."""
    finding = raced(store.reached(), repeats=60).findings[store.breaks]
    assert [step.kind.name for step in finding.program] == ["ENQUEUE", "LEASE", "LEASE"]
    assert (finding.way, finding.schedule) == ("processes", ())
    (often,) = finding.violation.schedule
    assert re.fullmatch(
        r"a race(; this program showed it in \d+ of 10 tries|, not seen again in 10 tries; .*)", often
    )


def test_what_processes_show_can_be_tried_again() -> None:
    """By the token of the program."""
    harness = LooksThenTakes.reached()
    finding = raced(harness, repeats=60).findings["lease/exclusive"]
    case = read(case_of("lease/exclusive", finding).token)
    with Sandboxes() as sandboxes:
        again = verify(harness, "lease/exclusive", sandboxes=sandboxes, only=case, tries=60)
    assert (case.way, again.verdict.verdict) == ("processes", Verdict.BROKEN)


def test_what_is_known_is_not_pursued() -> None:
    """Nor is it a finding once more."""
    known = frozenset({"lease/exclusive"})
    assert raced(LooksThenTakes.reached(), known=known, repeats=10).findings == {}


def test_workers_that_wait_for_one_another_are_told_of() -> None:
    """What each of them does, and at which line it stands."""
    found = raced(Knotted.reached(), call_limit=1.0)
    assert found.stopped.startswith("a worker in another process did not lease within 2 s")
    for worker in (2, 3):
        assert f"worker {worker} is in its lease at " in found.stopped
    assert found.stopped.count("in lock: fcntl.flock(self.files[number], fcntl.LOCK_EX)") == 2


def test_a_call_that_hangs_after_something_was_found_takes_nothing_back() -> None:
    """The finding is the proof."""
    stage = Rivals(TableStore.reached(), Sandboxes(), Settings())
    violation = Violation("lease/exclusive", "job-01 went to two workers", "job-01", ())
    found = Exploration({"lease/exclusive": Finding(violation, (), ())})
    stage._give_up(CallTimedOut("hung"), found)
    assert (found.left, found.stopped) == ("hung", "")


@pytest.mark.parametrize(
    ("harness", "reason"),
    [
        (StoreHarness(MemoryStore), "finds the store by the name of its target"),
        (Dying.reached(), "ended when it had to open the store; it said: out of memory"),
    ],
)
def test_why_there_is_no_race(harness: StoreHarness, reason: str) -> None:
    """No worker is reached, or can open the store."""
    found = raced(harness)
    assert reason in found.left
    assert (found.findings, found.stopped) == ({}, "")


def test_a_worker_that_can_not_say_where_it_stands_says_nothing() -> None:
    """It may be dead by now."""

    async def main() -> str:
        with Sandboxes() as sandboxes:
            harness = FiledStore.reached()
            sandbox = sandboxes.new(harness)
            async with Host(harness, 20.0) as host:
                await host.hire(sandbox)
                host.strike()
                return await host.where()

    assert asyncio.run(main()) == ""


def test_processes_race_with_the_effort_of_a_run() -> None:
    """It is one of the ways there are, for stores that processes share."""
    way, harness = WAY["processes"], Hanging.reached()
    assert (way.applies(harness), way.applies(StoreHarness(MemoryStore))) == (True, False)
    with Sandboxes() as sandboxes:
        found = way.explore(TableStore.reached(), sandboxes, Limits(effort="quick"), frozenset())
    assert (found.findings, found.left, found.stopped) == ({}, "", "")
    assert found.schedules > 0
