"""Stores in a SQLite file that are right as long as there is one process, or nobody is killed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotLeased

_PATIENCE = 10.0
"""Seconds to wait while another connection writes."""

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS jobs (
        place INTEGER PRIMARY KEY, id TEXT UNIQUE, kind TEXT, tenant TEXT, payload BLOB, state TEXT, due REAL
    )
"""
_INSERT = "INSERT INTO jobs (id, kind, tenant, payload, state) VALUES (?, ?, ?, ?, 'ready')"
_READY = """
    SELECT id, kind, tenant, payload FROM jobs
    WHERE state = 'ready' OR (state = 'leased' AND due <= ?) ORDER BY place LIMIT ?
"""
_LEASE = "UPDATE jobs SET state = 'leased', due = ? WHERE id = ?"
_END = "UPDATE jobs SET state = ? WHERE id = ? AND state = 'leased'"


class TableStore:
    """A connection to a table of jobs; every change is one transaction.

    Attributes:
        lease_timeout: Seconds after which a lease ends.
        breaks: The id of the clause that must catch it, where it is broken.
        hangs: Whether it leaves calls that never return.
        deep: Whether it takes more than the example of its clause: many steps, or a schedule.
    """

    breaks: ClassVar[str]
    hangs: ClassVar[bool] = False
    deep: ClassVar[bool] = True
    lease_timeout: ClassVar[float] = 30.0

    def __init__(self, sandbox: Sandbox) -> None:
        self.clock = sandbox.clock
        self.database = sqlite3.connect(sandbox.path / "jobs.db", timeout=_PATIENCE, isolation_level=None)
        self.database.execute(_SCHEMA)

    @classmethod
    def on_table(cls, sandbox: Sandbox) -> TableStore:
        """Connect to the table of a sandbox."""
        return cls(sandbox)

    @classmethod
    def reached(cls) -> StoreHarness:
        """The harness of its stores, which another process reaches too."""
        promised = Capabilities(
            lease_timeout=cls.lease_timeout, redelivers=True, durable=True, sharing="process"
        )
        harness = StoreHarness(cls.on_table, capabilities=promised, virtual_time=True)
        harness.found_as = f"{cls.__module__}:{cls.__name__}.on_table"
        return harness

    def enqueue(self, job: Job) -> None:
        """Take in a job."""
        with self.transaction():
            self.database.execute(_INSERT, (job.id, job.kind, job.tenant_id, job.payload))

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver at most `limit` ready jobs, the oldest first."""
        with self.transaction():
            jobs = self.chosen(limit)
            self.take(jobs)
        return jobs

    def complete(self, id: str) -> None:
        """Record that the job is done.

        Raises:
            JobNotLeased: It is not on lease.
        """
        with self.transaction():
            self.end(id, "completed")

    def fail(self, id: str, message: str) -> None:
        """Make the job ready again.

        Raises:
            JobNotLeased: It is not on lease.
        """
        with self.transaction():
            self.end(id, "ready")

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

    # -- the steps of a call ------------------------------------------------------------------

    @contextmanager
    def transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        """A transaction, which takes the write lock before it reads."""
        self.database.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")

    def chosen(self, limit: int) -> list[Job]:
        """The jobs that a lease with this limit takes."""
        rows = self.database.execute(_READY, (self.clock(), max(limit, 0))).fetchall()
        return [Job(*row) for row in rows]

    def take(self, jobs: Sequence[Job]) -> None:
        """Put jobs on lease."""
        for job in jobs:
            self.database.execute(_LEASE, (self.clock() + self.lease_timeout, job.id))

    def end(self, id: str, state: str) -> None:
        """Put a job that is on lease into another state."""
        if not self.database.execute(_END, (state, id)).rowcount:
            raise JobNotLeased(f"job {id!r} is not on lease")


class LooksThenTakes(TableStore):
    """The ready jobs are looked up before the transaction that puts them on lease, and not checked in it."""

    breaks = "lease/exclusive"

    def lease(self, limit: int) -> Sequence[Job]:
        jobs = self.chosen(limit)
        with self.transaction():
            self.take(jobs)
        return jobs


class InsistsOnOutdated(TableStore):
    """A lease whose deferred transaction is out of date takes the jobs that it saw in the next one."""

    breaks = "lease/exclusive"

    def lease(self, limit: int) -> Sequence[Job]:
        jobs: list[Job] = []
        try:
            with self.transaction("DEFERRED"):
                jobs = self.chosen(limit)
                self.take(jobs)
        except sqlite3.OperationalError:
            with self.transaction():
                self.take(jobs)
        return jobs


class LocksItsProcess(TableStore):
    """Who leases has a lock, which keeps the threads of one process apart, but not processes."""

    breaks = "lease/exclusive"
    lock = threading.Lock()

    def lease(self, limit: int) -> Sequence[Job]:
        with self.lock:
            jobs = self.chosen(limit)
            self.take(jobs)
        return jobs


class CommitsWithTheNext(TableStore):
    """That a job is completed is acknowledged at once, and committed with whatever is called next."""

    breaks = "durable/kill"
    deep = False

    @contextmanager
    def transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        if self.database.in_transaction:
            self.database.execute("COMMIT")
        with super().transaction(kind):
            yield

    def complete(self, id: str) -> None:
        if self.database.in_transaction:
            self.database.execute("COMMIT")
        self.database.execute("BEGIN IMMEDIATE")
        try:
            self.end(id, "completed")
        except JobNotLeased:
            self.database.execute("ROLLBACK")
            raise

    def close(self) -> None:
        if self.database.in_transaction:
            self.database.execute("COMMIT")
        super().close()


class DeletesThenInserts(TableStore):
    """A job that is leased is deleted in one transaction, and put back as leased in the next."""

    breaks = "durable/kill"

    def lease(self, limit: int) -> Sequence[Job]:
        with self.transaction():
            jobs = self.chosen(limit)
            for job in jobs:
                self.database.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
        with self.transaction():
            for job in jobs:
                self.database.execute(_INSERT, (job.id, job.kind, job.tenant_id, job.payload))
            self.take(jobs)
        return jobs


STORES = (LooksThenTakes, InsistsOnOutdated, LocksItsProcess, CommitsWithTheNext, DeletesThenInserts)
