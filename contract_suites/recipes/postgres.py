"""A job store in a PostgreSQL table, for workers on many machines.

`PostgresStore` needs psycopg 3 with its pool, and the vocabulary of `async_contract.store`. Each call is
one statement, and so one transaction and one round trip.

- All instants are the server's, so the clocks of the workers don't matter. If the server's is set forward,
  leases end early; set back, jobs that become ready meanwhile come before older ones.
- The isolation level is READ COMMITTED, as it is by default. A worker passes over the rows that others are
  about to take (`SKIP LOCKED`) instead of waiting for them.
- Nothing is tried again: after a driver's error nobody knows whether the call took effect. An enqueue may be
  repeated (`JobExists` means that it had), and so may a complete or a fail (`JobNotLeased` may mean that
  it had); what a lost lease has taken is delivered when it expires.
- PostgreSQL's text has no NUL and no lone surrogates; they are refused with a `ValueError`.
- A change of state writes a new version of the row, without its payload if that is longer than some 2 kB.
- Finished jobs stay, so that their ids are known. To forget those that finished a week ago:
  `DELETE FROM jobs WHERE state IN ('completed', 'dead') AND due < now() - interval '1 week'`.
"""

from __future__ import annotations

import secrets
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord
from contract_suites.recipes import settings

# ruff: noqa: S608 - the statements are put together from constants of this module, never from values

SCHEMA = """
    CREATE TABLE IF NOT EXISTS jobs (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        kind text NOT NULL,
        tenant_id text NOT NULL,
        payload bytea NOT NULL,
        state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'leased', 'completed', 'dead')),
        attempts integer NOT NULL DEFAULT 0,
        owner text,          -- leased: the token of the store object that holds it
        due timestamptz NOT NULL DEFAULT clock_timestamp(),
                             -- ready: from when on; leased: until when; else when it was finished
        message text
    );
    CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due, seq) WHERE state IN ('ready', 'leased')
"""

_ENQUEUE = """
    INSERT INTO jobs (id, kind, tenant_id, payload)
    VALUES (%(id)s, %(kind)s, %(tenant_id)s, %(payload)s) ON CONFLICT (id) DO NOTHING
"""

# A job whose lease has expired is ready again, or dead. Its row says so from the next lease on.
#
# Where a row was changed since the statement began, its lock is on the latest version, and PostgreSQL looks
# at the conditions again: what another worker has just taken is left out. The time is a subquery, for
# an index can't be searched by a function that gives another value for each row.
_LEASE = """
    WITH buried AS (
        UPDATE jobs SET state = 'dead', owner = NULL WHERE seq IN (
            SELECT seq FROM jobs
            WHERE state = 'leased' AND due <= (SELECT clock_timestamp()) AND attempts >= %(max_attempts)s
            FOR UPDATE SKIP LOCKED
        )
    ), next AS (
        SELECT seq, due FROM jobs
        WHERE state IN ('ready', 'leased') AND due <= (SELECT clock_timestamp())
            AND (state = 'ready' OR attempts < %(max_attempts)s)
        ORDER BY due, seq LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE jobs SET state = 'leased', owner = %(owner)s, attempts = attempts + 1,
            due = clock_timestamp() + make_interval(secs => %(lease_timeout)s)
        FROM next WHERE jobs.seq = next.seq
        RETURNING jobs.seq, id, kind, tenant_id, payload, attempts
    )
    SELECT id, kind, tenant_id, payload, attempts FROM taken JOIN next USING (seq) ORDER BY next.due, seq
"""

# The fence: only the holder ends a lease, and only while it lasts.
_HELD = "id = %(id)s AND state = 'leased' AND owner = %(owner)s AND due > clock_timestamp()"
_COMPLETE = f"UPDATE jobs SET state = 'completed', owner = NULL, due = clock_timestamp() WHERE {_HELD}"
_FAIL = f"""
    UPDATE jobs SET owner = NULL, message = %(message)s,
        state = CASE WHEN attempts >= %(max_attempts)s THEN 'dead' ELSE 'ready' END,
        due = clock_timestamp() + make_interval(secs => CASE WHEN attempts >= %(max_attempts)s THEN 0
                                                        ELSE %(retry_delay)s END)
    WHERE {_HELD}
"""
_EXISTS = "SELECT EXISTS (SELECT FROM ended), EXISTS (SELECT FROM jobs WHERE id = %(id)s)"

# The instant is the one at which the statement came in, before its snapshot: a lease that has expired by
# then, and still stands in the row, has expired at the instant of the snapshot too.
_INSPECT = """
    SELECT CASE WHEN state <> 'leased' OR due > statement_timestamp() THEN state
                WHEN attempts >= %(max_attempts)s THEN 'dead' ELSE 'ready' END,
        message, attempts
    FROM jobs WHERE id = %(id)s
"""

_NEVER = 2**31 - 1
_LONGEST_ID = 2000
"""Bytes; an index can't have entries that are much longer."""

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


class PostgresStore:
    """One worker's access to the jobs.

    Each store object has a token of its own, and only the one that leased a job can complete or fail it, as
    long as the lease lasts.

    Args:
        pool: Open, and closed by whoever opened it. Connections with `autocommit` save two round trips a
            call. The table is found by their search path.
        lease_timeout: Seconds after which a lease that was neither completed nor failed ends.
        max_attempts: The number of deliveries after which a job that was not completed is dead,
            whether it was failed or its lease expired. `None`: it is delivered without end.
        retry_delay: Seconds after a `fail` until the job is ready again.

    Raises:
        ValueError: A duration or `max_attempts` is out of range.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        lease_timeout: float = 60.0,
        max_attempts: int | None = 5,
        retry_delay: float = 0.0,
    ) -> None:
        settings.check(lease_timeout, max_attempts, retry_delay)
        self._pool = pool
        self._values = {
            "owner": secrets.token_hex(16),
            "lease_timeout": lease_timeout,
            "max_attempts": _NEVER if max_attempts is None else max_attempts,
            "retry_delay": retry_delay,
        }

    async def enqueue(self, job: Job) -> None:
        """Take in a job; its `attempts` are counted from 0, whatever it says.

        Raises:
            JobExists: A job with this id was enqueued before.
            ValueError: The id or the kind is empty, the id is too long, or a text can't be stored.
        """
        if not job.id or not job.kind:
            raise ValueError(f"id={job.id!r}, kind={job.kind!r}: a job needs both; write a non-empty str")
        if len(job.id.encode()) > _LONGEST_ID:
            raise ValueError(f"an id of {len(job.id.encode())} bytes; write at most {_LONGEST_ID}")
        fields = {"id": job.id, "kind": job.kind, "tenant_id": job.tenant_id, "payload": job.payload}
        async with self._pool.connection() as db:
            if not (await db.execute(_ENQUEUE, _storable(fields))).rowcount:
                raise JobExists(f"job {job.id!r} was enqueued before")

    async def lease(self, limit: int) -> list[Job]:
        """Put at most `limit` ready jobs on lease to this store object and deliver them.

        The job that has been ready longest comes first. Leases that have expired end here: their
        jobs are ready again, or dead if they have had `max_attempts` deliveries.
        """
        if limit <= 0:
            return []
        async with self._pool.connection() as db:
            rows = await (await db.execute(_LEASE, {**self._values, "limit": limit})).fetchall()
        return [Job(*row) for row in rows]

    async def complete(self, id: str) -> None:
        """Record that the job is done: it is never delivered again.

        Raises:
            JobNotFound: There is no job with this id.
            JobNotLeased: This store object does not hold it, or not any more.
            ValueError: The id can't be stored.
        """
        await self._end_lease(_COMPLETE, {"id": id})

    async def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready after `retry_delay`, or dead.

        Raises:
            JobNotFound: There is no job with this id.
            JobNotLeased: This store object does not hold it, or not any more.
            ValueError: The id or the message can't be stored.
        """
        await self._end_lease(_FAIL, {"id": id, "message": message})

    async def inspect(self, id: str) -> JobRecord | None:
        """What the store remembers of a job; `None` if there is no job with this id.

        Raises:
            ValueError: The id can't be stored.
        """
        async with self._pool.connection() as db:
            row = await (await db.execute(_INSPECT, self._values | _storable({"id": id}))).fetchone()
        return None if row is None else JobRecord(*row)

    async def _end_lease(self, statement: str, values: dict[str, Any]) -> None:
        query = f"WITH ended AS ({statement} RETURNING 1) {_EXISTS}"
        async with self._pool.connection() as db:
            row = await (await db.execute(query.encode(), self._values | _storable(values))).fetchone()
        ended, exists = row or (False, False)
        if not exists:
            raise JobNotFound(f"there is no job {values['id']!r}")
        if not ended:
            raise JobNotLeased(f"job {values['id']!r} is not on lease to this worker, or not any more")


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """The values, if PostgreSQL can hold them; what psycopg says of a NUL is not a `ValueError`."""
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            raise ValueError(f"a NUL in the {name} {value[:100]!r}; PostgreSQL's text can't hold it")
    return values
