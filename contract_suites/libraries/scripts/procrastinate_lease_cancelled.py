"""procrastinate: the job of a cancelled `fetch_job` is given to nobody while its worker lives.

Install procrastinate, run this file with the URL of an empty PostgreSQL database. Exit status 1: it is so.
"""

import asyncio
import contextlib
import sys

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job


async def main(url: str) -> int:
    """Cancel a worker while the reply is on its way, and ask again."""
    async with App(connector=PsycopgConnector(conninfo=url)).open_async() as app:
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        manager = app.job_manager
        job = Job(queue="jobs", lock=None, queueing_lock=None, task_name="job")
        taken = (await manager.defer_job_async(job)).id
        worker = await manager.register_worker()
        fetching = asyncio.create_task(manager.fetch_job(["jobs"], worker))
        with psycopg.connect(url, autocommit=True) as db:
            status = "SELECT status::text FROM procrastinate_jobs WHERE id = %s"
            while db.execute(status, (taken,)).fetchone() != ("doing",):
                await asyncio.sleep(0)
        fetching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await fetching
        others = [await manager.fetch_job(["jobs"], await manager.register_worker()) for _ in range(3)]
        stalled = [each for each in await manager.get_stalled_jobs() if each.id == taken]
        lost = fetching.cancelled() and not any(others) and not stalled
        print("nobody is given the job" if lost else "it is delivered again, or was not cancelled")
        return int(lost)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
