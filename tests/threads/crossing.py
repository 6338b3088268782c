"""A store whose workers can come to wait for one another."""

from __future__ import annotations

import sqlite3
from typing import Any

from async_contract import Capabilities, Job, Sandbox, StoreHarness

TIMEOUT = 60.0


class Store:
    """Two files, which a lease locks in the one order, and who ends it in the other."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.files = [
            sqlite3.connect(sandbox.path / name, timeout=TIMEOUT, isolation_level=None) for name in "ab"
        ]
        self.files[0].execute("CREATE TABLE IF NOT EXISTS jobs (id UNIQUE, kind, tenant, payload, state)")

    def change(self, first: int, second: int, sql: str, *values: object) -> list[Any]:
        """Change jobs, with both files locked."""
        self.files[first].execute("BEGIN IMMEDIATE")
        try:
            self.files[second].execute("BEGIN IMMEDIATE")
            try:
                return list(self.files[0].execute(sql, values).fetchall())
            finally:
                self.files[second].execute("COMMIT")
        finally:
            self.files[first].execute("COMMIT")

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        values = job.id, job.kind, job.tenant_id, job.payload
        self.change(0, 1, "INSERT INTO jobs VALUES (?, ?, ?, ?, 'ready')", *values)

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones, in one statement."""
        rows = self.change(
            0, 1,
            "UPDATE jobs SET state = 'leased' WHERE rowid IN (SELECT rowid FROM jobs WHERE state = 'ready' "
            "ORDER BY rowid LIMIT ?) RETURNING id, kind, tenant, payload",
            max(limit, 0),
        )  # fmt: skip
        return [Job(*row) for row in rows]

    def end(self, id: str, state: str) -> None:
        """Change the state of a job on lease."""
        sql = "UPDATE jobs SET state = ? WHERE id = ? AND state = 'leased' RETURNING id"
        if not self.change(1, 0, sql, state, id):
            raise KeyError(id)

    def complete(self, id: str) -> None:
        """End a lease."""
        self.end(id, "done")

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        self.end(id, "ready")

    def close(self) -> None:
        """Close the files."""
        for each in self.files:
            each.close()


harness = StoreHarness(Store, capabilities=Capabilities(sharing="connection", redelivers=True))
