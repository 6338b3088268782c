"""Odd stores: how many jobs a lease delivers, which ones, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, ParamSpec, TypeVar

from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job

from .stores import PLAIN, AsyncOdd, Row

_P = ParamSpec("_P")
_T = TypeVar("_T")

NO_ORDER = replace(PLAIN, fifo=False)


class Plain(AsyncOdd):
    """Odd in nothing: a failed job keeps its place."""


class OneAtATime(AsyncOdd):
    """Delivers one job, whatever the limit, and says nothing of it."""

    def order(self, ready: list[Row]) -> list[Row]:
        """The first."""
        return ready[:1]


class TwoAtATime(AsyncOdd):
    """Delivers at most two jobs, and says so."""

    capabilities = replace(PLAIN, max_batch=2)


class OneAtMost(AsyncOdd):
    """Delivers at most one job, and says so."""

    capabilities = replace(PLAIN, max_batch=1)


class LastInFirstOut(AsyncOdd):
    """The latest job comes first."""

    capabilities = NO_ORDER

    def order(self, ready: list[Row]) -> list[Row]:
        """Backwards."""
        return ready[::-1]


class AnyOrder(AsyncOdd):
    """The order is drawn by lot, and so is how many come, but one at least."""

    capabilities = NO_ORDER

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.random = Random(1)

    def order(self, ready: list[Row]) -> list[Row]:
        """Some of them, shuffled."""
        return self.random.sample(ready, self.random.randint(1, len(ready))) if ready else []


class GoesToTheBack(AsyncOdd):
    """A job that failed or expired comes after all others."""

    def release(self, row: Row, at: float) -> None:
        """Move it to the back."""
        super().release(row, at)
        self.rows[row.job.id] = self.rows.pop(row.job.id)

    def expire(self) -> None:
        """End the leases that are due; the rows are moved meanwhile."""
        now = self.clock()
        for row in [each for each in self.rows.values() if each.state == "leased"]:
            if self.is_due(row, now):
                self.end(row, now)


class EveryOtherLeaseIsEmpty(AsyncOdd):
    """Every other lease delivers nothing: a queue on several servers of which one is asked."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.leases = 0

    def order(self, ready: list[Row]) -> list[Row]:
        """Nothing, or all."""
        self.leases += 1
        return ready if self.leases % 2 else []


class NothingWhileOthersAsk(AsyncOdd):
    """A lease delivers nothing while another call is in flight."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.running = 0

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Count the calls in flight."""
        self.running += 1
        try:
            await asyncio.sleep(0)
            return do(*args, **kwargs)
        finally:
            self.running -= 1

    def order(self, ready: list[Row]) -> list[Row]:
        """All, to one that is alone."""
        return ready if self.running == 1 else []


class SeenLate(AsyncOdd):
    """A job is not seen in the first two seconds in which it is ready, however it became so."""

    capabilities = replace(PLAIN, poll_delay=2.0)


class SeenAnyTime(AsyncOdd):
    """A job is seen at once or up to two seconds late."""

    capabilities = replace(NO_ORDER, poll_delay=2.0)

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.random = Random(2)

    def hidden(self) -> float:
        """Not at all, or up to two seconds."""
        return self.random.choice((0.0, 0.7, 2.0))


class RetriesLate(AsyncOdd):
    """A failed job is ready after five seconds."""

    capabilities = replace(PLAIN, retry_delay=5.0)


class RetriesLaterAndLater(AsyncOdd):
    """A failed job is ready after one second, two, four, and then always four."""

    capabilities = replace(PLAIN, retry_delay=4.0)

    def delay(self, row: Row) -> float:
        """Twice as long each time."""
        return min(2.0 ** (row.fails - 1), 4.0)


class RetriesSooner(AsyncOdd):
    """A failed job is ready at once, though five seconds were allowed."""

    capabilities = replace(PLAIN, retry_delay=5.0)

    def delay(self, row: Row) -> float:
        """None."""
        return 0.0


class WaitsForJobs(AsyncOdd):
    """A lease that finds nothing waits 50 ms (of virtual time) for jobs."""

    async def lease(self, limit: int) -> Any:
        """Ask twice."""
        jobs = self.take(limit)
        if not jobs and limit > 0:
            await self.sandbox.sleep(0.05)
            jobs = self.take(limit)
        return jobs


class IsWokenByJobs(AsyncOdd):
    """A lease that finds nothing waits, in real time, until a job is enqueued or a moment has passed."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.arrival = asyncio.Condition()

    async def enqueue(self, job: Job) -> None:
        """Take a job in and wake the waiting."""
        async with self.arrival:
            self.put(job)
            self.arrival.notify_all()

    async def lease(self, limit: int) -> Any:
        """Ask until something comes."""
        jobs = self.take(limit)
        try:
            async with asyncio.timeout(0.001), self.arrival:
                while not jobs and limit > 0:
                    await self.arrival.wait()
                    jobs = self.take(limit)
        except TimeoutError:
            pass
        return jobs
