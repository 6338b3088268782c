import asyncio
from contextlib import suppress

from async_contract import safe_failure_message, safe_label


class Worker:
    def __init__(self, store, handler, *, concurrency, poll_interval, metrics):
        self.store, self.handler, self.metrics = store, handler, metrics
        self.poll_interval = poll_interval
        self.free = asyncio.Semaphore(concurrency)
        self.stopping = False

    def stop(self):
        self.stopping = True

    async def run(self):
        async with asyncio.TaskGroup() as jobs:
            while not self.stopping:
                await self.free.acquire()
                batch = () if self.stopping else await self.lease()
                for job in batch:
                    task = jobs.create_task(self.do(job))
                    task.add_done_callback(lambda _: self.free.release())
                if not batch:
                    self.free.release()
                    await asyncio.sleep(self.poll_interval)

    async def lease(self):
        with suppress(Exception):
            return await self.store.lease(1)
        return ()

    async def do(self, job):
        error = None
        try:
            await self.handler(job)
        except BaseException as raised:  # noqa: BLE001 - whatever it raises is what came of the job
            error = raised
        with suppress(Exception):
            if error is None:
                await self.store.complete(job.id)
            else:
                await self.store.fail(job.id, safe_failure_message(error))
        with suppress(Exception):
            self.metrics.record({"kind": safe_label(job.kind), "outcome": "failed" if error else "done"})
