"""procrastinate's job manager: jobs in PostgreSQL, taken by registered workers.

    pytest --async-contract=contract_suites.libraries.procrastinate:harness

The calls are those that its own worker makes. A job is known by its number alone. The jobs of a worker whose
heartbeat has stopped are returned by whoever asks for stalled jobs and retries them, as its documentation has
it; nobody does so here, so a lease lasts until it is ended.
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
from contract_suites.servers import postgres
from contract_suites.servers.missing import require


class ProcrastinateStore:
    """One worker's `JobManager`."""

    def __init__(self, manager: Any, worker: int) -> None:
        self._manager = manager
        self._worker = worker
        self._jobs: Receipts[Any] = Receipts()

    async def enqueue(self, job: Job) -> str:
        """`defer_job_async`; gives the id that the database chose."""
        from procrastinate.jobs import Job as Deferred

        deferred = Deferred(
            queue="jobs", lock=None, queueing_lock=None, task_name="job", task_kwargs={"job": pack(job)}
        )
        return str((await self._manager.defer_job_async(deferred)).id)

    async def lease(self, limit: int) -> list[Job]:
        """`fetch_job` until nothing comes."""
        jobs: list[Job] = []
        while len(jobs) < limit and (got := await self._manager.fetch_job(["jobs"], self._worker)):
            self._jobs.keep(str(got.id), got)
            jobs.append(unpack(got.task_kwargs["job"], str(got.id), got.attempts))
        return jobs

    async def complete(self, id: str) -> None:
        """`finish_job`, which raises for a job that is finished."""
        from procrastinate.jobs import Status

        await self._manager.finish_job(self._jobs.of(id), Status.SUCCEEDED, delete_job=False)

    async def fail(self, id: str, message: str) -> None:
        """`retry_job`, which raises for a job that is not being done."""
        await self._manager.retry_job(self._jobs.of(id))


def _app(sandbox: Sandbox) -> Any:
    from procrastinate import App, PsycopgConnector

    options = f"-c search_path={sandbox.name}"
    return App(
        connector=PsycopgConnector(
            conninfo=noted(sandbox), kwargs={"options": options}, min_size=1, max_size=4
        )
    )


@asynccontextmanager
async def _connect(sandbox: Sandbox) -> AsyncIterator[ProcrastinateStore]:
    async with _app(sandbox).open_async() as app:
        worker = await app.job_manager.register_worker()
        yield ProcrastinateStore(app.job_manager, worker)


async def _prepare(sandbox: Sandbox) -> None:
    require("procrastinate", "procrastinate")
    import psycopg

    url = note(sandbox, postgres.url())
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as db:
        await db.execute(f"CREATE SCHEMA {sandbox.name}".encode())
    async with _app(sandbox).open_async() as app:
        await app.schema_manager.apply_schema_async()


async def _dispose(sandbox: Sandbox) -> None:
    import psycopg

    async with await psycopg.AsyncConnection.connect(noted(sandbox), autocommit=True) as db:
        await db.execute(f"DROP SCHEMA {sandbox.name} CASCADE".encode())


def _is_rejection(error: BaseException) -> bool:
    # It raises an error of the database, which its connector wraps.
    refused = "Job was not found or" in str(error) or "Job was not found or" in str(error.__cause__)
    return isinstance(error, (LookupError, ValueError)) or refused


_KNOWN = {
    "lease/cancelled": (
        "the job is taken by the time the reply is given up, and is being done by nobody while its worker "
        "lives: get_stalled_jobs finds the jobs of workers whose heartbeat has stopped; protect fetch_job "
        "from cancellation, with asyncio.shield, and see to what it returns"
    ),
}

harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        redelivers=True,
        counts_attempts=True,
        fifo=True,
        durable=True,
        sharing="process",
    ),
    known_failures=_KNOWN,
    prepare=_prepare,
    dispose=_dispose,
    is_rejection=_is_rejection,
)
"""Every sandbox is a schema of its own, every worker registered for itself."""
