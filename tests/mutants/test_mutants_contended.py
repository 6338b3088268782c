"""Mutants that are wrong only when threads or processes meet, or one is killed at the wrong instant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.bench import Settings
from async_contract.experiments.crashes import Crashes
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.gate_stage import GateStage
from async_contract.experiments.gate_stage import explore as explore_at_the_gate
from async_contract.experiments.limits import CASUALTIES, HEATS, STATEMENTS, THREADS
from async_contract.experiments.rivals import Rivals
from async_contract.experiments.thread_gate import StatementStage
from async_contract.experiments.thread_races import ThreadRaces
from async_contract.experiments.threads import PartStage, ThreadStage
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.mutants import connections, desks, shelves, statements, tables
from async_contract.mutants.mutant import Mutant, mutant
from async_contract.mutants.shelves import ShelfStore
from async_contract.mutants.statements import StatementStore
from async_contract.mutants.tables import TableStore
from async_contract.mutants.zoo import CONTENDED
from async_contract.store import Job, JobNotLeased

# What is tried is a part of what *normal* tries, without a limit of time.
IN_THREADS = replace(THREADS["normal"], seconds=300.0)
WITH_KILLS = replace(CASUALTIES["normal"], seconds=300.0)
AT_THE_GATE = replace(STATEMENTS["normal"], seconds=300.0, tries=0)
BY_LINES = {mutant(store).name for store in shelves.STORES}
BY_PARTS = {"slices-in-one-line"}
IN_RACING_THREADS = {mutant(store).name for store in desks.STORES}
BY_STATEMENTS = {mutant(store).name for store in connections.STORES}
IN_PROCESSES = replace(HEATS["normal"], programs=3, seconds=300.0)


def found(mutant: Mutant) -> set[str]:
    """The clauses that are seen broken in the way that is for such a mutant."""
    with Sandboxes() as sandboxes:
        arguments = mutant.harness, sandboxes, Settings(call_limit=60.0)
        if mutant.name in BY_LINES:
            stage = (PartStage if mutant.name in BY_PARTS else ThreadStage)(*arguments)
            programs = 1 if mutant.clause == "lease/exclusive" else 6
            effort = replace(IN_THREADS, programs=programs, until=mutant.clause)
            return set(stage.explore(effort, 0).findings)
        if mutant.name in IN_RACING_THREADS:
            heats = replace(IN_PROCESSES, repeats=60, until=mutant.clause)
            return set(ThreadRaces(*arguments).explore(heats, 0).findings)
        if mutant.name in BY_STATEMENTS:
            effort = replace(AT_THE_GATE, programs=6, until=mutant.clause)
            return set(StatementStage(*arguments).explore(effort, 0).findings)
        if mutant.harness.capabilities.sharing == "connection":
            effort = replace(AT_THE_GATE, until=mutant.clause)
            return set(explore_at_the_gate(GateStage(*arguments), effort, 0, frozenset()).findings)
        if mutant.clause == "durable/kill":
            return set(asyncio.run(Crashes(*arguments).explore(WITH_KILLS, 0)).findings)
        return set(Rivals(*arguments).explore(IN_PROCESSES, 0).findings)


@pytest.mark.parametrize(
    "mutant", [each for each in CONTENDED if each.name not in ("insists-on-outdated", "locks-its-process")],
    ids=lambda each: each.name,
)  # fmt: skip
def test_a_mutant_is_caught_by_its_clause(mutant: Mutant) -> None:
    """With a part of the normal effort; how two of them are is tested where processes race."""
    assert mutant.clause in found(mutant)


@pytest.mark.parametrize(
    "store",
    [
        *shelves.STORES,
        *connections.STORES,
        *tables.STORES[:3],
        *statements.STORES,
        ShelfStore,
        connections.ConnectedStore,
        TableStore,
        StatementStore,
    ],
)
def test_one_call_after_another_shows_nothing(
    store: type[ShelfStore | TableStore | StatementStore],
) -> None:
    """Neither of a store with the defect, nor of one without it."""
    with Sandboxes() as sandboxes:
        explorer = Explorer(store.reached(), sandboxes, Settings(), 0)
        explored = asyncio.run(explorer.explore(Budget(programs=20, seconds=300.0)))
    assert (explored.findings, explored.programs) == ({}, 20)


def test_each_is_of_a_clause() -> None:
    """And its defect is one sentence."""
    assert [
        each.name for each in CONTENDED if each.clause not in CLAUSE or not each.defect.endswith(".")
    ] == []


def test_a_lease_that_is_out_of_date_is_insisted_on(tmp_path: Path) -> None:
    """Another one writes between its look and its own."""
    place = Sandbox("one", tmp_path, virtual=True)

    class Slow(tables.InsistsOnOutdated):
        def take(self, jobs: Sequence[Job]) -> None:
            if other.chosen(1):
                other.lease(1)
            super().take(jobs)

    with closing(Slow(place)) as slow, closing(TableStore(place)) as other:
        slow.database.execute("PRAGMA journal_mode = WAL")
        slow.enqueue(Job("a", "mail"))
        assert slow.lease(1) == [Job("a", "mail")]


def test_a_job_that_is_completed_is_committed_with_the_next_call(tmp_path: Path) -> None:
    """Or when the connection is closed; what is refused changes nothing."""
    place = Sandbox("one", tmp_path, virtual=True)
    store = tables.CommitsWithTheNext(place)
    for number in range(3):
        store.enqueue(Job(str(number), "mail"))
    store.lease(3)
    store.complete("0")
    store.complete("1")
    with pytest.raises(JobNotLeased):
        store.complete("0")
    store.complete("2")
    assert store.database.in_transaction
    store.enqueue(Job("3", "mail"))
    assert [job.id for job in store.lease(9)] == ["3"]
    store.complete("3")
    store.close()
    with closing(TableStore(place)) as other:
        place.advance(60)
        assert other.lease(9) == []
