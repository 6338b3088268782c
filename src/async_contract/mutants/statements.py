"""Asynchronous stores in a SQLite file, a thread for each statement: right until others come between two."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, NamedTuple, TypeVar

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotLeased

_PATIENCE = 10.0
"""Seconds to wait while another connection writes."""

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS jobs (
        place INTEGER PRIMARY KEY, id TEXT UNIQUE, kind TEXT, tenant TEXT, payload BLOB,
        attempts INTEGER DEFAULT 0, state TEXT DEFAULT 'ready', owner INTEGER, due REAL
    )
"""
_INSERT = "INSERT INTO jobs (id, kind, tenant, payload) VALUES (?, ?, ?, ?)"
_READY = """
    SELECT id, kind, tenant, payload, attempts + 1 FROM jobs
    WHERE state = 'ready' OR (state = 'leased' AND due <= ?) ORDER BY place LIMIT ?
"""
_LEASE = "UPDATE jobs SET state = 'leased', owner = ?, due = ?, attempts = ? WHERE id = ?"
_IS_HELD = "SELECT 1 FROM jobs WHERE id = ? AND state = 'leased' AND owner = ? AND due > ?"
_END = "UPDATE jobs SET state = ? WHERE id = ? AND state = 'leased' AND owner = ? AND due > ?"

_T = TypeVar("_T")


class Done(NamedTuple):
    """What came of a statement."""

    rows: list[tuple[Any, ...]]
    changed: int


class StatementStore:
    """A connection to a table of jobs, for one worker; every change is one transaction.

    A call that is cancelled goes on without its caller, so that no transaction is left open.

    Attributes:
        breaks: The id of the clause that must catch it, where it is broken.
        hangs: Whether it leaves calls that never return.
        deep: Whether it takes more than the example of its clause: many steps, or a schedule.
        lease_timeout: Seconds after which a lease ends.
    """

    breaks: ClassVar[str]
    hangs: ClassVar[bool] = False
    deep: ClassVar[bool] = True
    lease_timeout: ClassVar[float] = 30.0

    def __init__(self, clock: Callable[[], float], database: sqlite3.Connection) -> None:
        self.clock = clock
        self.database = database
        self.lock = asyncio.Lock()

    @classmethod
    async def on_table(cls, sandbox: Sandbox) -> AsyncIterator[StatementStore]:
        """Connect to the table of a sandbox."""
        database = sqlite3.connect(
            sandbox.path / "jobs.db", timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        store = cls(sandbox.clock, database)
        try:
            await store.run(_SCHEMA)
            yield store
            async with store.lock:  # for a call that goes on without its caller
                pass
        finally:
            database.close()

    @classmethod
    def reached(cls) -> StoreHarness:
        """The harness of its stores: each worker has a connection."""
        promised = Capabilities(
            lease_timeout=cls.lease_timeout, redelivers=True, counts_attempts=True, fences=True,
            sharing="connection",
        )  # fmt: skip
        return StoreHarness(cls.on_table, capabilities=promised, virtual_time=True)

    async def enqueue(self, job: Job) -> None:
        """Take in a job."""
        await self.whole(self.put(job))

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver at most `limit` ready jobs, the oldest first."""
        return await self.whole(self.get(limit))

    async def complete(self, id: str) -> None:
        """Record that the job is done.

        Raises:
            JobNotLeased: It is not on lease to this connection.
        """
        await self.whole(self.finish(id))

    async def fail(self, id: str, message: str) -> None:
        """Make the job ready again.

        Raises:
            JobNotLeased: It is not on lease to this connection.
        """
        await self.whole(self.put_back(id))

    # -- the steps of a call ------------------------------------------------------------------

    async def whole(self, call: Coroutine[Any, Any, _T]) -> _T:
        """Carry out a call of this connection, to its end, when those before it have ended."""

        async def in_turn() -> _T:
            async with self.lock:
                return await call

        task = asyncio.create_task(in_turn())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # so it is no news
        return await asyncio.shield(task)

    async def run(self, statement: str, *parameters: object) -> Done:
        """Execute a statement in a thread."""
        return await asyncio.to_thread(self._executed, statement, parameters)

    def _executed(self, statement: str, parameters: Sequence[Any]) -> Done:
        cursor = self.database.execute(statement, parameters)
        return Done(cursor.fetchall(), cursor.rowcount)

    @asynccontextmanager
    async def transaction(self, kind: str = "IMMEDIATE") -> AsyncIterator[None]:
        """A transaction, which takes the write lock before it reads."""
        await self.run(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            await self.run("ROLLBACK")
            raise
        await self.run("COMMIT")

    async def put(self, job: Job) -> None:
        """Insert a job."""
        await self.run(_INSERT, job.id, job.kind, job.tenant_id, job.payload)

    async def get(self, limit: int) -> list[Job]:
        """Put ready jobs on lease."""
        async with self.transaction():
            jobs = await self.chosen(limit)
            await self.take(jobs)
        return jobs

    async def finish(self, id: str) -> None:
        """End a lease well."""
        await self.end(id, "completed")

    async def put_back(self, id: str) -> None:
        """End a lease badly."""
        await self.end(id, "ready")

    async def chosen(self, limit: int) -> list[Job]:
        """The jobs that a lease with this limit takes."""
        return [Job(*row) for row in (await self.run(_READY, self.clock(), max(limit, 0))).rows]

    async def take(self, jobs: Sequence[Job]) -> None:
        """Put jobs on lease."""
        for job in jobs:
            await self.run(_LEASE, id(self), self.clock() + self.lease_timeout, job.attempts, job.id)

    async def end(self, id_: str, state: str) -> None:
        """Put a job that this connection holds into another state."""
        if not (await self.run(_END, state, id_, id(self), self.clock())).changed:
            raise self.not_leased(id_)

    async def check(self, id_: str) -> None:
        """Look whether this connection holds a job."""
        if not (await self.run(_IS_HELD, id_, id(self), self.clock())).rows:
            raise self.not_leased(id_)

    def not_leased(self, id_: str) -> JobNotLeased:
        """The refusal to end a lease."""
        return JobNotLeased(f"job {id_!r} is not on lease to this connection")


class SelectsThenUpdates(StatementStore):
    """The ready jobs are selected, and then updated whatever has become of them."""

    breaks = "lease/exclusive"

    async def get(self, limit: int) -> list[Job]:
        jobs = await self.chosen(limit)
        await self.take(jobs)
        return jobs


class DefersItsTransaction(StatementStore):
    """A lease whose deferred transaction can't be upgraded takes the jobs that it saw in the next one."""

    breaks = "lease/exclusive"

    async def get(self, limit: int) -> list[Job]:
        jobs: list[Job] = []
        try:
            async with self.transaction("DEFERRED"):
                jobs = await self.chosen(limit)
                await self.take(jobs)
        except sqlite3.OperationalError:
            async with self.transaction():
                await self.take(jobs)
        return jobs


class DatesTheLeaseLater(StatementStore):
    """A job is put on lease by one statement, and until when by the next one."""

    breaks = "lease/exclusive"

    async def get(self, limit: int) -> list[Job]:
        async with self.transaction():
            jobs = await self.chosen(limit)
            for job in jobs:
                await self.run(_LEASE, id(self), 0, job.attempts, job.id)
        for job in jobs:
            await self.run("UPDATE jobs SET due = ? WHERE id = ?", self.clock() + self.lease_timeout, job.id)
        return jobs


class ChecksThenDeletes(StatementStore):
    """A complete checks that its job is held, and then deletes it whoever holds it by then."""

    breaks = "expiry/fenced"

    async def finish(self, id: str) -> None:
        await self.check(id)
        await self.run("DELETE FROM jobs WHERE id = ?", id)


class WritesBackAttempts(StatementStore):
    """A fail reads how often the job was tried, and writes that back, however often it was by then."""

    breaks = "lease/attempts"

    async def put_back(self, id_: str) -> None:
        ((attempts,),) = (await self.run("SELECT attempts FROM jobs WHERE id = ?", id_)).rows or [(0,)]
        await self.end(id_, "ready")
        await self.run("UPDATE jobs SET attempts = ? WHERE id = ?", attempts, id_)


STORES = (
    SelectsThenUpdates,
    DefersItsTransaction,
    DatesTheLeaseLater,
    ChecksThenDeletes,
    WritesBackAttempts,
)
