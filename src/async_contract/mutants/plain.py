"""A small store that keeps the whole contract. Every mutant is this store with one thing changed."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from async_contract.contract.capabilities import Capabilities
from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord, JobState


@dataclass(slots=True)
class Row:
    """What is kept of one job.

    Attributes:
        job: The job as it is stored.
        place: Its place among the ready jobs, the smallest first.
        state: Where it is in its life.
        owner: The connection that leased it last.
        due: Ready: the instant from which it is visible. Leased: the instant at which the lease ends.
        attempts: How often it was delivered.
        message: The message of the latest fail.
    """

    job: Job
    place: int
    state: JobState = "ready"
    owner: int = 0
    due: float = -math.inf
    attempts: int = 0
    message: str | None = None


class Backing:
    """What the connections share, and what outlives them.

    Attributes:
        clock: The time in seconds.
        rows: The rows, by the key of the job's id.
        notes: What a mutant keeps beside them.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.rows: dict[str, Row] = {}
        self.notes: dict[str, Any] = {}
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """A number greater than every one before."""
        return next(self._numbers)


class PlainStore:
    """One worker's connection.

    A call goes to the backing, which takes one turn of the event loop, and has its whole effect
    there at once. Every step of it is a method, so that overriding one makes one defect.
    """

    lease_timeout: ClassVar[float | None] = 30.0
    retry_delay: ClassVar[float] = 5.0
    max_attempts: ClassVar[int] = 3
    redelivers: ClassVar[bool] = True

    def __init__(self, backing: Backing) -> None:
        self.backing = backing
        self.owner = backing.number()

    @classmethod
    def promises(cls) -> Capabilities:
        """What such a store promises: all that there is, unless its class has less."""
        expires = cls.lease_timeout is not None
        return Capabilities(
            lease_timeout=cls.lease_timeout,
            redelivers=cls.redelivers,
            max_attempts=cls.max_attempts,
            expiry_counts=expires,
            retry_delay=cls.retry_delay if cls.redelivers else 0.0,
            counts_attempts=True,
            fifo=True,
            fences=expires,
            durable=True,
            sharing="connection",
        )

    # -- the interface ------------------------------------------------------------------------

    async def enqueue(self, job: Job) -> None:
        """Take in a job.

        Raises:
            JobExists: A job with this id was enqueued before.
        """
        await self.turn()
        self.insert(job)

    async def lease(self, limit: int) -> Sequence[object] | None:
        """Deliver at most `limit` ready jobs, the one that has been ready longest first."""
        await self.turn()
        self.return_expired()
        return self.take(self.chosen(limit))

    async def complete(self, id: str) -> None:
        """Record that the job is done.

        Raises:
            JobNotFound: There is no such job.
            JobNotLeased: This connection does not hold it, or not any more.
        """
        await self.turn()
        self.return_expired()
        self.end_well(self.held(id))

    async def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready after `retry_delay`, or dead.

        Raises:
            JobNotFound: There is no such job.
            JobNotLeased: This connection does not hold it, or not any more.
        """
        await self.turn()
        self.return_expired()
        self.end_badly(self.held(id), message)

    async def inspect(self, id: str) -> JobRecord | None:
        """What is remembered of a job; `None` if there is none with this id."""
        self.return_expired()
        row = self.found(id)
        return None if row is None else JobRecord(row.state, row.message, row.attempts)

    async def close(self) -> None:
        """Close the connection. What it has on lease stays so until the lease expires."""

    # -- the steps of a call ------------------------------------------------------------------

    @property
    def rows(self) -> dict[str, Row]:
        """The rows of all jobs."""
        return self.backing.rows

    @property
    def now(self) -> float:
        """The time in seconds."""
        return self.backing.clock()

    async def turn(self) -> None:
        """Wait for the backing, for one turn of the event loop."""
        await asyncio.sleep(0)

    def key(self, id: str) -> str:
        """What ids are compared by."""
        return id

    def insert(self, job: Job) -> None:
        """Put a job into the backing."""
        key = self.key(job.id)
        if key in self.rows:
            raise JobExists(f"job {job.id!r} was enqueued before")
        self.rows[key] = Row(self.stored(job), self.backing.number())

    def stored(self, job: Job) -> Job:
        """A job as it is stored."""
        return job

    def found(self, id: str) -> Row | None:
        """The row of a job, if there is one."""
        return self.rows.get(self.key(id))

    def known(self, id: str) -> Row:
        """The row of a job that must be there."""
        row = self.found(id)
        if row is None:
            raise JobNotFound(f"there is no job {id!r}")
        return row

    def held(self, id: str) -> Row:
        """The row of a job that this connection must hold."""
        row = self.known(id)
        if row.state != "leased" or row.owner != self.owner:
            raise JobNotLeased(f"job {id!r} is not on lease to this worker, or not any more")
        return row

    def mine(self) -> list[Row]:
        """The rows of the jobs that this connection holds, in the order in which they were leased."""
        return [row for row in self.leased() if row.owner == self.owner]

    def leased(self) -> list[Row]:
        """The rows of all jobs on lease, those that were ready longest first."""
        rows = [row for row in self.rows.values() if row.state == "leased"]
        return sorted(rows, key=lambda row: row.place)

    def ready(self) -> list[Row]:
        """The rows that can be leased, in the order in which they are."""
        rows = [row for row in self.rows.values() if row.state == "ready" and row.due <= self.now]
        return sorted(rows, key=self.rank)

    def rank(self, row: Row) -> tuple[str | int, ...]:
        """What ready jobs are sorted by."""
        return (row.place,)

    def chosen(self, limit: int) -> list[Row]:
        """The rows that a lease with this limit takes."""
        return self.ready()[: max(limit, 0)]

    def take(self, rows: Sequence[Row]) -> list[object]:
        """Put the rows on lease and deliver their jobs."""
        for row in rows:
            self.mark(row)
        return [self.delivered(row) for row in rows]

    def mark(self, row: Row) -> None:
        """Put one row on lease."""
        row.state = "leased"
        row.owner = self.owner
        row.attempts += 1
        row.due = self.deadline()

    def deadline(self) -> float:
        """When a lease that begins now ends."""
        return math.inf if self.lease_timeout is None else self.now + self.lease_timeout

    def delivered(self, row: Row) -> object:
        """A row as the worker gets it."""
        return replace(row.job, attempts=row.attempts)

    def end_well(self, row: Row) -> None:
        """Complete the job of a row."""
        row.state = "completed"

    def end_badly(self, row: Row, message: str) -> None:
        """Fail the job of a row."""
        row.message = self.recorded(row, message)
        if not self.redelivers or self.is_spent(row):
            row.state = "dead"
        else:
            self.make_ready(row, self.retry_delay)

    def recorded(self, row: Row, message: str) -> str | None:
        """A message as it is stored."""
        return message

    def is_spent(self, row: Row) -> bool:
        """Whether a job has used up its attempts."""
        return row.attempts >= self.max_attempts

    def make_ready(self, row: Row, delay: float = 0.0) -> None:
        """Put a job at the back of the ready ones."""
        row.state = "ready"
        row.due = self.now + delay
        row.place = self.backing.number()

    def return_expired(self) -> None:
        """End the leases whose time is over."""
        for row in self.leased():
            if self.is_over(row):
                self.lapse(row)

    def is_over(self, row: Row) -> bool:
        """Whether the time of a lease is over."""
        return row.due <= self.now

    def lapse(self, row: Row) -> None:
        """End a lease whose time is over."""
        if self.is_spent(row):
            row.state = "dead"
        else:
            self.make_ready(row)
