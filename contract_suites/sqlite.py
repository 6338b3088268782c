"""A durable job store in one SQLite file, for several worker processes on one machine.

`SqliteStore` needs the standard library and the vocabulary of `async_contract.store`; it is
written to be copied. What it promises is declared in the `harness` at the end of this file:

    pytest --async-contract=contract_suites.sqlite:harness

What it does not do:

- The file lies on a local disk. WAL needs memory that all processes share, so it does not work
  over a network file system.
- There is one writer at a time, and every change waits for the disk (`synchronous = FULL`), so
  that an acknowledged outcome outlives a killed process and also a loss of power, if the disk
  keeps its word. `NORMAL` is many times faster and gives up the latter: the last outcomes before
  a loss of power may be undone, and their jobs run again. Lease in batches before you choose it.
- The processes' clocks are one machine's clock. Set forward, it ends leases early; set back, it
  prolongs them and the waits for a retry. Jobs that were never delivered do not depend on it.
- The methods block, for as long as `busy_timeout` when others write; under asyncio, call them
  through `asyncio.to_thread`.
- Text that UTF-8 can't encode (lone surrogates) is refused with a `ValueError`.
- A change of state rewrites the job's row: keep payloads beyond some 100 kB elsewhere.
- Finished jobs stay, so that their ids are known. To forget those that finished before an
  instant: `DELETE FROM jobs WHERE state IN ('completed', 'dead') AND due < ?`.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord

# ruff: noqa: S608 - the statements are put together from constants of this module, never from values

# Ids are compared byte by byte: SQLite's default collation is BINARY. NULs within text are kept
# and compared; only length(), quote() and the command line stop at them.
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS jobs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        tenant_id TEXT NOT NULL,
        payload BLOB NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'waiting', 'completed', 'dead')),
        place INTEGER NOT NULL,             -- among the ready jobs, the smallest first
        attempts INTEGER NOT NULL DEFAULT 0,
        owner TEXT,                         -- leased: the token of the store object that holds it
        due REAL,                           -- when the lease or the wait ends, or the job finished
        message TEXT
    )
    """,
    "CREATE INDEX IF NOT EXISTS jobs_ready ON jobs (place) WHERE state = 'ready'",
    "CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due) WHERE state IN ('leased', 'waiting')",
)

# A job that becomes ready goes to the back. Places count up instead of naming the time, so a
# clock that is set back neither hides a new job nor changes the order. And a job that comes back
# does not keep its old place, or one that always fails would hold up all that came later.
_BACK = "(SELECT coalesce(max(place), 0) + 1 FROM jobs WHERE state = 'ready')"
_ENQUEUE = f"""
    INSERT INTO jobs (id, kind, tenant_id, payload, state, place)
    VALUES (:id, :kind, :tenant_id, :payload, 'ready', {_BACK}) ON CONFLICT (id) DO NOTHING
"""

# A lease has expired, or the wait for a retry is over; the row says so from the next `lease` on.
_DUE = "state IN ('leased', 'waiting') AND due <= :now"
_AFTERWARDS = "CASE WHEN attempts >= :max_attempts THEN 'dead' ELSE 'ready' END"
_RETURN_DUE = f"UPDATE jobs SET state = {_AFTERWARDS}, place = {_BACK}, owner = NULL WHERE {_DUE}"
_INSPECT = f"""
    SELECT CASE WHEN {_DUE} THEN {_AFTERWARDS} WHEN state = 'waiting' THEN 'ready' ELSE state END,
        message, attempts
    FROM jobs WHERE id = :id
"""

_NEXT = """
    SELECT seq, id, kind, tenant_id, payload, attempts + 1 FROM jobs
    WHERE state = 'ready' ORDER BY place, seq LIMIT ?
"""
_TAKE = "UPDATE jobs SET state = 'leased', owner = ?, due = ?, attempts = attempts + 1 WHERE seq = ?"

# The fence: only the holder ends a lease, and only while it lasts.
_HELD = "id = :id AND state = 'leased' AND owner = :owner AND due > :now"
_COMPLETE = f"UPDATE jobs SET state = 'completed', owner = NULL, due = :now WHERE {_HELD}"
_FAIL = f"""
    UPDATE jobs SET
        state = CASE WHEN attempts >= :max_attempts THEN 'dead' ELSE 'waiting' END,
        due = CASE WHEN attempts >= :max_attempts THEN :now ELSE :now + :retry_delay END,
        owner = NULL, message = :message
    WHERE {_HELD}
"""


class SqliteStore:
    """One worker's connection to a job store in a SQLite file, which it creates if need be.

    Each store object has a token of its own, and only the one that leased a job can complete or
    fail it, as long as the lease lasts. It may be used from several threads, but not from a
    forked process: connect there anew.

    Args:
        path: The database file.
        lease_timeout: Seconds after which a lease that was neither completed nor failed ends.
        max_attempts: The number of deliveries after which a job that was not completed is dead,
            whether it was failed or its lease expired. `None`: it is delivered without end.
        retry_delay: Seconds after a `fail` until the job is ready again.
        busy_timeout: Seconds to wait while other connections write. Longer than that, a call
            raises `sqlite3.OperationalError` and has no effect.
        clock: The time in seconds; the same clock in all processes.

    Raises:
        ValueError: A duration or `max_attempts` is out of range.
        sqlite3.Error: The file can't be opened, or is no database.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease_timeout: float = 60.0,
        max_attempts: int | None = 5,
        retry_delay: float = 0.0,
        busy_timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not lease_timeout > 0:
            raise ValueError(f"lease_timeout={lease_timeout!r} is not positive; write seconds above 0")
        if max_attempts is not None and max_attempts < 1:
            raise ValueError(f"max_attempts={max_attempts!r} is less than 1; write 1 or more, or None")
        if not retry_delay >= 0:
            raise ValueError(f"retry_delay={retry_delay!r} is negative; write seconds, 0 or more")
        self._lease_timeout = lease_timeout
        self._max_attempts = max_attempts
        self._retry_delay = retry_delay
        self._clock = clock
        self._owner = secrets.token_hex(16)
        # Threads share the connection, and so its transaction: one call at a time.
        self._lock = threading.Lock()
        # Without an isolation level the driver begins no transactions of its own.
        self._db = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
        try:
            self._use_wal(busy_timeout)
            self._db.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                for statement in _SCHEMA:
                    self._db.execute(statement)
        except BaseException:
            self._db.close()
            raise

    def enqueue(self, job: Job) -> None:
        """Take in a job; its `attempts` are counted from 0, whatever it says.

        Raises:
            JobExists: A job with this id was enqueued before.
            ValueError: The id or the kind is empty, or a text can't be encoded as UTF-8.
        """
        if not job.id or not job.kind:
            raise ValueError(f"id={job.id!r}, kind={job.kind!r}: a job needs both; write a non-empty str")
        fields = {"id": job.id, "kind": job.kind, "tenant_id": job.tenant_id, "payload": job.payload}
        with self._transaction():
            if not self._db.execute(_ENQUEUE, fields).rowcount:
                raise JobExists(f"job {job.id!r} was enqueued before")

    def lease(self, limit: int) -> list[Job]:
        """Put at most `limit` ready jobs on lease to this store object and deliver them.

        The job that has been ready longest comes first. Leases that have expired end here: their
        jobs are ready again, or dead if they have had `max_attempts` deliveries.
        """
        if limit <= 0:
            return []
        with self._transaction() as now:
            self._db.execute(_RETURN_DUE, {"now": now, "max_attempts": self._max_attempts})
            rows = self._db.execute(_NEXT, (limit,)).fetchall()
            until = now + self._lease_timeout
            self._db.executemany(_TAKE, [(self._owner, until, seq) for seq, *_ in rows])
        return [Job(*fields) for _, *fields in rows]

    def complete(self, id: str) -> None:
        """Record that the job is done: it is never delivered again.

        Raises:
            JobNotFound: There is no job with this id.
            JobNotLeased: This store object does not hold it, or not any more.
            ValueError: The id can't be encoded as UTF-8.
        """
        self._end_lease(_COMPLETE, id)

    def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready after `retry_delay`, or dead.

        Raises:
            JobNotFound: There is no job with this id.
            JobNotLeased: This store object does not hold it, or not any more.
            ValueError: The id or the message can't be encoded as UTF-8.
        """
        self._end_lease(_FAIL, id, message)

    def inspect(self, id: str) -> JobRecord | None:
        """What the store remembers of a job; `None` if there is no job with this id.

        Raises:
            ValueError: The id can't be encoded as UTF-8.
        """
        with self._lock:
            # The clock before the row: a lease that has expired by then, and still stands in the
            # row, has expired at the instant of the row too. The other way round, a job could be
            # shown as ready that was on lease until another worker completed it.
            parameters = {"now": self._clock(), "id": id, "max_attempts": self._max_attempts}
            row = self._db.execute(_INSPECT, parameters).fetchone()
        return None if row is None else JobRecord(*row)

    def close(self) -> None:
        """Close the connection; closing twice is fine. Leases last until they expire."""
        with self._lock:
            self._db.close()

    def _end_lease(self, statement: str, id: str, message: str | None = None) -> None:
        with self._transaction() as now:
            parameters = {
                "id": id,
                "owner": self._owner,
                "now": now,
                "message": message,
                "retry_delay": self._retry_delay,
                "max_attempts": self._max_attempts,
            }
            if self._db.execute(statement, parameters).rowcount:
                return
            if self._db.execute("SELECT 1 FROM jobs WHERE id = ?", (id,)).fetchone():
                raise JobNotLeased(f"job {id!r} is not on lease to this worker, or not any more")
            raise JobNotFound(f"there is no job {id!r}")

    @contextmanager
    def _transaction(self) -> Iterator[float]:
        """One write transaction; gives the time at which it has the write lock."""
        with self._lock:
            try:
                # IMMEDIATE takes the write lock before the first read, so nothing that was read
                # can be out of date when it is written. A deferred transaction would read first,
                # and be refused the lock without waiting if another had written since.
                self._db.execute("BEGIN IMMEDIATE")
                # The clock is read under the lock: the time before a long wait for it would give
                # leases that are half over, and let a worker end one that has expired.
                yield self._clock()
                self._db.commit()
            except BaseException:
                self._db.rollback()
                raise

    def _use_wal(self, patience: float) -> None:
        """Switch a new file to WAL, waiting up to `patience` seconds for others that open it too.

        The busy timeout does not apply here: SQLite answers "database is locked" at once if
        another process is about to write to the file that is not WAL yet.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # or one of its kinds
                if not busy or time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
            else:
                return


_CAPABILITIES = Capabilities(
    lease_timeout=1.0,
    redelivers=True,
    max_attempts=3,
    expiry_counts=True,
    retry_delay=0.5,
    counts_attempts=True,
    fifo=True,
    fences=True,
    durable=True,
    sharing="process",
)


def _connect(sandbox: Sandbox) -> SqliteStore:
    return SqliteStore(
        sandbox.path / "jobs.db",
        lease_timeout=1.0,
        max_attempts=3,
        retry_delay=0.5,
        clock=sandbox.clock,
    )


harness = StoreHarness(_connect, capabilities=_CAPABILITIES, virtual_time=True)
"""Every worker opens the same file for itself, and may do so in a process of its own."""
