"""Stores of plain functions in SQLite files, a connection for each thread: right until two threads meet."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.mutants.tables import TableStore
from async_contract.store import Job

_DAY = 86_400_000
"""Milliseconds."""

_READY = """
    SELECT id, kind, tenant, payload FROM jobs
    WHERE state = 'ready' OR (state = 'leased' AND due <= ?) ORDER BY place LIMIT ?
"""
_TAKE = """
    UPDATE jobs SET state = 'leased', due = ? WHERE place IN (
        SELECT place FROM jobs WHERE state = 'ready' OR (state = 'leased' AND due <= ?) ORDER BY place LIMIT ?
    )
"""


class ConnectedStore(TableStore):
    """A connection to a table of jobs, for one thread."""

    @classmethod
    def reached(cls) -> StoreHarness:
        """The harness of its stores: each worker has a connection."""
        promised = Capabilities(lease_timeout=cls.lease_timeout, redelivers=True, sharing="connection")
        return StoreHarness(cls, capabilities=promised, virtual_time=True)


class LocksInTheOtherOrder(ConnectedStore):
    """Connections share two locks, of which a lease takes the one first, and a complete the other."""

    breaks = "complete/accepted"
    jobs = threading.Lock()
    leases = threading.Lock()

    def lease(self, limit: int) -> list[Job]:
        with self.jobs, self.leases:
            return [*super().lease(limit)]

    def complete(self, id: str) -> None:
        with self.leases, self.jobs:
            super().complete(id)


class WaitsForTheOtherFile(ConnectedStore):
    """Leases are counted in a second file; a complete locks the other file first, and waits a day."""

    breaks = "complete/accepted"

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.counts = sqlite3.connect(sandbox.path / "counts.db", isolation_level=None)
        self.counts.execute("CREATE TABLE IF NOT EXISTS counts (name TEXT)")
        for database in (self.database, self.counts):
            database.execute(f"PRAGMA busy_timeout = {_DAY}")

    def close(self) -> None:
        with closing(self.counts):
            super().close()

    @contextmanager
    def count(self, name: str) -> Iterator[None]:
        """Count a call, when it has gone well."""
        self.counts.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.counts.execute("INSERT INTO counts VALUES (?)", (name,))
        finally:
            self.counts.execute("COMMIT")

    def take(self, jobs: Sequence[Job]) -> None:
        with self.count("lease"):
            super().take(jobs)

    def complete(self, id: str) -> None:
        with self.count("complete"):
            super().complete(id)


class LeasesInOneLine(ConnectedStore):
    """The ready jobs are read by one statement, and put on lease by the next, whichever are ready by then."""

    breaks = "lease/exclusive"

    def lease(self, limit: int) -> list[Job]:
        now, most = self.clock(), max(limit, 0)
        first, second = (now, most), (now + self.lease_timeout, now, most)
        # In one line, so that nobody who goes line by line comes between the two.
        both = self.database.execute(_READY, first).fetchall(), self.database.execute(_TAKE, second)
        return [Job(*row) for row in both[0]]


STORES = (LeasesInOneLine, LocksInTheOtherOrder, WaitsForTheOtherFile)
