"""What the odd stores have in common: a correct store in memory that can be made odd in one place.

Every store does what its `capabilities` promise, and no more. Time is that of the sandbox.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotFound, JobNotLeased, JobRecord, JobState

PLAIN = Capabilities(lease_timeout=30.0, redelivers=True, counts_attempts=True, fifo=True)
"""What a store promises that is odd in none of this."""

PLAIN_FUNCTION = "a plain function can't be cancelled"

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(slots=True)
class Row:
    """A job in a store, and what has become of it.

    Attributes:
        job: The job as it was enqueued.
        state: Where it is in its life.
        visible: The instant from which a lease can see it.
        due: The instant at which its lease ends.
        owner: The connection that holds it.
        deliveries: How often it was delivered.
        fails: How often it was failed.
        message: The message of its latest fail.
    """

    job: Job
    state: JobState = "ready"
    visible: float = 0.0
    due: float = math.inf
    owner: object = None
    deliveries: int = 0
    fails: int = 0
    message: str | None = None


def because(reason: str, *clauses: str) -> dict[str, str]:
    """The same reason for each of these clauses."""
    return dict.fromkeys(clauses, reason)


_SHARED: WeakKeyDictionary[Sandbox, dict[str, Row]] = WeakKeyDictionary()


class Odd:
    """A correct store, as plain functions; a subclass is odd in one place and says so.

    Attributes:
        capabilities: What the store promises.
        warned: The clauses of the level SHOULD that it knowingly breaks.
        unexercised: The clauses that no example puts to the test here, and why.
        inapplicable: The clauses that can't apply, whatever is promised, and why.
        steady: Whether the examples come out the same each time; in real time they may not.
    """

    capabilities: ClassVar[Capabilities] = PLAIN
    warned: ClassVar[tuple[str, ...]] = ()
    unexercised: ClassVar[Mapping[str, str]] = {}
    inapplicable: ClassVar[Mapping[str, str]] = {}
    steady: ClassVar[bool] = True

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        shared = self.capabilities.sharing in ("connection", "process") or self.capabilities.durable
        self.rows: dict[str, Row] = _SHARED.setdefault(sandbox, {}) if shared else {}

    @classmethod
    def harness(cls) -> StoreHarness:
        """A truthful harness of this store."""
        return StoreHarness(cls, capabilities=cls.capabilities, virtual_time=True)

    # -- what the store does ------------------------------------------------------------------

    def put(self, job: Job) -> str | None:
        """Take a job in."""
        self.rows[job.id] = Row(job, visible=self.clock() + self.hidden())
        return None

    def take(self, limit: int) -> Any:
        """Deliver ready jobs."""
        self.expire()
        now = self.clock()
        ready = [row for row in self.rows.values() if row.state == "ready" and row.visible <= now]
        batch = self.order(ready)[: max(limit, 0)]
        for row in batch:
            row.state = "leased"
            row.owner = self
            row.due = self.until(now)
            row.deliveries += 1
        return self.batch([self.delivered(row) for row in batch])

    def finish(self, id: str) -> None:
        """Record that a job is done."""
        row = self.held(id)
        if row is not None:
            row.state = "completed"

    def give_up(self, id: str, message: str) -> None:
        """Record that an attempt failed."""
        row = self.held(id)
        if row is None:
            return
        row.message = message
        row.fails += 1
        if self.is_last(row):
            row.state = "dead"
        else:
            self.release(row, self.clock() + self.delay(row))

    def look(self, id: str) -> JobRecord | None:
        """What is remembered of a job."""
        self.expire()
        row = self.rows.get(id)
        return None if row is None else JobRecord(row.state, row.message, row.deliveries)

    # -- where it may be odd ------------------------------------------------------------------

    def clock(self) -> float:
        """The store's time."""
        return self.sandbox.clock()

    def hidden(self) -> float:
        """For how long a job that is ready is not seen."""
        return self.capabilities.poll_delay

    def order(self, ready: list[Row]) -> list[Row]:
        """The ready jobs, those first that are delivered first."""
        return ready[: self.capabilities.max_batch]

    def until(self, now: float) -> float:
        """When a lease ends that begins now."""
        timeout = self.capabilities.lease_timeout
        return math.inf if timeout is None else now + timeout

    def delay(self, row: Row) -> float:
        """How long after a fail the job is ready again."""
        return self.capabilities.retry_delay

    def is_last(self, row: Row) -> bool:
        """Whether a job that was just failed is dead."""
        most = self.capabilities.max_attempts
        return not self.capabilities.redelivers or (most is not None and row.deliveries >= most)

    def delivered(self, row: Row) -> Any:
        """What a worker is given of a job."""
        job = row.job
        return Job(job.id, job.kind, job.tenant_id, job.payload, row.deliveries)

    def batch(self, jobs: list[Any]) -> Any:
        """What a worker is given."""
        return jobs

    def held(self, id: str) -> Row | None:
        """The job of which this call ends the lease; `None` if it does nothing.

        Raises:
            JobNotFound: The store knows no such job.
            JobNotLeased: The job is not on lease.
        """
        self.expire()
        row = self.rows.get(id)
        if row is None:
            return self.unknown(id)
        return row if self.may_end(row) else self.unleased(row)

    def may_end(self, row: Row) -> bool:
        """Whether a complete or a fail has its effect on this job."""
        return row.state == "leased"

    def unknown(self, id: str) -> Row | None:
        """What becomes of a call on a job that the store doesn't know."""
        raise JobNotFound(id)

    def unleased(self, row: Row) -> Row | None:
        """What becomes of a call on a job that is not on lease."""
        raise JobNotLeased(row.job.id)

    def release(self, row: Row, at: float) -> None:
        """Make a job ready again."""
        row.state = "ready"
        row.owner = None
        row.visible = at + self.hidden()

    def expire(self) -> None:
        """End the leases that are due."""
        now = self.clock()
        for row in self.rows.values():
            if row.state == "leased" and self.is_due(row, now):
                self.end(row, now)

    def is_due(self, row: Row, now: float) -> bool:
        """Whether a lease has expired."""
        return row.due <= now

    def end(self, row: Row, now: float) -> None:
        """End a lease that its holder did not end."""
        most = self.capabilities.max_attempts
        if self.capabilities.expiry_counts and most is not None and row.deliveries >= most:
            row.state = "dead"
        else:
            self.release(row, min(row.due, now))


class AsyncOdd(Odd):
    """The same with coroutine functions; all of them go through `call`."""

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Make one call of the store."""
        return do(*args, **kwargs)

    async def enqueue(self, job: Job) -> str | None:
        """Take a job in."""
        return await self.call(self.put, job)

    async def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        return await self.call(self.take, limit)

    async def complete(self, id: str) -> None:
        """Record that a job is done."""
        await self.call(self.finish, id)

    async def fail(self, id: str, message: str) -> None:
        """Record that an attempt failed."""
        await self.call(self.give_up, id, message)

    async def inspect(self, id: str) -> JobRecord | None:
        """What is remembered of a job."""
        return await self.call(self.look, id)


class SyncOdd(Odd):
    """The same with plain functions."""

    inapplicable = because(PLAIN_FUNCTION, "lease/cancelled", "complete/cancelled", "fail/cancelled")

    def enqueue(self, job: Job) -> str | None:
        """Take a job in."""
        return self.put(job)

    def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        return self.take(limit)

    def complete(self, id: str) -> None:
        """Record that a job is done."""
        self.finish(id)

    def fail(self, id: str, message: str) -> None:
        """Record that an attempt failed."""
        self.give_up(id, message)

    def inspect(self, id: str) -> JobRecord | None:
        """What is remembered of a job."""
        return self.look(id)


def stores_in(module: ModuleType) -> tuple[type[Odd], ...]:
    """The stores that a module defines, but for those with a leading underscore."""
    return tuple(
        each
        for name, each in vars(module).items()
        if isinstance(each, type)
        and issubclass(each, Odd)
        and each.__module__ == module.__name__
        and not name.startswith("_")
    )
