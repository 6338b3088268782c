"""A recorder that records nothing, to measure the recorder by, and where worker processes find it.

Whoever imports this module has calls in worker processes made without a record of them too: it is the
target of a worker that is to be measured without recording.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from async_contract.experiments.processes import worker as process
from async_contract.history.operation import OK, REJECTED, Delivered, Operation
from async_contract.history.recorder import Recorder, Wrap
from async_contract.store import Job
from contract_suites import sqlite

_DONE = Operation("complete", 1, 0, 0)
_REFUSED = Operation("complete", 1, 0, 0, REJECTED)


class Bare(Recorder):
    """Makes the calls, and says no more of them than whoever drives the store must know."""

    calls = 0

    async def enqueue(self, worker: int, store: Any, job: Job) -> Operation:
        """Enqueue a job."""
        return await self._made("enqueue", store.enqueue, job)

    async def lease(
        self, worker: int, store: Any, limit: int, wrap: Wrap | None = None
    ) -> tuple[Operation, Any]:
        """Lease jobs."""
        done = await self._made("lease", store.lease, limit)
        return done, done.jobs

    async def complete(self, worker: int, store: Any, job_id: str, wrap: Wrap | None = None) -> Operation:
        """Complete a job."""
        return await self._made("complete", store.complete, job_id)

    async def fail(
        self, worker: int, store: Any, job_id: str, message: str, wrap: Wrap | None = None
    ) -> Operation:
        """Fail a job."""
        return await self._made("fail", store.fail, job_id, message)

    async def relay(self, begun: Operation, made: Any) -> Operation:
        """Have a worker in another process make a call."""
        self.calls += 1
        done: Operation = await made
        return done

    async def _made(self, method: Any, function: Any, *arguments: Any) -> Operation:
        self.calls += 1
        try:
            result = self._begin(function, *arguments)
            if hasattr(result, "__await__"):
                result = await result
        except (ValueError, LookupError):
            return _REFUSED
        if method == "lease":
            # A job has the attributes of what would be recorded of it.
            return Operation(method, 1, 0, 0, jobs=result)
        return Operation(method, 1, 0, 0, OK, arguments[0].id) if method == "enqueue" else _DONE


class _Sent(Bare):
    """The same in another process, which must send back what it was told too."""

    async def enqueue(self, worker: int, store: Any, job: Job) -> Operation:
        """Enqueue a job."""
        return (await super().enqueue(worker, store, job))._replace(
            method="enqueue", job_id=job.id, jobs=(Delivered(job.id, job.kind),)
        )

    async def lease(
        self, worker: int, store: Any, limit: int, wrap: Wrap | None = None
    ) -> tuple[Operation, Any]:
        """Lease jobs."""
        done, result = await super().lease(worker, store, limit)
        jobs = tuple(Delivered(each.id, each.kind) for each in done.jobs)
        return done._replace(method="lease", value=limit, jobs=jobs), result

    async def complete(self, worker: int, store: Any, job_id: str, wrap: Wrap | None = None) -> Operation:
        """Complete a job."""
        return (await super().complete(worker, store, job_id))._replace(job_id=job_id)

    async def fail(
        self, worker: int, store: Any, job_id: str, message: str, wrap: Wrap | None = None
    ) -> Operation:
        """Fail a job."""
        done = await super().fail(worker, store, job_id, message)
        return done._replace(method="fail", job_id=job_id, value=message)


vars(process)["Recorder"] = _Sent
harness = copy(sqlite.harness)
