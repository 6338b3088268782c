"""Correct stores on a driver, for tests: no schedule makes them break the contract."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aiosqlite

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.mutants.statements import StatementStore
from async_contract.store import Job

_owners = itertools.count()

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS jobs (
        place INTEGER PRIMARY KEY, id TEXT UNIQUE, kind, tenant, payload, state DEFAULT 'ready', owner, due
    )
"""
_INSERT = "INSERT INTO jobs (id, kind, tenant, payload) VALUES (?, ?, ?, ?)"
_LEASE = """
    UPDATE jobs SET state = 'leased', owner = :owner, due = :now + 30 WHERE place IN (
        SELECT place FROM jobs WHERE state = 'ready' OR (state = 'leased' AND due <= :now)
        ORDER BY place LIMIT :limit
    ) RETURNING place, id, kind, tenant, payload
"""
_END = "UPDATE jobs SET state = :state WHERE id = :id AND state = 'leased' AND owner = :owner AND due > :now"


class OneStatementEach:
    """A connection of aiosqlite, of which each call is one statement."""

    def __init__(self, clock: Callable[[], float], database: aiosqlite.Connection) -> None:
        self.clock = clock
        self.database = database
        self.owner = next(_owners)

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        await self.database.execute(_INSERT, (job.id, job.kind, job.tenant_id, job.payload))

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver some ready jobs."""
        values = {"owner": self.owner, "now": self.clock(), "limit": max(limit, 0)}
        rows = await self.database.execute_fetchall(_LEASE, values)
        return [Job(*row[1:]) for row in sorted(map(tuple, rows))]

    async def complete(self, id: str) -> None:
        """End a lease."""
        await self._end(id, "done")

    async def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        await self._end(id, "ready")

    async def _end(self, id: str, state: str) -> None:
        values = {"state": state, "id": id, "owner": self.owner, "now": self.clock()}
        cursor = await self.database.execute(_END, values)
        if not cursor.rowcount:
            raise KeyError(id)


class InTransactions(OneStatementEach):
    """The same, with a look before each statement, in one transaction with it."""

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver some ready jobs."""
        async with self._transaction():
            return await super().lease(limit)

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        async with self._transaction():
            await super().enqueue(job)

    async def _end(self, id: str, state: str) -> None:
        async with self._transaction():
            await super()._end(id, state)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        try:
            await self.database.execute("BEGIN IMMEDIATE")
            await self.database.execute_fetchall("SELECT count(*) FROM jobs")
            yield
            await self.database.commit()
        except BaseException:
            await self.database.rollback()  # whoever is cancelled too leaves no lock behind
            raise


def reached(store: type[OneStatementEach]) -> StoreHarness:
    """The harness of a store whose workers have a connection each."""

    async def connect(sandbox: Sandbox) -> AsyncIterator[OneStatementEach]:
        async with aiosqlite.connect(sandbox.path / "jobs.sqlite", isolation_level=None) as database:
            await database.execute(_SCHEMA)
            yield store(sandbox.clock, database)

    promised = Capabilities(lease_timeout=30.0, redelivers=True, fences=True, fifo=True, sharing="connection")
    return StoreHarness(connect, capabilities=promised, virtual_time=True)


HARNESSES = {
    "one-statement-each": reached(OneStatementEach),
    "in-transactions": reached(InTransactions),
    "threads": StatementStore.reached(),
}
"""Every one of them, by its name."""
