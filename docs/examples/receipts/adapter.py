"""Reaches a ReceiptQueue: each worker's receipts stay with that worker."""

import json

from receiptqueue import ReceiptQueue

from async_contract import Capabilities, Job, StoreHarness


class Worker:
    """The connection of one worker: what it has received, by the id of the job."""

    def __init__(self, queue):
        self._queue, self._receipts = queue, {}

    async def enqueue(self, job):
        fields = [job.id, job.kind, job.tenant_id, job.payload.hex()]
        await self._queue.send(json.dumps(fields))

    async def lease(self, limit):
        jobs = []
        for receipt, body in await self._queue.receive(limit):
            job_id, kind, tenant_id, payload = json.loads(body)
            self._receipts[job_id] = receipt
            jobs.append(Job(job_id, kind, tenant_id, bytes.fromhex(payload)))
        return jobs

    async def complete(self, job_id):
        await self._queue.delete(self._receipts[job_id])

    async def fail(self, job_id, message):
        await self._queue.make_visible(self._receipts[job_id])


class ReceiptQueueHarness(StoreHarness):
    capabilities = Capabilities(lease_timeout=30, redelivers=True, fences=True, sharing="connection")
    virtual_time = True

    def __init__(self):
        super().__init__()
        self.queues = {}  # by sandbox: what its workers share

    def prepare(self, sandbox):
        self.queues[sandbox.name] = ReceiptQueue(visibility=30, clock=sandbox.clock)

    def connect(self, sandbox):
        return Worker(self.queues[sandbox.name])

    def dispose(self, sandbox):
        del self.queues[sandbox.name]
