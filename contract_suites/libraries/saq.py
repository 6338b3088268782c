"""SAQ's queues in Redis and in PostgreSQL: the calls that its own worker makes.

    pytest --async-contract=contract_suites.libraries.saq:harness
    pytest --async-contract=contract_suites.libraries.saq:postgres

What a worker leaves unfinished is returned by `sweep`, which its worker calls once a minute; nobody does so
here, so a lease lasts until it is ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.places import note, noted
from contract_suites.servers import postgres as postgres_server
from contract_suites.servers import valkey
from contract_suites.servers.missing import require

ATTEMPTS = 3
WAIT = 0.02
"""Seconds to wait for a job: to a queue that is asked not to wait, 0 means for ever."""


class SaqStore:
    """One worker's `RedisQueue` or `PostgresQueue`."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._jobs: Receipts[Any] = Receipts()

    async def enqueue(self, job: Job) -> None:
        """`enqueue` under the job's own id."""
        await self._queue.enqueue("job", key=job.id, timeout=0, retries=ATTEMPTS, job=pack(job), ttl=0)

    async def lease(self, limit: int) -> list[Job]:
        """`dequeue` until nothing comes; each job is marked as the library's worker does."""
        from saq import Status
        from saq.utils import now

        jobs: list[Job] = []
        while len(jobs) < limit and (got := await self._queue.dequeue(timeout=WAIT)):
            got.started = now()
            got.attempts += 1
            await got.update(status=Status.ACTIVE)
            self._jobs.keep(got.key, got)
            jobs.append(unpack(got.kwargs["job"], got.key, got.attempts))
        return jobs

    async def complete(self, id: str) -> None:
        """`finish`."""
        from saq import Status

        await self._jobs.of(id).finish(Status.COMPLETE)

    async def fail(self, id: str, message: str) -> None:
        """`retry`, or `finish` if the attempts are used up."""
        from saq import Status

        job = self._jobs.of(id)
        if job.retryable:
            await job.retry(message)
        else:
            await job.finish(Status.FAILED, error=message)


@asynccontextmanager
async def _connect(sandbox: Sandbox) -> AsyncIterator[SaqStore]:
    from saq import Queue

    url = noted(sandbox)
    # Every worker has a queue of its own; four connections for each would take most of the time.
    pool = {"min_size": 1, "max_size": 4} if url.startswith("postgres") else {}
    queue = Queue.from_url(url, name=sandbox.name, **pool)
    await queue.connect()
    try:
        yield SaqStore(queue)
    finally:
        await queue.disconnect()


def _prepare(sandbox: Sandbox) -> None:
    require("'saq[redis]'", "saq", "redis")
    note(sandbox, valkey.url())


_KNOWN = {
    "lease/cancelled": (
        "the job is in the active list by the time the reply is given up, and stays there until somebody "
        "sweeps; its worker does so once a minute, so do not take jobs without one"
    ),
    "fail/after-complete": (
        "retry puts the job into the queue whatever has become of it, and stores the caller's copy of it, "
        "so that whoever reports a failure late, or twice, has finished work done again; call retry only "
        "for what is still yours"
    ),
    "complete/unleased-reported": "finish says nothing of whether there was anything to finish",
}

harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        redelivers=True,
        max_attempts=ATTEMPTS,
        fifo=True,
        durable=True,
        sharing="process",
    ),
    known_failures=_KNOWN,
    prepare=_prepare,
)
"""Every sandbox has a queue of its own."""


async def _prepare_postgres(sandbox: Sandbox) -> None:
    require("'saq[postgres]'", "saq", "psycopg_pool")
    import psycopg

    url = postgres_server.url()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as db:
        await db.execute(f"CREATE SCHEMA {sandbox.name}".encode())
    note(sandbox, f"{url}?options=-c%20search_path%3D{sandbox.name}")


async def _dispose_postgres(sandbox: Sandbox) -> None:
    import psycopg

    async with await psycopg.AsyncConnection.connect(noted(sandbox), autocommit=True) as db:
        await db.execute(f"DROP SCHEMA {sandbox.name} CASCADE".encode())


postgres = StoreHarness(
    _connect,
    capabilities=Capabilities(
        redelivers=True,
        max_attempts=ATTEMPTS,
        durable=True,
        sharing="process",
    ),
    known_failures={"fail/after-complete": _KNOWN["fail/after-complete"]},
    prepare=_prepare_postgres,
    dispose=_dispose_postgres,
)
"""Every sandbox is a schema of its own; the order is that of the seconds in which jobs were enqueued."""
