"""Stores of plain functions that are right as long as there is one thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.store import Job, JobNotLeased


class ShelfStore:
    """A store in memory for many threads, whose leases don't expire; a lock keeps them apart.

    Attributes:
        breaks: The id of the clause that must catch it, where it is broken.
        hangs: Whether it leaves calls that never return.
        deep: Whether it takes more than the example of its clause: many steps, or a schedule.
    """

    breaks: ClassVar[str]
    hangs: ClassVar[bool] = False
    deep: ClassVar[bool] = True

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ready: list[Job] = []
        self.leased: dict[str, Job] = {}

    @classmethod
    def reached(cls) -> StoreHarness:
        """The harness of its stores."""
        return StoreHarness(cls, capabilities=Capabilities(redelivers=True, fifo=True))

    def enqueue(self, job: Job) -> None:
        """Take in a job."""
        with self.lock:
            self.ready.append(job)

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver at most `limit` ready jobs, the oldest first."""
        with self.lock:
            jobs = self.chosen(limit)
            self.take(jobs)
        return jobs

    def complete(self, id: str) -> None:
        """Record that the job is done.

        Raises:
            JobNotLeased: It is not on lease.
        """
        with self.lock:
            self.end(self.held(id))

    def fail(self, id: str, message: str) -> None:
        """Make the job ready again.

        Raises:
            JobNotLeased: It is not on lease.
        """
        with self.lock:
            job = self.held(id)
            self.end(job)
            self.ready.append(job)

    # -- the steps of a call ------------------------------------------------------------------

    def chosen(self, limit: int) -> list[Job]:
        """The jobs that a lease with this limit takes."""
        return self.ready[: max(limit, 0)]

    def take(self, jobs: Sequence[Job]) -> None:
        """Put jobs on lease."""
        self.ready = [job for job in self.ready if job not in jobs]
        self.leased.update((job.id, job) for job in jobs)

    def held(self, id: str) -> Job:
        """The job with this id, if it is on lease."""
        if id not in self.leased:
            raise JobNotLeased(f"job {id!r} is not on lease")
        return self.leased[id]

    def end(self, job: Job) -> None:
        """Take a job off lease."""
        self.leased.pop(job.id, None)


class NoLock(ShelfStore):
    """Nothing keeps threads apart that lease at the same time."""

    breaks = "lease/exclusive"

    def lease(self, limit: int) -> Sequence[Job]:
        jobs = self.chosen(limit)
        self.take(jobs)
        return jobs


class LockInHalves(ShelfStore):
    """The lock is released between looking for ready jobs and putting them on lease."""

    breaks = "lease/exclusive"

    def lease(self, limit: int) -> Sequence[Job]:
        with self.lock:
            jobs = self.chosen(limit)
        with self.lock:
            self.take(jobs)
        return jobs


class ChecksBeforeTheLock(ShelfStore):
    """Whether a job is on lease is looked at before the lock is taken under which it is put back."""

    breaks = "lease/distinct"

    def fail(self, id: str, message: str) -> None:
        job = self.held(id)
        with self.lock:
            self.end(job)
            self.ready.append(job)


class SlicesInOneLine(ShelfStore):
    """The ready jobs are cut in two in one line, and what is ready may have been cut in between."""

    breaks = "lease/exclusive"
    thorough = True

    def lease(self, limit: int) -> Sequence[Job]:
        most = max(limit, 0)
        jobs, self.ready = self.ready[:most], self.ready[most:]
        self.leased.update((job.id, job) for job in jobs)
        return jobs


STORES = (NoLock, LockInHalves, ChecksBeforeTheLock, SlicesInOneLine)
