"""Concurrent programs on a real event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiosqlite
import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of
from async_contract.experiments.findings import Exploration
from async_contract.experiments.limits import Limits
from async_contract.experiments.races import Heats, Late, Races
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job

HEATS = Heats(programs=6, repeats=5, seconds=60.0, tries=20, patience=60.0)


ONE = replace(HEATS, programs=1, repeats=1)


class Table:
    """A table of jobs, reached by a thread of the driver; a lease is one statement."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self.database = database

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        row = (job.id, job.kind, job.tenant_id, job.payload)
        await self.database.execute(
            "INSERT INTO jobs (id, kind, tenant, payload, state) VALUES (?, ?, ?, ?, 'ready')", row
        )

    async def lease(self, limit: int) -> list[Job]:
        """Deliver some ready jobs."""
        found = await self.database.execute_fetchall(
            "UPDATE jobs SET state = 'leased' WHERE id IN (SELECT id FROM jobs WHERE state = 'ready' LIMIT ?)"
            " RETURNING id, kind, tenant, payload",
            (max(limit, 0),),
        )
        return [Job(*row) for row in found]

    async def complete(self, id: str) -> None:
        """End a lease."""
        await self.end(id, "done")

    async def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        await self.end(id, "ready")

    async def end(self, id: str, state: str) -> None:
        """Change the state of a job on lease."""
        cursor = await self.database.execute(
            "UPDATE jobs SET state = ? WHERE id = ? AND state = 'leased'", (state, id)
        )
        if not cursor.rowcount:
            raise KeyError(id)


class LooksThenActs(Table):
    """A lease is two statements, and between them whoever leases at the same time comes to look too."""

    inside = looked = 0

    async def lease(self, limit: int) -> list[Job]:
        """Deliver some ready jobs."""
        LooksThenActs.inside += 1
        look = "SELECT id, kind, tenant, payload FROM jobs WHERE state = 'ready' LIMIT ?"
        found = await self.database.execute_fetchall(look, (max(limit, 0),))
        LooksThenActs.looked += 1
        while LooksThenActs.looked < LooksThenActs.inside:  # noqa: ASYNC110 - each race has a loop of its own
            await asyncio.sleep(0.001)
        for row in found:
            await self.database.execute("UPDATE jobs SET state = 'leased' WHERE id = ?", (row[0],))
        LooksThenActs.inside -= 1
        LooksThenActs.looked -= 1
        return [Job(*row) for row in found]


class Hangs(Table):
    """The second lease of all never comes back."""

    leases = 0

    async def lease(self, limit: int) -> list[Job]:
        """Deliver some ready jobs."""
        Hangs.leases += 1
        if Hangs.leases > 1:
            await asyncio.Event().wait()
        return await super().lease(limit)


class OnceOnly(Table):
    """One job in its life is delivered twice."""

    broken = False

    async def lease(self, limit: int) -> list[Job]:
        """Deliver some ready jobs."""
        jobs = await super().lease(limit)
        if jobs and limit > 0 and not OnceOnly.broken:
            OnceOnly.broken = True
            return jobs * 2
        return jobs


class Twice(Table):
    """Each batch is delivered twice over, whoever else leases."""

    async def lease(self, limit: int) -> list[Job]:
        """Deliver some ready jobs."""
        return await super().lease(limit) * 2


def reached(store: Callable[[aiosqlite.Connection], Table]) -> StoreHarness:
    """The harness of a store whose workers have a connection each."""

    async def connect(sandbox: Sandbox) -> AsyncIterator[Table]:
        async with aiosqlite.connect(sandbox.path / "jobs.sqlite", isolation_level=None) as database:
            await database.execute(
                "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, kind, tenant, payload, state)"
            )
            yield store(database)

    return StoreHarness(connect, capabilities=Capabilities(sharing="connection"))


def raced(
    store: Callable[[aiosqlite.Connection], Table],
    heats: Heats = HEATS,
    known: frozenset[str] = frozenset(),
    **settings: Any,
) -> Exploration:
    """What races show of a store."""
    with Sandboxes() as sandboxes:
        return Races(reached(store), sandboxes, Settings(**settings)).explore(heats, 0, known)


def test_a_store_whose_lease_is_one_statement_keeps_the_contract() -> None:
    """However late anybody is; each race is counted."""
    found = raced(Table)
    assert (found.findings, found.left, found.programs, found.schedules) == ({}, "", 6, 30)
    assert found.counts["lease/exclusive"] > 30


def test_another_worker_between_two_statements_is_found() -> None:
    """Two workers, one job, a lease each; and it shows again."""
    found = raced(LooksThenActs, ONE).findings["lease/exclusive"]
    assert [step.kind.name for step in found.program] == ["ENQUEUE", "LEASE", "LEASE"]
    assert (found.again, found.way, found.schedule) == (True, "races", ())


def test_what_breaks_in_each_race_is_made_smaller() -> None:
    """Down to a job and a lease, though a longer program showed it first."""
    finding = raced(Twice, ONE).findings["lease/within-limit"]
    assert [step.kind.name for step in finding.program] == ["ENQUEUE", "LEASE"]
    assert finding.again


def test_racing_ends_with_what_it_was_for() -> None:
    """No further program is begun."""
    found = raced(Twice, replace(HEATS, until="lease/within-limit"))
    assert (found.programs, set(found.findings)) == (1, {"lease/within-limit"})


def test_what_is_known_is_not_pursued() -> None:
    """Nor is it a finding once more."""
    assert raced(LooksThenActs, ONE, frozenset({"lease/exclusive"})).findings == {}


def test_what_does_not_show_again_stands_by_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was seen, and no correct store can have done it."""
    monkeypatch.setattr(OnceOnly, "broken", False)
    (found,) = raced(OnceOnly).findings.values()
    assert (found.again, found.violation.clause) == (False, "lease/within-limit")
    tries = f"a race, not seen again in {HEATS.again} tries; what happened proves it all the same"
    assert found.violation.schedule == (tries,)


def test_a_store_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """That proves nothing: it may wait for a moment longer than the limit."""
    monkeypatch.setattr(Hangs, "leases", 0)
    found = raced(Hangs, call_limit=0.05)
    assert found.findings == {}
    assert found.left.startswith("lease did not return within 0.05 s: it hung at ")


def test_what_races_find_can_be_tried_again() -> None:
    """By the token of the program."""
    harness = reached(LooksThenActs)
    finding = raced(LooksThenActs, ONE).findings["lease/exclusive"]
    with Sandboxes() as sandboxes:
        case = case_of("lease/exclusive", finding)
        again = verify(harness, "lease/exclusive", sandboxes=sandboxes, only=case)
    assert (case.way, again.verdict.verdict) == ("races", Verdict.BROKEN)


def test_races_take_the_place_of_a_simulation_that_was_left() -> None:
    """And are none for a store that stays on the simulated loop."""
    limits = Limits(effort="quick")
    with Sandboxes() as sandboxes:
        left = Explorations().of(reached(Table), sandboxes, limits)
        stayed = Explorations().of(StoreHarness(MemoryStore), sandboxes, limits)
    assert [list(each.ways) for each in (left, stayed)] == [
        ["order", "loop", "gate", "races"],
        ["order", "loop"],
    ]


class _Waits:
    """Waits twice, and says how that went."""

    def __init__(self) -> None:
        self.log: list[object] = []

    def __await__(self) -> Any:
        for _ in range(2):
            try:
                self.log.append((yield from asyncio.sleep(0, "woken").__await__()))
            except asyncio.CancelledError:
                self.log.append("cancelled")
        return "done"


def test_each_wait_is_followed_by_a_delay() -> None:
    """And what was awaited comes out as it would have."""
    delays, call = [0.0, 0.001], _Waits()

    async def main() -> object:
        return await Late(call, lambda: delays.pop(0))

    assert asyncio.run(main()) == "done"
    assert (call.log, delays) == (["woken", "woken"], [])


def test_a_cancellation_during_a_delay_is_for_the_call() -> None:
    """As if it had come while the call was waiting."""
    call = _Waits()

    async def main() -> object:
        task = asyncio.ensure_future(_awaited(Late(call, lambda: 3600.0)))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(main()) == "done"
    assert call.log == ["cancelled", "cancelled"]


async def _awaited(call: Late) -> object:
    return await call


def test_no_thread_of_a_driver_is_left() -> None:
    """Each race closes what it opened, and the driver's thread ends."""
    before = set(threading.enumerate())
    raced(Table, ONE)
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(60)  # it answers the call that closes it, and then ends
    assert [thread for thread in left if thread.is_alive()] == []
