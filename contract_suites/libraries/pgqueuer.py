"""PgQueuer's queries: jobs in PostgreSQL, returned when their heartbeat is too old.

    pytest --async-contract=contract_suites.libraries.pgqueuer:harness

The calls are those that its own queue manager makes; no heartbeat is sent here, so a lease lasts as long as
`heartbeat_timeout`. A job is known by its number alone. A retry counts as an attempt, an expiry does not.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.places import note, noted
from contract_suites.servers import postgres
from contract_suites.servers.missing import require

LEASE = 0.6


class PgQueuerStore:
    """One worker's `Queries`, on a connection of its own."""

    def __init__(self, queries: Any) -> None:
        self._queries = queries
        self._manager = uuid.uuid4()
        self._jobs: Receipts[Any] = Receipts()

    async def enqueue(self, job: Job) -> str:
        """`enqueue`; gives the id that the database chose."""
        (id,) = await self._queries.enqueue("job", pack(job).encode())
        return str(id)

    async def lease(self, limit: int) -> list[Job]:
        """`dequeue`."""
        from pgqueuer.ports.repository import EntrypointExecutionParameter

        if limit <= 0:
            return []
        found = await self._queries.dequeue(
            limit, {"job": EntrypointExecutionParameter(0)}, self._manager, None, timedelta(seconds=LEASE)
        )
        for each in found:
            self._jobs.keep(str(each.id), each)
        return [unpack(each.payload.decode(), str(each.id), each.attempts) for each in found]

    async def complete(self, id: str) -> None:
        """`log_jobs`, which moves a job into the log, and says nothing if there is none."""
        await self._queries.log_jobs([(self._jobs.of(id), "successful", None)])

    async def fail(self, id: str, message: str) -> None:
        """`retry_job` without delay, which says nothing if there is no such job."""
        await self._queries.retry_job(self._jobs.of(id), timedelta(0), None)


@asynccontextmanager
async def _connect(sandbox: Sandbox) -> AsyncIterator[PgQueuerStore]:
    import psycopg
    from pgqueuer import Queries

    options = f"-c search_path={sandbox.name}"
    async with await psycopg.AsyncConnection.connect(noted(sandbox), autocommit=True, options=options) as db:
        queries = Queries.from_psycopg_connection(db)
        async with queries.driver:
            yield PgQueuerStore(queries)


async def _prepare(sandbox: Sandbox) -> None:
    require("'pgqueuer[psycopg]'", "pgqueuer", "psycopg")
    import psycopg

    url = note(sandbox, postgres.url())
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as db:
        await db.execute(f"CREATE SCHEMA {sandbox.name}".encode())
    async with _connect(sandbox) as store:
        await store._queries.install()  # noqa: SLF001 - the store is ours


async def _dispose(sandbox: Sandbox) -> None:
    import psycopg

    async with await psycopg.AsyncConnection.connect(noted(sandbox), autocommit=True) as db:
        await db.execute(f"DROP SCHEMA {sandbox.name} CASCADE".encode())


_KNOWN = {
    "fail/unleased-reported": "retry_job sets a row by its number, and says nothing if there is none",
}

harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        lease_timeout=LEASE,
        redelivers=True,
        fifo=True,
        durable=True,
        sharing="process",
    ),
    known_failures=_KNOWN,
    prepare=_prepare,
    dispose=_dispose,
)
"""Every sandbox is a schema of its own, every worker a queue manager."""
