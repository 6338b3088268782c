"""Jobs in a table of a database file."""

import sqlite3

from async_contract import Job

SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, tenant_id TEXT NOT NULL, payload BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'ready', message TEXT
)
"""
LEASE = """
UPDATE job SET state = 'leased'
WHERE number IN (SELECT number FROM job WHERE state = 'ready' ORDER BY number LIMIT ?)
RETURNING id, kind, tenant_id, payload
"""


class JobTable:
    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute(SCHEMA)

    def enqueue(self, job):
        row = (job.id, job.kind, job.tenant_id, job.payload)
        self.database.execute("INSERT INTO job (id, kind, tenant_id, payload) VALUES (?, ?, ?, ?)", row)

    def lease(self, limit):
        return [Job(*row) for row in self.database.execute(LEASE, [max(limit, 0)]).fetchall()]

    def complete(self, id):
        self._end(id, "completed", None)

    def fail(self, id, message):
        self._end(id, "ready", message)

    def row(self, id):
        return self.database.execute("SELECT state, message FROM job WHERE id = ?", [id]).fetchone()

    def shut(self):
        self.database.close()

    def _end(self, id, state, message):
        update = "UPDATE job SET state = ?, message = ? WHERE id = ? AND state = 'leased'"
        if not self.database.execute(update, [state, message, id]).rowcount:
            raise LookupError(f"no job {id!r} is on lease")
